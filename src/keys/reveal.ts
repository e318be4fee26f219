import type { Actor, Store } from '../store/store.ts'
import { Secret } from './secret.ts'
import { SealBroken, type SecretBox, secretContext } from './secret-box.ts'

export type RevealedKey =
  | { readonly ok: true; readonly secret: Secret }
  | { readonly ok: false; readonly reason: 'not_active' | 'not_kept' }
  | { readonly ok: false; readonly reason: 'sealed'; readonly error: SealBroken }

/**
 * The newest secret of a key once more, where an encrypted copy was kept. The audit trail has it before anybody sees it.
 * Shared by the command line and the admin API.
 * @throws StoreUnavailable
 */
export async function revealKey(
  organizationId: string,
  keyId: string,
  { store, box, actor }: { store: Pick<Store, 'findSealedSecret' | 'appendEvent'>; box: SecretBox; actor: Actor },
): Promise<RevealedKey> {
  const found = await store.findSealedSecret(organizationId, keyId)
  if (found === undefined) return { ok: false, reason: 'not_active' }
  if (found.sealed === null) return { ok: false, reason: 'not_kept' }
  let secret: Secret
  try {
    secret = new Secret(box.open(found.sealed, secretContext(found)).toString())
  } catch (error) {
    if (error instanceof SealBroken) return { ok: false, reason: 'sealed', error }
    throw error
  }
  const after = { secret_id: found.secretId }
  await store.appendEvent({ type: 'api_key.revealed', organizationId, target: keyId, after }, actor)
  return { ok: true, secret }
}
