import { newId } from '../../ids.ts'
import {
  type Actor,
  type ApiKey,
  type Metadata,
  type NewKey,
  type Store,
  StoreConflict,
  StoreMissing,
} from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordChange, recordEvent } from './events.ts'
import { type KeyRow, keyRow, loadKey } from './key-record.ts'
import { requireOrganization, toJson } from './organizations.ts'
import { difference } from './patch.ts'
import { serviceAccountById } from './service-accounts.ts'
import { workspaceByEither, workspaceById } from './workspaces.ts'

export type KeyChangeMethods = Pick<Store, 'createKey' | 'updateKey' | 'revokeKey' | 'deleteKey'>

export function keyChangeMethods({ write, clock }: SqlEngine): KeyChangeMethods {
  return {
    createKey: (input, actor) =>
      write(async (trx) => {
        const { organizationId } = input
        await requireOrganization(trx, organizationId)
        await requireServiceAccount(trx, organizationId, input.serviceAccountId ?? null)
        const workspaceIds = await grantsOf(trx, input)
        const now = clock.now()
        const row = newRow(input, newId('key', now), actor, now)
        await trx.insertInto('api_keys').values(row).execute()
        await insertSecret(trx, row.id, input.secret, now)
        for (const workspaceId of workspaceIds) {
          await trx
            .insertInto('key_workspaces')
            .values({ key_id: row.id, workspace_id: workspaceId, created_at: now })
            .execute()
        }
        const key = await loadKey(trx, row, now)
        await record(trx, 'api_key.created', key, actor, now, { after: describe(key) })
        return key
      }),

    updateKey: (organizationId, keyId, patch, actor) =>
      write(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        if (!row || row.deleted_at !== null) return undefined
        const now = clock.now()
        const current = await loadKey(trx, row, now)
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
      write(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        if (!row) return undefined
        const now = clock.now()
        if (row.revoked_at !== null) return loadKey(trx, row, now)
        const ended = { revoked_at: now, revoked_reason: reason, updated_at: now }
        await trx.updateTable('api_keys').set(ended).where('id', '=', keyId).execute()
        const key = await loadKey(trx, { ...row, ...ended }, now)
        await record(trx, 'api_key.revoked', key, actor, now, { after: { revoked_reason: reason } })
        return key
      }),

    deleteKey: (organizationId, keyId, actor) =>
      write(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        if (!row || row.deleted_at !== null) return false
        const now = clock.now()
        await trx
          .updateTable('api_keys')
          .set({ revoked_at: row.revoked_at ?? now, deleted_at: now, updated_at: now })
          .where('id', '=', keyId)
          .execute()
        const key = { id: keyId, organizationId }
        await record(trx, 'api_key.deleted', key, actor, now, { before: { name: row.name } })
        return true
      }),
  }
}

/** The event and the change-log row of one change to a key. */
export async function record(
  trx: Writer,
  type: string,
  { id, organizationId }: Pick<ApiKey, 'id' | 'organizationId'>,
  actor: Actor,
  now: number,
  sides: { before?: Metadata; after?: Metadata },
): Promise<void> {
  const { before = null, after = null } = sides
  await recordEvent(trx, { type, organizationId, target: id, before, after }, actor, now)
  await recordChange(trx, 'api_key', id, now)
}

/** @returns the new secret's id. */
export async function insertSecret(
  trx: Writer,
  keyId: string,
  { sha256, keyPrefix, keySuffix }: NewKey['secret'],
  now: number,
): Promise<string> {
  const id = newId('sec', now)
  const what = { key_prefix: keyPrefix, key_suffix: keySuffix }
  await trx
    .insertInto('key_secrets')
    .values({
      id,
      key_id: keyId,
      sha256,
      ...what,
      created_at: now,
      expires_at: null,
      ended_at: null,
      last_used_at: null,
    })
    .execute()
  return id
}

async function requireServiceAccount(trx: Writer, organizationId: string, id: string | null): Promise<void> {
  if (id !== null && !(await serviceAccountById(trx, organizationId, id))) throw new StoreMissing('service_account')
}

/** The workspaces that a new key is granted, the one it is bound to included. */
async function grantsOf(trx: Writer, input: NewKey): Promise<ReadonlySet<string>> {
  const granted = new Set<string>()
  for (const id of input.workspaceIds ?? []) {
    const workspace = await workspaceById(trx, input.organizationId, id)
    if (!workspace) throw new StoreMissing('workspace')
    granted.add(workspace.id)
  }
  if (input.projectId === undefined || input.projectId === null) return granted
  const project = await workspaceByEither(trx, input.organizationId, input.projectId)
  if (!project) throw new StoreMissing('project_id')
  granted.add(project.id)
  // A key bound to one workspace has a grant for no other.
  if (granted.size > 1) throw new StoreConflict('project_id')
  return granted
}

function newRow(input: NewKey, id: string, actor: Actor, now: number): KeyRow {
  return {
    id,
    organization_id: input.organizationId,
    name: input.name,
    description: input.description ?? '',
    environment: input.environment,
    scopes: JSON.stringify(input.scopes),
    expires_at: input.expiresAt ?? null,
    project_id: input.projectId ?? null,
    allowed_ips: JSON.stringify(input.allowedIps ?? []),
    rate_limit: toJson(input.rateLimit ?? null),
    service_account_id: input.serviceAccountId ?? null,
    metadata: JSON.stringify(input.metadata ?? {}),
    system: input.system ? 1 : 0,
    created_by: actor.id,
    created_at: now,
    updated_at: now,
    revoked_at: null,
    revoked_reason: null,
    deleted_at: null,
  }
}

/** What the audit trail keeps of a new key: all that says what it may do, and nothing that could be used as it. */
const describe = (key: ApiKey): Metadata => ({
  name: key.name,
  environment: key.environment,
  scopes: key.scopes,
  expires_at: key.expiresAt,
  project_id: key.projectId,
  workspace_ids: key.workspaces.map(({ id }) => id),
  allowed_ips: key.allowedIps,
  rate_limit: key.rateLimit,
  service_account_id: key.serviceAccountId,
  system: key.system,
  key_prefix: key.secrets[0]?.keyPrefix,
  key_suffix: key.secrets[0]?.keySuffix,
})
