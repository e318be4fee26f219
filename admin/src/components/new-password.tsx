import { PasswordInput } from '@mantine/core'

/** What the server asks of a new one. */
const charactersMin = 12

export const isLongEnough = (password: string): boolean => password.length >= charactersMin

/** A password that is being chosen. Length is all that is asked; a password manager is offered to make one. */
export function NewPassword({
  label,
  value,
  onChange,
  error,
  autoFocus = false,
}: {
  label: string
  value: string
  onChange: (value: string) => void
  error?: string | undefined
  autoFocus?: boolean
}) {
  const missing = charactersMin - value.length
  return (
    <PasswordInput
      label={label}
      description={
        value === ''
          ? `${charactersMin} characters or more. Several words are easier to keep than signs.`
          : missing > 0
            ? `${missing} more ${missing === 1 ? 'character' : 'characters'}.`
            : 'Long enough.'
      }
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      autoComplete="new-password"
      autoFocus={autoFocus}
      minLength={charactersMin}
      maxLength={1024}
      required
    />
  )
}
