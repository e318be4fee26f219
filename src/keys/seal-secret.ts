import type { NewSecret } from '../store/store.ts'
import type { Secret } from './secret.ts'
import { type SecretBox, secretContext } from './secret-box.ts'

/** Makes the store's copy of a fresh secret, so that it can be shown again. */
export type SealSecret = (secret: Secret) => NonNullable<NewSecret['seal']>

/**
 * The copy is made by the store in the transaction of the key, which alone knows the ids that it is bound to; the store
 * never gets the secret itself.
 */
export const sealInto =
  (box: SecretBox): SealSecret =>
  (secret) =>
  (owner) => ({ sealed: box.seal(Buffer.from(secret.reveal()), secretContext(owner)), sealedWith: box.masterKeyId })
