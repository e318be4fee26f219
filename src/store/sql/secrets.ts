import type { Actor, ApiKey, NewSecret, Store } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { record } from './key-changes.ts'
import { isLive, type KeyRow, keyRow, loadKey } from './key-record.ts'
import { insertSecret } from './new-key.ts'
import { dropSealed } from './sealed-secrets.ts'

export type SecretMethods = Pick<Store, 'rotateKey' | 'touchSecrets'>

export function secretMethods({ db, write, many, clock }: SqlEngine): SecretMethods {
  const touch = db
    .updateTable('key_secrets')
    .set({ last_used_at: 0 })
    .where('id', '=', '')
    // Batches may come late or from several nodes: the newest time stays.
    .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', 0)]))
    .compile().sql

  return {
    rotateKey: (organizationId, keyId, secret, graceEndsAt, actor) =>
      write((trx) => rotateKeyIn(trx, organizationId, keyId, secret, graceEndsAt, actor, clock.now())),

    async touchSecrets(lastUsed) {
      if (lastUsed.size === 0) return
      await many(
        touch,
        Array.from(lastUsed, ([id, at]) => [at, id, at]),
      )
    },
  }
}

/** @param graceEndsAt when the earlier secrets end; null: at once. @returns undefined when there is no such active key. */
export async function rotateKeyIn(
  trx: Writer,
  organizationId: string,
  keyId: string,
  secret: NewSecret,
  graceEndsAt: number | null,
  actor: Actor,
  now: number,
): Promise<ApiKey | undefined> {
  const row = await keyRow(trx, organizationId, keyId)
  if (!row || !isLive(row, now)) return undefined
  const endsAt = graceEndsAt === null || graceEndsAt <= now ? null : earlier(graceEndsAt, row.expires_at)
  if (endsAt === null) await endSecrets(trx, row, now)
  else await limitSecrets(trx, row, endsAt)
  await dropSealed(trx, keyId)
  const secretId = await insertSecret(trx, row, secret, now)
  await trx.updateTable('api_keys').set({ updated_at: now }).where('id', '=', keyId).execute()
  const key = await loadKey(trx, { ...row, updated_at: now }, now)
  const { keyPrefix, keySuffix } = secret
  const after = { secret_id: secretId, key_prefix: keyPrefix, key_suffix: keySuffix, grace_ends_at: endsAt }
  await record(trx, 'api_key.rotated', key, actor, now, { after })
  return key
}

async function endSecrets(trx: Writer, { id }: KeyRow, now: number): Promise<void> {
  await trx
    .updateTable('key_secrets')
    .set({ ended_at: now })
    .where('key_id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/** One that ends earlier already keeps its end: a second rotation gives nothing back. */
async function limitSecrets(trx: Writer, { id }: KeyRow, endsAt: number): Promise<void> {
  await trx
    .updateTable('key_secrets')
    .set({ expires_at: endsAt })
    .where('key_id', '=', id)
    .where('ended_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', endsAt)]))
    .execute()
}

const earlier = (time: number, other: number | null): number => (other === null ? time : Math.min(time, other))
