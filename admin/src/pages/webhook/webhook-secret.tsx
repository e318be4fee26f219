import type { Schema } from '../../api/client.ts'
import { SecretOnce } from '../../components/secret-once.tsx'

/** The secret with which a webhook's messages are signed, shown this once. */
export function WebhookSecret({
  title,
  made: { secret },
  onDone,
}: {
  title: string
  made: Schema<'WebhookWithSecret'>
  onDone: () => void
}) {
  return (
    <SecretOnce
      title={title}
      secret={secret}
      filename="sallyport-webhook-secret.txt"
      about="Give it to whatever receives the messages: with it, your side checks the webhook-signature header of each (any library for Standard Webhooks does). This is the only time that it is shown."
      {...(secret !== null && { example: check(secret) })}
      onStored={onDone}
    />
  )
}

const check = (secret: string): string =>
  `import { Webhook } from 'standardwebhooks'
new Webhook('${secret}').verify(body, headers) // throws when it is forged`
