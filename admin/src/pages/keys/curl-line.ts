import type { Schema } from '../../api/client.ts'

/** A line that asks the data plane who the key is; it needs no scope. */
export const curlLine = (secret: string, settings: Schema<'Settings'> | undefined): string | undefined =>
  settings?.data_url == null
    ? undefined
    : `curl -H "Authorization: Bearer ${secret}" ${settings.data_url.replace(/\/$/, '')}${settings.me_path}`

/** What a secret is saved as. */
export const secretFile = (name: string): string =>
  `${
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'api-key'
  }.key.txt`

/** With `keys.reveal` it is not the last time, but it is for whoever may not manage the key. */
export const secretNote = (settings: Schema<'Settings'> | undefined): string | undefined =>
  settings?.reveal
    ? 'Copy it now and store it somewhere safe. After this it is shown only to those who may manage the key, with their password.'
    : undefined
