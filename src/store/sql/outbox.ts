import { newId } from '../../ids.ts'
import type { ApiKey, Organization } from '../store.ts'
import { type Webhook, type WebhookMessage, type WebhookType, webhookTypes } from '../webhooks-store.ts'
import type { Writer } from './engine.ts'
import { type KeyRow, loadKey } from './key-record.ts'
import { toOrganization } from './organization-record.ts'
import type { DeliveryRow } from './webhook-record.ts'

/** What the outbox needs to know of an admin event. */
export interface OutboxEvent {
  readonly id: string
  readonly type: string
  readonly organizationId: string | null
  readonly target: string | null
}

/**
 * Writes a delivery for every active webhook of the organization that asks for this event, in the transaction of the
 * change: after a crash there are both or neither. The message is what the object is at this moment.
 */
export async function fillOutbox(trx: Writer, event: OutboxEvent, now: number): Promise<void> {
  const { organizationId, target } = event
  const type = webhookTypeOf(event.type)
  if (type === undefined || organizationId === null || target === null) return
  const webhookIds = await askingFor(trx, organizationId, type, target)
  if (webhookIds.length === 0) return
  const message = await messageOf(trx, event.type, type, organizationId, target, now)
  if (message === undefined) return
  const text = textOf(message)
  for (const webhookId of webhookIds) {
    await insertDelivery(trx, { organizationId, webhookId, eventId: event.id, message: text, redeliveryOf: null }, now)
  }
}

/** Its type first, by which deliveries are found. */
const textOf = ({ type, ...message }: WebhookMessage): string => JSON.stringify({ type, ...message })

/** What the text of every message of a type begins with. */
export const messageBegins = (type: WebhookType): string => `{"type":${JSON.stringify(type)},`

export async function insertDelivery(
  trx: Writer,
  delivery: Pick<DeliveryRow, 'message'> & {
    readonly organizationId: string
    readonly webhookId: string
    readonly eventId: string
    readonly redeliveryOf: string | null
  },
  now: number,
): Promise<DeliveryRow> {
  const row: DeliveryRow = {
    id: newId('dlv', now),
    organization_id: delivery.organizationId,
    webhook_id: delivery.webhookId,
    event_id: delivery.eventId,
    message: delivery.message,
    status: 'pending',
    attempts: 0,
    next_attempt_at: now,
    lease: null,
    response_at: null,
    response_status: null,
    response_ms: null,
    response_body: null,
    response_error: null,
    redelivery_of: delivery.redeliveryOf,
    created_at: now,
    finished_at: null,
  }
  await trx.insertInto('webhook_deliveries').values(row).execute()
  return row
}

/** A grant is a change of the key; a deleted key is, for whoever relies on it, a revoked one. */
const sameAs: Readonly<Record<string, WebhookType>> = {
  'api_key.workspace_granted': 'api_key.updated',
  'api_key.workspace_ungranted': 'api_key.updated',
  'api_key.deleted': 'api_key.revoked',
}

const webhookTypeOf = (type: string): WebhookType | undefined =>
  sameAs[type] ?? webhookTypes.find((known) => known === type)

async function askingFor(trx: Writer, organizationId: string, type: WebhookType, target: string): Promise<string[]> {
  const rows = await trx
    .selectFrom('webhooks')
    .select(['id', 'events'])
    .where('organization_id', '=', organizationId)
    .where('status', '=', 'active')
    .orderBy('id')
    .execute()
  // A test is for the one that is tested, whatever it asks for.
  if (type === 'webhook.test') return rows.flatMap(({ id }) => (id === target ? [id] : []))
  return rows.flatMap(({ id, events }) => {
    const asked: Webhook['events'] = JSON.parse(events)
    return asked.includes(type) || asked.includes('*') ? [id] : []
  })
}

/** @returns undefined when there is nothing to tell: the object is gone, or has told it before. */
async function messageOf(
  trx: Writer,
  eventType: string,
  type: WebhookType,
  organizationId: string,
  target: string,
  now: number,
): Promise<WebhookMessage | undefined> {
  if (type === 'webhook.test') return { type, at: now, subject: { kind: 'webhook', id: target, organizationId } }
  if (type.startsWith('organization.')) {
    const organization = await organizationById(trx, target)
    return organization && { type, at: now, subject: { kind: 'organization', organization } }
  }
  const row = await trx.selectFrom('api_keys').selectAll().where('id', '=', target).executeTakeFirst()
  if (row === undefined || (eventType === 'api_key.deleted' && wasRevokedBefore(row))) return undefined
  const key: ApiKey = await loadKey(trx, row, now)
  return { type, at: now, subject: { kind: 'api_key', key } }
}

/** Its revocation was told when it happened. */
const wasRevokedBefore = ({ revoked_at, deleted_at }: KeyRow): boolean => revoked_at !== deleted_at

async function organizationById(trx: Writer, id: string): Promise<Organization | undefined> {
  const row = await trx.selectFrom('organizations').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toOrganization(row)
}
