import { timingSafeEqual } from 'node:crypto'
import type { KeyRecord, WorkspaceRef } from '../store.ts'

/** What the look-up of a key reads, on every database: see `keyByHashSql`. */
export interface HotRow {
  readonly secret_id: string
  readonly sha256: Uint8Array
  readonly secret_expires_at: number | null
  readonly key_prefix: string
  readonly key_id: string
  readonly name: string
  readonly environment: string | null
  readonly scopes: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly project_id: string | null
  readonly allowed_ips: string
  readonly rate_limit: string | null
  readonly service_account_id: string | null
  readonly account_active: number | null
  readonly org_id: string
  readonly org_name: string
  readonly org_slug: string
  readonly org_status: string
  readonly org_rate_limit: string | null
  readonly last_used_at: number | null
  readonly workspaces: string
}

/** @param hash the parameter of the statement. @param workspaces an expression: what `HotRow.workspaces` holds, of the workspaces `w`. */
export const keyByHashSql = (hash: string, workspaces: string): string => `
  select s.id as secret_id, s.sha256, s.expires_at as secret_expires_at, s.key_prefix,
    k.id as key_id, k.name, k.environment, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.project_id,
    k.allowed_ips, k.rate_limit, k.service_account_id, a.is_active as account_active,
    o.id as org_id, o.name as org_name, o.slug as org_slug, o.status as org_status, o.rate_limit as org_rate_limit,
    (select max(used.last_used_at) from key_secrets used where used.key_id = k.id) as last_used_at,
    (select ${workspaces}
      from key_workspaces g join workspaces w on w.id = g.workspace_id where g.key_id = k.id) as workspaces
  from key_secrets s
    join api_keys k on k.id = s.key_id
    join organizations o on o.id = k.organization_id
    left join service_accounts a on a.id = k.service_account_id
  where s.sha256 = ${hash} and s.ended_at is null`

/** @param sha256 what was asked for: the index has compared already, but not in constant time. */
export const keyFound = (row: HotRow | undefined, sha256: Buffer): KeyRecord | undefined =>
  row && timingSafeEqual(row.sha256, sha256) ? toKeyRecord(row) : undefined

function toKeyRecord(row: HotRow): KeyRecord {
  const workspaces: WorkspaceRef[] = JSON.parse(row.workspaces)
  return {
    secretId: row.secret_id,
    secretExpiresAt: row.secret_expires_at,
    keyId: row.key_id,
    name: row.name,
    keyPrefix: row.key_prefix,
    environment: row.environment,
    scopes: JSON.parse(row.scopes),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    projectId: row.project_id,
    allowedIps: JSON.parse(row.allowed_ips),
    rateLimit: row.rate_limit === null ? null : JSON.parse(row.rate_limit),
    serviceAccountId: row.service_account_id,
    // An owner that is not there is no active owner.
    serviceAccountActive: row.service_account_id === null || row.account_active === 1,
    workspaces,
    organization: {
      id: row.org_id,
      name: row.org_name,
      slug: row.org_slug,
      status: row.org_status === 'active' ? 'active' : 'suspended',
      rateLimit: row.org_rate_limit === null ? null : JSON.parse(row.org_rate_limit),
    },
  }
}
