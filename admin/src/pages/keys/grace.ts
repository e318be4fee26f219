/** How long the secrets of before a rotation stay valid, in seconds. */
export const graceChoices: readonly { readonly value: string; readonly label: string }[] = [
  { value: '0', label: 'Not at all: it ends at once' },
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
  { value: '2592000', label: '30 days' },
]
