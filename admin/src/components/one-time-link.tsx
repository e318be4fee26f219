import type { Schema } from '../api/client.ts'
import { SecretOnce } from './secret-once.tsx'
import { exactTime } from './time.tsx'

/** A link with which somebody sets a password, to be handed on: it is shown once, and works once. */
export function OneTimeLink({
  link: { url, expires_at },
  name,
  onDone,
}: {
  link: Schema<'OneTimeLink'>
  /** Whose it is. */
  name: string
  onDone: () => void
}) {
  return (
    <SecretOnce
      title={`A link for ${name}`}
      secret={url}
      filename="sallyport-link.txt"
      about={`Send it to ${name} over a channel that you trust: whoever opens it first sets the password. It works once, until ${exactTime(expires_at)}, and is shown here alone.`}
      lost="This link was shown before and can’t be shown again. Make another if nobody has it."
      promise="I have sent it on"
      onStored={onDone}
    />
  )
}
