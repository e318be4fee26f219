import { formatDuration } from '../config/duration.ts'
import type {
  AdminEvent,
  ApiKey,
  Organization,
  RateLimitSetting,
  RequestRow,
  Secret,
  ServiceAccount,
  Workspace,
} from '../store/store.ts'

/**
 * Objects as the outside sees them: snake_case, times in ISO 8601 UTC. The admin API answers with these and the command
 * line prints them with --json, so that a script can read either.
 */

/** @param now decides whether the key counts as expired. */
export function apiKeyRecord(key: ApiKey, now: number) {
  const status = keyStatus(key, now)
  const newest = key.secrets[0]
  return {
    id: key.id,
    name: key.name,
    description: key.description,
    organization_id: key.organizationId,
    project_id: key.projectId,
    environment: key.environment,
    scopes: key.scopes,
    key_prefix: newest?.keyPrefix ?? '',
    key_suffix: newest?.keySuffix ?? '',
    status,
    is_active: status === 'active',
    workspaces_total: key.workspaces.length,
    workspaces_preview: key.workspaces
      .slice(0, previewMax)
      .map(({ id, externalId }) => ({ id, external_id: externalId })),
    service_account_id: key.serviceAccountId,
    allowed_ips: key.allowedIps,
    rate_limit: rateLimitRecord(key.rateLimit),
    metadata: key.metadata,
    system: key.system,
    last_used_at: time(key.lastUsedAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
    revoked_reason: key.revokedReason,
    created_by: key.createdBy,
    created_at: time(key.createdAt),
    updated_at: time(key.updatedAt),
    secrets: key.secrets.map(secretRecord),
  }
}

export function organizationRecord(organization: Organization) {
  return {
    id: organization.id,
    name: organization.name,
    slug: organization.slug,
    status: organization.status,
    status_reason: organization.statusReason,
    suspended_by: organization.suspendedBy,
    rate_limit: rateLimitRecord(organization.rateLimit),
    metadata: organization.metadata,
    created_at: time(organization.createdAt),
    updated_at: time(organization.updatedAt),
  }
}

export function workspaceRecord(workspace: Workspace) {
  return {
    id: workspace.id,
    organization_id: workspace.organizationId,
    name: workspace.name,
    external_id: workspace.externalId,
    created_at: isoTime(workspace.createdAt),
    updated_at: isoTime(workspace.updatedAt),
  }
}

export function serviceAccountRecord(account: ServiceAccount) {
  return {
    id: account.id,
    organization_id: account.organizationId,
    name: account.name,
    slug: account.slug,
    description: account.description,
    role: account.role,
    is_active: account.isActive,
    created_at: isoTime(account.createdAt),
    updated_at: isoTime(account.updatedAt),
  }
}

/** A row of the request log. */
export const requestRecord = (row: RequestRow) => ({
  id: row.id,
  at: isoTime(row.at),
  organization_id: row.organizationId,
  key_id: row.keyId,
  method: row.method,
  path: row.path,
  route: row.route,
  status_code: row.status,
  code: row.code,
  duration_ms: row.durationMs,
  upstream_ms: row.upstreamMs,
  bytes_in: row.bytesIn,
  bytes_out: row.bytesOut,
  ip: row.ip,
  user_agent: row.userAgent,
  request_id: row.requestId,
  shadow_code: row.shadowCode,
})

/** An event of the audit trail. */
export const eventRecord = ({ id, type, at, organizationId, target, actor, before, after }: AdminEvent) => ({
  ...{ id, type, created_at: isoTime(at), organization_id: organizationId, target },
  ...{ actor: { type: actor.type, id: actor.id }, request_id: actor.requestId ?? null, before, after },
})

export type KeyStatus = 'active' | 'expired' | 'revoked'

export function keyStatus(key: Pick<ApiKey, 'revokedAt' | 'expiresAt'>, now: number): KeyStatus {
  if (key.revokedAt !== null) return 'revoked'
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active'
}

const secretRecord = (secret: Secret) => ({
  id: secret.id,
  key_prefix: secret.keyPrefix,
  key_suffix: secret.keySuffix,
  created_at: time(secret.createdAt),
  expires_at: time(secret.expiresAt),
  last_used_at: time(secret.lastUsedAt),
})

const rateLimitRecord = (limit: RateLimitSetting | null) =>
  limit && { requests: limit.requests, per: formatDuration(limit.perMs) }

const previewMax = 5
const isoTime = (ms: number): string => new Date(ms).toISOString()
const time = (ms: number | null): string | null => (ms === null ? null : isoTime(ms))
