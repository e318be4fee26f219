/** The tables of migration 0002, and the column that 0007 adds. */
export interface OperatorTables {
  operators: OperatorsTable
  memberships: MembershipsTable
  operator_sessions: OperatorSessionsTable
  operator_tokens: OperatorTokensTable
  operator_links: OperatorLinksTable
}

export interface OperatorsTable {
  id: string
  email: string
  name: string
  /** Who made it root; null: it is not. */
  root_source: string | null
  verified: number
  password_hash: string | null
  oidc_subject: string | null
  created_at: number
  updated_at: number
  last_login_at: number | null
}

interface MembershipsTable {
  organization_id: string
  operator_id: string
  role: string
  source: string
  created_at: number
  updated_at: number
}

export interface OperatorSessionsTable {
  id: string
  operator_id: string
  sha256: Uint8Array
  method: string
  ip: string
  user_agent: string | null
  created_at: number
  last_seen_at: number
  proved_at: number
}

export interface OperatorTokensTable {
  id: string
  operator_id: string
  sha256: Uint8Array
  name: string
  role: string
  organization_id: string | null
  suffix: string
  created_at: number
  expires_at: number | null
  last_used_at: number | null
}

interface OperatorLinksTable {
  sha256: Uint8Array
  kind: string
  operator_id: string | null
  expires_at: number
}
