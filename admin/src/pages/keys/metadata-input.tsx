import { Textarea } from '@mantine/core'
import type { Schema } from '../../api/client.ts'

export type Metadata = Schema<'ApiKeyRecord'>['metadata']

/** undefined: it is not a JSON object. */
export function metadataOf(text: string): Metadata | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metadata) : undefined
  } catch {
    return undefined
  }
}

export const metadataText = (metadata: Metadata): string =>
  Object.keys(metadata).length === 0 ? '' : JSON.stringify(metadata, null, 2)

/** Facts of one's own about a key (or what `of` names), as a JSON object. */
export function MetadataInput({
  of = 'key',
  value,
  onChange,
  error,
}: {
  of?: string
  value: string
  onChange: (value: string) => void
  error?: string | undefined
}) {
  return (
    <Textarea
      label="Metadata"
      description={`Facts of your own, as a JSON object. They come back with the ${of}; the gateway does nothing with them.`}
      placeholder={'{ "team": "billing" }'}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error ?? (metadataOf(value) === undefined && 'This is not a JSON object yet.')}
      classNames={{ input: 'mono' }}
      autosize
      minRows={2}
      maxRows={8}
      spellCheck={false}
    />
  )
}
