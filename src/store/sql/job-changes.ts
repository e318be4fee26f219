import { assertNever } from '../../errors.ts'
import type { KeyChange, KeyOutcome } from '../jobs-store.ts'
import { type Actor, type NewKey, StoreConflict, StoreMissing } from '../store.ts'
import type { Writer } from './engine.ts'
import { createKeyIn, revokeKeyIn } from './key-changes.ts'
import { keyRow } from './key-record.ts'
import { rotateKeyIn } from './secrets.ts'

/** One change of many in a step: what can't be done is said, and the others go on. */
export async function changeKey(trx: Writer, change: KeyChange, actor: Actor, now: number): Promise<KeyOutcome> {
  switch (change.kind) {
    case 'create':
      return create(trx, change.key, actor, now)
    case 'revoke': {
      const { organizationId, keyId, reason } = change
      const row = await keyRow(trx, organizationId, keyId)
      if (!row || row.deleted_at !== null || row.revoked_at !== null || row.system === 1) return { kind: 'skipped' }
      const key = await revokeKeyIn(trx, organizationId, keyId, reason, actor, now)
      return key ? { kind: 'done', key } : { kind: 'skipped' }
    }
    case 'rotate': {
      const { organizationId, keyId, secret, graceEndsAt } = change
      const row = await keyRow(trx, organizationId, keyId)
      if (!row || row.system === 1) return { kind: 'skipped' }
      const key = await rotateKeyIn(trx, organizationId, keyId, secret, graceEndsAt, actor, now)
      return key ? { kind: 'done', key } : { kind: 'skipped' }
    }
    default:
      return assertNever(change)
  }
}

async function create(trx: Writer, input: NewKey, actor: Actor, now: number): Promise<KeyOutcome> {
  // Asked first: no other writer runs beside, and a broken rule in the middle would end the whole step.
  const holder = await trx
    .selectFrom('key_secrets')
    .innerJoin('api_keys', 'api_keys.id', 'key_secrets.key_id')
    .select(['api_keys.id', 'api_keys.organization_id', 'api_keys.deleted_at'])
    .where('sha256', '=', input.secret.sha256)
    .executeTakeFirst()
  if (holder) {
    const isOwn = holder.organization_id === input.organizationId && holder.deleted_at === null
    return isOwn ? { kind: 'present', keyId: holder.id } : { kind: 'taken' }
  }
  try {
    return { kind: 'done', key: await createKeyIn(trx, input, actor, now) }
  } catch (error) {
    // Both come from checks that stand before the first row.
    if (error instanceof StoreMissing) return { kind: 'missing', field: error.field }
    if (error instanceof StoreConflict) return { kind: 'conflict', field: error.field }
    throw error
  }
}
