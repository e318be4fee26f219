import { newId } from '../../ids.ts'
import type { EventType } from '../event-types.ts'
import {
  type ActingKey,
  type Actor,
  type ApiKey,
  type Metadata,
  type NewKey,
  type Store,
  StoreChanged,
} from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordChange, recordEvent } from './events.ts'
import { isLive, type KeyRow, keyRow, loadKey } from './key-record.ts'
import { describeKey, grantsOf, insertSecret, newRow, requireServiceAccount } from './new-key.ts'
import { requireOrganization, toJson } from './organizations.ts'
import { difference, requireThat } from './patch.ts'
import { dropSealed } from './sealed-secrets.ts'

export type KeyChangeMethods = Pick<Store, 'createKey' | 'updateKey' | 'revokeKey' | 'deleteKey'>

export function keyChangeMethods({ write, clock }: SqlEngine): KeyChangeMethods {
  return {
    createKey: (input, actor, by) =>
      write(async (trx) => {
        const now = clock.now()
        if (by !== undefined) await requireActing(trx, input.organizationId, by, undefined, now)
        return createKeyIn(trx, input, actor, now)
      }),

    updateKey: (organizationId, keyId, patch, actor, holds) =>
      write(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        if (!row || row.deleted_at !== null) return undefined
        const now = clock.now()
        const current = await loadKey(trx, row, now)
        requireThat(holds, current)
        const { name, description, scopes, allowedIps, rateLimit, metadata, system } = patch
        const diff = difference<ApiKey>(current, {
          ...(name !== undefined && { name }),
          ...(description !== undefined && { description }),
          ...(scopes !== undefined && { scopes }),
          ...(allowedIps !== undefined && { allowedIps }),
          ...(rateLimit !== undefined && { rateLimit }),
          ...(metadata !== undefined && { metadata }),
          ...(system !== undefined && { system }),
        })
        if (!diff) return current
        const updated = { ...current, ...diff.changed, updatedAt: now }
        await trx
          .updateTable('api_keys')
          .set({
            name: updated.name,
            description: updated.description,
            scopes: JSON.stringify(updated.scopes),
            allowed_ips: JSON.stringify(updated.allowedIps),
            rate_limit: toJson(updated.rateLimit),
            metadata: JSON.stringify(updated.metadata),
            system: updated.system ? 1 : 0,
            updated_at: now,
          })
          .where('id', '=', keyId)
          .execute()
        await record(trx, 'api_key.updated', updated, actor, now, diff)
        return updated
      }),

    revokeKey: (organizationId, keyId, reason, actor) =>
      write((trx) => revokeKeyIn(trx, organizationId, keyId, reason, actor, clock.now())),

    deleteKey: (organizationId, keyId, actor, by) =>
      write(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        if (!row || row.deleted_at !== null) return false
        const now = clock.now()
        if (by !== undefined) await requireActing(trx, organizationId, by, row, now)
        await trx
          .updateTable('api_keys')
          .set({ revoked_at: row.revoked_at ?? now, deleted_at: now, updated_at: now })
          .where('id', '=', keyId)
          .execute()
        await dropSealed(trx, keyId)
        const key = { id: keyId, organizationId }
        await record(trx, 'api_key.deleted', key, actor, now, { before: { name: row.name } })
        return true
      }),
  }
}

/** @throws StoreChanged when the key is not live any more, or may not do this. */
async function requireActing(
  trx: Writer,
  organizationId: string,
  { keyId, secretId, holds }: ActingKey,
  target: KeyRow | undefined,
  now: number,
): Promise<void> {
  const row = await keyRow(trx, organizationId, keyId)
  const acting = row && isLive(row, now) ? await loadKey(trx, row, now) : undefined
  const secret = acting?.secrets.find(({ id }) => id === secretId)
  if (
    acting === undefined ||
    secret === undefined ||
    (secret.expiresAt ?? Number.POSITIVE_INFINITY) <= now ||
    !holds(acting, target && (await loadKey(trx, target, now)))
  ) {
    throw new StoreChanged('the key that asks for this may not do it any more')
  }
}

/**
 * One creation in the caller's transaction.
 * @throws StoreMissing before anything is written, StoreConflict also when half of it is: then the transaction must end.
 */
export async function createKeyIn(trx: Writer, input: NewKey, actor: Actor, now: number): Promise<ApiKey> {
  const { organizationId } = input
  await requireOrganization(trx, organizationId)
  await requireServiceAccount(trx, organizationId, input.serviceAccountId ?? null)
  const workspaceIds = await grantsOf(trx, input)
  const row = newRow(input, newId('key', now), actor, now)
  await trx.insertInto('api_keys').values(row).execute()
  await insertSecret(trx, row, input.secret, now)
  for (const workspaceId of workspaceIds) {
    await trx
      .insertInto('key_workspaces')
      .values({ key_id: row.id, workspace_id: workspaceId, created_at: now })
      .execute()
  }
  const key = await loadKey(trx, row, now)
  await record(trx, 'api_key.created', key, actor, now, { after: describeKey(key) })
  return key
}

/** Irreversible; once more changes nothing. @returns undefined when the organization has no such key. */
export async function revokeKeyIn(
  trx: Writer,
  organizationId: string,
  keyId: string,
  reason: string | null,
  actor: Actor,
  now: number,
): Promise<ApiKey | undefined> {
  const row = await keyRow(trx, organizationId, keyId)
  if (!row) return undefined
  if (row.revoked_at !== null) return loadKey(trx, row, now)
  const ended = { revoked_at: now, revoked_reason: reason, updated_at: now }
  await trx.updateTable('api_keys').set(ended).where('id', '=', keyId).execute()
  await dropSealed(trx, keyId)
  const key = await loadKey(trx, { ...row, ...ended }, now)
  await record(trx, 'api_key.revoked', key, actor, now, { after: { revoked_reason: reason } })
  return key
}

/** The event and the change-log row of one change to a key. */
export async function record(
  trx: Writer,
  type: EventType,
  { id, organizationId }: Pick<ApiKey, 'id' | 'organizationId'>,
  actor: Actor,
  now: number,
  sides: { before?: Metadata; after?: Metadata },
): Promise<void> {
  const { before = null, after = null } = sides
  await recordEvent(trx, { type, organizationId, target: id, before, after }, actor, now)
  await recordChange(trx, 'api_key', id, now)
}
