import { assertNever } from '../errors.ts'
import type { IdempotencyStore } from '../store/idempotency-store.ts'
import type { SealedOwner, SealedRow, SealedSecretsStore } from '../store/sealed-secrets-store.ts'
import { SealBroken, type SecretBox, secretContext, webhookSecretContext } from './secret-box.ts'

export interface ReencryptOptions {
  /** At the start, and after each batch when it is durable. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void | Promise<void>
  /** Ends it after the batch in hand. */
  readonly signal?: AbortSignal
}

export interface Reencrypted {
  /** How many were not under the current master key at the start. */
  readonly total: number
  readonly changed: number
  /** Those that no key which is here opens. They stay as they are. */
  readonly unreadable: readonly string[]
  /**
   * Until then other master keys are needed for answers to requests with an Idempotency-Key; null: for none. These can't
   * be encrypted anew: it takes the Idempotency-Key, which nobody here has.
   */
  readonly oldKeysUntil: number | null
}

/**
 * Encrypts every secret in the store again, with the current master key of the box. Every batch is one transaction and
 * finds what is left by its master key: whenever it is ended, a later run goes on from there, and until then the store is
 * readable with the old key and the new one. When nothing is under the old one any more, and `oldKeysUntil` has passed, it
 * can be taken out.
 * @throws StoreUnavailable, and the reason of the signal.
 */
export async function reencryptSecrets(
  store: Pick<SealedSecretsStore, 'countSealedWithOther' | 'listSealedWithOther' | 'replaceSealed'> &
    Pick<IdempotencyStore, 'masterKeysOfAnswers'>,
  box: SecretBox,
  { onProgress, signal }: ReencryptOptions = {},
): Promise<Reencrypted> {
  const total = await store.countSealedWithOther(box.masterKeyId)
  const unreadable: string[] = []
  let changed = 0
  await onProgress?.({ done: 0, total })
  let after: string | null = null
  for (;;) {
    signal?.throwIfAborted()
    const rows: SealedRow[] = await store.listSealedWithOther(box.masterKeyId, after, batchMax)
    const last = rows.at(-1)
    if (last === undefined) break
    const resealed = rows.flatMap((row) => {
      const plain = openIfReadable(box, row)
      if (plain !== undefined) return [reseal(box, row, plain)]
      unreadable.push(row.id)
      return []
    })
    await store.replaceSealed(resealed)
    changed += resealed.length
    after = last.id
    await onProgress?.({ done: changed + unreadable.length, total })
  }
  const answers = (await store.masterKeysOfAnswers()).filter(({ masterKeyId }) => masterKeyId !== box.masterKeyId)
  const oldKeysUntil = answers.length === 0 ? null : Math.max(...answers.map(({ until }) => until))
  return { total, changed, unreadable, oldKeysUntil }
}

function openIfReadable(box: SecretBox, { owner, sealed }: SealedRow): Buffer | undefined {
  try {
    return box.open(sealed, contextOf(owner))
  } catch (error) {
    if (error instanceof SealBroken) return undefined
    throw error
  }
}

function reseal(box: SecretBox, { id, owner, sealed }: SealedRow, plain: Buffer) {
  const next = box.seal(plain, contextOf(owner))
  plain.fill(0)
  return { id, kind: owner.kind, sealed: next, sealedWith: box.masterKeyId, previous: sealed }
}

function contextOf(owner: SealedOwner): string {
  switch (owner.kind) {
    case 'api_key':
      return secretContext(owner)
    case 'webhook':
      return webhookSecretContext(owner)
    default:
      return assertNever(owner)
  }
}

/** Some 20 ms of work, and a transaction that others hardly notice. */
const batchMax = 200
