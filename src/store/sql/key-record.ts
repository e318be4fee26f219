import type { Selectable } from 'kysely'
import type { ApiKeysTable, KeySecretsTable } from '../schema.ts'
import type { ApiKey, Secret, WorkspaceRef } from '../store.ts'
import type { Reader } from './engine.ts'

export type KeyRow = Selectable<ApiKeysTable>

/** @returns the row of a key, undefined when there is none in this organization. Deleted ones are rows too. */
export const keyRow = (db: Reader, organizationId: string, keyId: string): Promise<KeyRow | undefined> =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('id', '=', keyId)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()

/** Rows with what belongs to them, in the order given. Three queries, however many rows. */
export async function loadKeys(db: Reader, rows: readonly KeyRow[], now: number): Promise<ApiKey[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const secrets = await db
    .selectFrom('key_secrets')
    .selectAll()
    .where('key_id', 'in', ids)
    .orderBy('id', 'desc')
    .execute()
  const grants = await db
    .selectFrom('key_workspaces')
    .innerJoin('workspaces', 'workspaces.id', 'key_workspaces.workspace_id')
    .select(['key_workspaces.key_id', 'workspaces.id', 'workspaces.external_id'])
    .where('key_workspaces.key_id', 'in', ids)
    .orderBy('workspaces.id')
    .execute()
  const secretsOf = Map.groupBy(secrets, ({ key_id }) => key_id)
  const grantsOf = Map.groupBy(grants, ({ key_id }) => key_id)
  return rows.map((row) => {
    const workspaces = (grantsOf.get(row.id) ?? []).map(({ id, external_id }) => ({ id, externalId: external_id }))
    return toApiKey(row, secretsOf.get(row.id) ?? [], workspaces, now)
  })
}

export async function loadKey(db: Reader, row: KeyRow, now: number): Promise<ApiKey> {
  const [key] = await loadKeys(db, [row], now)
  if (!key) throw new Error('a row makes one key')
  return key
}

/** Neither revoked nor expired. */
export const isLive = (row: KeyRow, now: number): boolean =>
  row.revoked_at === null && (row.expires_at === null || row.expires_at > now)

function toApiKey(
  row: KeyRow,
  secrets: readonly Selectable<KeySecretsTable>[],
  workspaces: readonly WorkspaceRef[],
  now: number,
): ApiKey {
  const lastUsed = secrets.flatMap(({ last_used_at }) => (last_used_at === null ? [] : [last_used_at]))
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    description: row.description,
    environment: row.environment,
    scopes: JSON.parse(row.scopes),
    expiresAt: row.expires_at,
    projectId: row.project_id,
    workspaces,
    allowedIps: JSON.parse(row.allowed_ips),
    rateLimit: row.rate_limit === null ? null : JSON.parse(row.rate_limit),
    serviceAccountId: row.service_account_id,
    metadata: JSON.parse(row.metadata),
    system: row.system === 1,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revokedAt: row.revoked_at,
    revokedReason: row.revoked_reason,
    lastUsedAt: lastUsed.length === 0 ? null : lastUsed.reduce((a, b) => Math.max(a, b)),
    secrets: shownSecrets(row, secrets, now),
  }
}

/** The live ones; with none live the last one, by which people know the key. */
function shownSecrets(row: KeyRow, newestFirst: readonly Selectable<KeySecretsTable>[], now: number): Secret[] {
  const live = newestFirst.filter(
    (secret) => secret.ended_at === null && (secret.expires_at === null || secret.expires_at > now),
  )
  const shown = isLive(row, now) && live.length > 0 ? live : newestFirst.slice(0, 1)
  return shown.map((secret) => ({
    id: secret.id,
    keyPrefix: secret.key_prefix,
    keySuffix: secret.key_suffix,
    createdAt: secret.created_at,
    expiresAt: secret.ended_at ?? secret.expires_at,
    lastUsedAt: secret.last_used_at,
  }))
}
