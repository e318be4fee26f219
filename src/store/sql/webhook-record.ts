import type { Selectable } from 'kysely'
import type { WebhookDeliveriesTable, WebhooksTable } from '../webhooks-schema.ts'
import type { Delivery, DeliveryResponse, Webhook, WebhookMessage } from '../webhooks-store.ts'
import type { Reader } from './engine.ts'

export type WebhookRow = Selectable<WebhooksTable>

export const webhookRow = (db: Reader, organizationId: string, webhookId: string): Promise<WebhookRow | undefined> =>
  db
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', webhookId)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()

/** Rows with the end of the secret before, in the order given. Two queries, however many rows. */
export async function loadWebhooks(db: Reader, rows: readonly WebhookRow[], now: number): Promise<Webhook[]> {
  if (rows.length === 0) return []
  const ends = await db
    .selectFrom('webhook_secrets')
    .select(['webhook_id', 'ends_at'])
    .where(
      'webhook_id',
      'in',
      rows.map(({ id }) => id),
    )
    .where('ends_at', '>', now)
    .execute()
  const endOf = new Map(ends.map(({ webhook_id, ends_at }) => [webhook_id, ends_at]))
  return rows.map((row) => toWebhook(row, endOf.get(row.id) ?? null))
}

export async function loadWebhook(db: Reader, row: WebhookRow, now: number): Promise<Webhook> {
  const [webhook] = await loadWebhooks(db, [row], now)
  if (!webhook) throw new Error('a row makes one webhook')
  return webhook
}

function toWebhook(row: WebhookRow, previousSecretEndsAt: number | null): Webhook {
  return {
    id: row.id,
    organizationId: row.organization_id,
    url: row.url,
    description: row.description,
    events: JSON.parse(row.events),
    status: row.status === 'active' ? 'active' : 'disabled',
    disabledReason: row.disabled_reason,
    previousSecretEndsAt,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export type DeliveryRow = Selectable<WebhookDeliveriesTable>

export const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  organizationId: row.organization_id,
  webhookId: row.webhook_id,
  eventId: row.event_id,
  message: toMessage(row.message),
  status: row.status === 'delivered' ? 'delivered' : row.status === 'failed' ? 'failed' : 'pending',
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at,
  response: toResponse(row),
  redeliveryOf: row.redelivery_of,
  createdAt: row.created_at,
  finishedAt: row.finished_at,
})

export const toMessage = (json: string): WebhookMessage => JSON.parse(json)

function toResponse(row: DeliveryRow): DeliveryResponse | null {
  if (row.response_at === null) return null
  return {
    at: row.response_at,
    status: row.response_status,
    durationMs: row.response_ms ?? 0,
    body: row.response_body ?? '',
    error: row.response_error,
  }
}
