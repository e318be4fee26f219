import type { KeyRecord, WorkspaceRef } from '../store.ts'

/** What the look-up of a key reads, on every database; each has a statement of its own for it. */
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

export function toKeyRecord(row: HotRow): KeyRecord {
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

/**
 * Whether the change of a number is another one than the follower has read under it.
 * @param known when it was made, by this database. @param at the same, as the follower was told.
 */
export const isAnotherLog = (known: number | undefined, at: number | undefined): boolean =>
  known !== undefined && at !== undefined && known !== at
