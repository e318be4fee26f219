import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { Secret } from '../keys/secret.ts'
import { type SecretBox, webhookSecretContext } from '../keys/secret-box.ts'
import type { SealWebhookSecret, WebhookSecretOwner } from '../store/webhooks-store.ts'

/** A fresh secret: shown once, and the store's copy of it. */
export interface FreshSecret {
  /** `whsec_…` */
  readonly secret: Secret
  readonly seal: SealWebhookSecret
}

/** 256 random bits; Standard Webhooks asks for 192 to 512. */
export function newWebhookSecret(box: SecretBox): FreshSecret {
  const bytes = randomBytes(32)
  return {
    secret: new Secret(`whsec_${bytes.toString('base64')}`),
    seal: (owner) => ({ sealed: box.seal(bytes, webhookSecretContext(owner)), sealedWith: box.masterKeyId }),
  }
}

/**
 * The headers of Standard Webhooks, with one signature for each secret.
 * @param at of this attempt, not of the message: receivers refuse what is older than some minutes.
 * @throws SealBroken when a secret can't be opened.
 */
export function signedHeaders(
  box: SecretBox,
  secrets: readonly (WebhookSecretOwner & { readonly sealed: Uint8Array })[],
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
): Record<string, string> {
  const signatures = secrets.map(({ sealed, ...owner }) => {
    const key = box.open(sealed, webhookSecretContext(owner))
    return new Webhook(key, { format: 'raw' }).sign(id, new Date(at), body)
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': signatures.join(' '),
  }
}
