/** The tables of webhooks and of what goes with them. */
export interface WebhookTables {
  webhooks: WebhooksTable
  webhook_secrets: WebhookSecretsTable
  webhook_deliveries: WebhookDeliveriesTable
  key_expiry_notices: KeyExpiryNoticesTable
}

export interface WebhooksTable {
  id: string
  organization_id: string
  url: string
  description: string
  events: string
  status: string
  disabled_reason: string | null
  created_at: number
  updated_at: number
}

interface WebhookSecretsTable {
  id: string
  webhook_id: string
  sealed: Uint8Array
  /** Id of the master key. */
  sealed_with: string
  created_at: number
  /** Null for the current one. */
  ends_at: number | null
}

export interface WebhookDeliveriesTable {
  id: string
  organization_id: string
  webhook_id: string
  event_id: string
  message: string
  status: string
  attempts: number
  /** While leased: when the lease ends. Null when no further attempt is due. */
  next_attempt_at: number | null
  /** Names the lease, null when nobody has it. */
  lease: string | null
  response_at: number | null
  response_status: number | null
  response_ms: number | null
  response_body: string | null
  response_error: string | null
  redelivery_of: string | null
  created_at: number
  finished_at: number | null
}

/** That a key's end was told so many days ahead. */
interface KeyExpiryNoticesTable {
  key_id: string
  days: number
  at: number
}
