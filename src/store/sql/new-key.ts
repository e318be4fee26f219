import { newId } from '../../ids.ts'
import {
  type Actor,
  type ApiKey,
  type Metadata,
  type NewKey,
  type NewSecret,
  StoreConflict,
  StoreMissing,
} from '../store.ts'
import type { Writer } from './engine.ts'
import type { KeyRow } from './key-record.ts'
import { toJson } from './organizations.ts'
import { insertSealed } from './sealed-secrets.ts'
import { serviceAccountById } from './service-accounts.ts'
import { workspaceByEither, workspaceById } from './workspaces.ts'

/** The row of a key as its creator asks for it. */
export function newRow(input: NewKey, id: string, actor: Actor, now: number): KeyRow {
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

/** @returns the new secret's id. */
export async function insertSecret(
  trx: Writer,
  { id: keyId, organization_id: organizationId }: Pick<KeyRow, 'id' | 'organization_id'>,
  secret: NewSecret,
  now: number,
): Promise<string> {
  const { sha256, keyPrefix, keySuffix } = secret
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
  await insertSealed(trx, secret, { secretId: id, keyId, organizationId })
  return id
}

/** @throws StoreMissing when the organization has no such service account. */
export async function requireServiceAccount(trx: Writer, organizationId: string, id: string | null): Promise<void> {
  if (id !== null && !(await serviceAccountById(trx, organizationId, id))) throw new StoreMissing('service_account')
}

/**
 * The workspaces that a new key is granted, the one it is bound to included.
 * @throws StoreMissing when the organization lacks one, StoreConflict when a bound key shall have another one.
 */
export async function grantsOf(trx: Writer, input: NewKey): Promise<ReadonlySet<string>> {
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

/** What the audit trail keeps of a new key: all that says what it may do, and nothing that could be used as it. */
export const describeKey = (key: ApiKey): Metadata => ({
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
