import type { AnalyticsTables } from './analytics-schema.ts'
import type { JobTables } from './jobs-schema.ts'
import type { OperatorTables } from './operators-schema.ts'
import type { WebhookTables } from './webhooks-schema.ts'

/**
 * The tables as Kysely sees them. The same for every database: times are milliseconds since the epoch, flags are 0 or 1,
 * lists and objects are JSON text. The migrations make them so.
 */
export interface Tables extends AnalyticsTables, JobTables, OperatorTables, WebhookTables {
  organizations: OrganizationsTable
  service_accounts: ServiceAccountsTable
  workspaces: WorkspacesTable
  api_keys: ApiKeysTable
  key_secrets: KeySecretsTable
  key_workspaces: KeyWorkspacesTable
  request_log: RequestLogTable
  admin_events: AdminEventsTable
  changes: ChangesTable
  limit_counters: LimitCountersTable
  nodes: NodesTable
  sealed_secrets: SealedSecretsTable
  idempotent_requests: IdempotentRequestsTable
}

export interface OrganizationsTable {
  id: string
  name: string
  slug: string
  status: string
  status_reason: string | null
  suspended_by: string | null
  rate_limit: string | null
  metadata: string
  created_at: number
  updated_at: number
}

export interface ServiceAccountsTable {
  id: string
  organization_id: string
  name: string
  slug: string
  description: string
  role: string
  is_active: number
  created_at: number
  updated_at: number
}

export interface WorkspacesTable {
  id: string
  organization_id: string
  name: string
  external_id: string | null
  created_at: number
  updated_at: number
}

export interface ApiKeysTable {
  id: string
  organization_id: string
  name: string
  description: string
  environment: string | null
  scopes: string
  expires_at: number | null
  project_id: string | null
  allowed_ips: string
  rate_limit: string | null
  service_account_id: string | null
  metadata: string
  system: number
  created_by: string | null
  created_at: number
  updated_at: number
  revoked_at: number | null
  revoked_reason: string | null
  /** Hidden from lists; always revoked as well. */
  deleted_at: number | null
}

export interface KeySecretsTable {
  id: string
  key_id: string
  sha256: Uint8Array
  key_prefix: string
  key_suffix: string
  created_at: number
  /** End of the grace period. */
  expires_at: number | null
  /** Killed at once by a rotation. Not a time in `expires_at`: a clock set back must not bring it to life again. */
  ended_at: number | null
  last_used_at: number | null
}

interface KeyWorkspacesTable {
  key_id: string
  workspace_id: string
  created_at: number
}

export interface RequestLogTable {
  id: string
  at: number
  organization_id: string | null
  key_id: string | null
  method: string
  path: string
  route: string | null
  status: number
  code: string | null
  duration_ms: number
  upstream_ms: number | null
  bytes_in: number
  bytes_out: number
  ip: string
  user_agent: string | null
  request_id: string
  shadow_code: string | null
  /** 0 while only the decision is known; 1: counted in request_rollups. */
  finished: number
}

export interface AdminEventsTable {
  /** Without holes. */
  seq: number
  id: string
  at: number
  type: string
  organization_id: string | null
  target: string | null
  actor_type: string
  actor_id: string | null
  request_id: string | null
  before: string | null
  after: string | null
  prev_hash: string
  hash: string
}

interface ChangesTable {
  /** Without holes; the newest row is never pruned, so that numbers never come twice. */
  seq: number
  kind: string
  id: string
  at: number
}

interface LimitCountersTable {
  key: string
  used: number
  ends_at: number
}

interface NodesTable {
  id: string
  /** Sequence number of the change log. */
  reached: number
  /** By the clock of the database. */
  seen_at: number
}

interface SealedSecretsTable {
  secret_id: string
  sealed: Uint8Array
  /** Id of the master key. */
  sealed_with: string
}

interface IdempotentRequestsTable {
  /** A hash: the Idempotency-Key itself is needed to read the answer. */
  id: string
  /** Whose turn it is; one that comes back late finds another's. */
  lease: string
  lease_ends_at: number
  expires_at: number
  /** Null until there is one. Encrypted. */
  answer: Uint8Array | null
  /** Id of the master key that the answer takes. */
  sealed_with: string | null
}
