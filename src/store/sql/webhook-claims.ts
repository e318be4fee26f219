import { randomUUID } from 'node:crypto'
import type { Actor, Store } from '../store.ts'
import type { ClaimedDelivery, DeliveryOutcome } from '../webhooks-store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { type DeliveryRow, toMessage, type WebhookRow, webhookRow } from './webhook-record.ts'
import { giveUp } from './webhooks.ts'

export type WebhookClaimMethods = Pick<Store, 'claimDeliveries' | 'finishDelivery' | 'pruneDeliveries'>

/** The side of the outbox that delivers. */
export function webhookClaimMethods({ db, write, clock }: SqlEngine): WebhookClaimMethods {
  return {
    async claimDeliveries({ limit, perWebhook, leaseMs }) {
      // Asked all day long, mostly for nothing: that must not keep other writers out.
      const due = await db
        .selectFrom('webhook_deliveries')
        .select('id')
        .where('status', '=', 'pending')
        .where('next_attempt_at', '<=', clock.now())
        .limit(1)
        .executeTakeFirst()
      if (!due) return []
      return write(async (trx) => {
        const now = clock.now()
        const claims: ClaimedDelivery[] = []
        for (const webhook of await webhooksWithDue(trx, perWebhook, limit, now)) {
          const free = Math.min(perWebhook - webhook.out, limit - claims.length)
          if (free > 0) claims.push(...(await claimOf(trx, webhook, free, leaseMs, now)))
        }
        return claims
      })
    },

    finishDelivery: ({ id, lease }, outcome) =>
      write(async (trx) => {
        const now = clock.now()
        const row = await trx
          .selectFrom('webhook_deliveries')
          .selectAll()
          .where('id', '=', id)
          .where('lease', '=', lease)
          .where('status', '=', 'pending')
          .executeTakeFirst()
        const webhook = row && (await webhookRow(trx, row.organization_id, row.webhook_id))
        if (!row || !webhook) return
        await trx
          .updateTable('webhook_deliveries')
          .set({ ...endOf(outcome, webhook, now), lease: null, ...responseOf(outcome) })
          .where('id', '=', id)
          .execute()
        if (outcome.result === 'gone' && webhook.status === 'active') await disableGone(trx, webhook, now)
      }),

    async pruneDeliveries(before, limit) {
      await db.deleteFrom('webhook_secrets').where('ends_at', '<=', clock.now()).execute()
      const { numDeletedRows } = await db
        .deleteFrom('webhook_deliveries')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('webhook_deliveries as old')
            .select('old.id')
            .where('old.created_at', '<', before)
            .orderBy('old.created_at')
            .limit(limit),
        )
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}

interface WebhookWithDue {
  readonly id: string
  readonly organization_id: string
  readonly url: string
  /** Deliveries of it that somebody has in hand. */
  readonly out: number
}

/** Those that have waited longest first; one that has enough in hand does not stand in the way of the others. */
async function webhooksWithDue(
  trx: Writer,
  perWebhook: number,
  limit: number,
  now: number,
): Promise<readonly WebhookWithDue[]> {
  const rows = await trx
    .selectFrom((eb) =>
      eb
        .selectFrom('webhooks as w')
        .select((e) => [
          'w.id',
          'w.organization_id',
          'w.url',
          e
            .selectFrom('webhook_deliveries as d')
            .select((f) => f.fn.min('d.next_attempt_at').as('due'))
            .whereRef('d.webhook_id', '=', 'w.id')
            .where('d.status', '=', 'pending')
            .as('due'),
          e
            .selectFrom('webhook_deliveries as d')
            .select((f) => f.fn.countAll().as('out'))
            .whereRef('d.webhook_id', '=', 'w.id')
            .where('d.lease', 'is not', null)
            .where('d.next_attempt_at', '>', now)
            .as('out'),
        ])
        .where('w.status', '=', 'active')
        .as('waiting'),
    )
    .selectAll()
    .where('due', '<=', now)
    .where('out', '<', perWebhook)
    .orderBy('due')
    .limit(limit)
    .execute()
  return rows.map(({ id, organization_id, url, out }) => ({ id, organization_id, url, out: Number(out) }))
}

async function claimOf(
  trx: Writer,
  webhook: WebhookWithDue,
  limit: number,
  leaseMs: number,
  now: number,
): Promise<ClaimedDelivery[]> {
  const rows = await trx
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhook.id)
    .where('status', '=', 'pending')
    .where('next_attempt_at', '<=', now)
    .orderBy('next_attempt_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  const secrets = await trx
    .selectFrom('webhook_secrets')
    .select(['id', 'sealed'])
    .where('webhook_id', '=', webhook.id)
    .where((eb) => eb.or([eb('ends_at', 'is', null), eb('ends_at', '>', now)]))
    .orderBy('id', 'desc')
    .execute()
  const owner = { webhookId: webhook.id, organizationId: webhook.organization_id }
  const claims: ClaimedDelivery[] = []
  for (const row of rows) {
    const lease = randomUUID()
    // Counted before it is tried: one that kills the process must come to an end too.
    const attempts = row.attempts + 1
    await trx
      .updateTable('webhook_deliveries')
      .set({ lease, attempts, next_attempt_at: now + leaseMs })
      .where('id', '=', row.id)
      .execute()
    claims.push({
      ...owner,
      id: row.id,
      eventId: row.event_id,
      message: toMessage(row.message),
      lease,
      attempts,
      url: webhook.url,
      secrets: secrets.map(({ id, sealed }) => ({ secretId: id, ...owner, sealed })),
    })
  }
  return claims
}

/** A webhook that was disabled meanwhile is not tried again. */
function endOf(outcome: DeliveryOutcome, { status }: WebhookRow, now: number): Partial<DeliveryRow> {
  if (outcome.result === 'retried' && status === 'active') return { next_attempt_at: outcome.nextAttemptAt }
  const delivered = outcome.result === 'delivered'
  return { status: delivered ? 'delivered' : 'failed', next_attempt_at: null, finished_at: now }
}

const responseOf = ({ response }: DeliveryOutcome): Partial<DeliveryRow> => ({
  response_at: response.at,
  response_status: response.status,
  response_ms: response.durationMs,
  response_body: response.body,
  response_error: response.error,
})

async function disableGone(trx: Writer, { id, organization_id }: WebhookRow, now: number): Promise<void> {
  const disabled = { status: 'disabled', disabled_reason: 'the target answered 410 Gone', updated_at: now }
  await trx.updateTable('webhooks').set(disabled).where('id', '=', id).execute()
  await giveUp(trx, id, now)
  const after = { status: disabled.status, disabled_reason: disabled.disabled_reason }
  await recordEvent(trx, { type: 'webhook.disabled', organizationId: organization_id, target: id, after }, gateway, now)
}

const gateway: Actor = { type: 'system', id: null }
