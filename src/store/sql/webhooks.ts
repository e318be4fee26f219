import { newId } from '../../ids.ts'
import type { Metadata, Store } from '../store.ts'
import type { SealWebhookSecret, Webhook } from '../webhooks-store.ts'
import { listDeliveries } from './delivery-list.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { requireOrganization } from './organizations.ts'
import { insertDelivery } from './outbox.ts'
import { pageLimit } from './page.ts'
import { difference, requireThat } from './patch.ts'
import { type DeliveryRow, loadWebhook, loadWebhooks, toDelivery, webhookRow } from './webhook-record.ts'

export type WebhookMethods = Pick<
  Store,
  | 'createWebhook'
  | 'findWebhook'
  | 'listWebhooks'
  | 'updateWebhook'
  | 'rotateWebhookSecret'
  | 'findWebhookSecret'
  | 'deleteWebhook'
  | 'testWebhook'
  | 'redeliver'
  | 'findDelivery'
  | 'listDeliveries'
>

export function webhookMethods({ db, write, read, clock }: SqlEngine): WebhookMethods {
  return {
    createWebhook: (input, actor) =>
      write(async (trx) => {
        const { organizationId, url, description, events, seal } = input
        await requireOrganization(trx, organizationId)
        if ((await countWebhooks(trx, organizationId)) >= webhooksMax) return 'full'
        const now = clock.now()
        const row = {
          id: newId('wh', now),
          organization_id: organizationId,
          url,
          description,
          events: JSON.stringify(events),
          status: 'active',
          disabled_reason: null,
          created_at: now,
          updated_at: now,
        }
        await trx.insertInto('webhooks').values(row).execute()
        await insertSecret(trx, { webhookId: row.id, organizationId }, seal, now)
        const webhook = await loadWebhook(trx, row, now)
        const event = { type: 'webhook.created' as const, organizationId, target: row.id, after: audited(webhook) }
        await recordEvent(trx, event, actor, now)
        return webhook
      }),

    findWebhook: (organizationId, webhookId) =>
      read(async (trx) => {
        const row = await webhookRow(trx, organizationId, webhookId)
        return row && loadWebhook(trx, row, clock.now())
      }),

    listWebhooks: (organizationId, page = {}) =>
      read(async (trx) => {
        let query = trx
          .selectFrom('webhooks')
          .selectAll()
          .where('organization_id', '=', organizationId)
          .orderBy('id', 'desc')
          .limit(pageLimit(page))
        if (page.before !== undefined) query = query.where('id', '<', page.before)
        return loadWebhooks(trx, await query.execute(), clock.now())
      }),

    updateWebhook: (organizationId, webhookId, { url, description, events, status }, actor, holds) =>
      write(async (trx) => {
        const row = await webhookRow(trx, organizationId, webhookId)
        if (!row) return undefined
        const now = clock.now()
        const current = await loadWebhook(trx, row, now)
        requireThat(holds, current)
        const diff = difference<Webhook>(current, {
          ...(url !== undefined && { url }),
          ...(description !== undefined && { description }),
          ...(events !== undefined && { events }),
          ...(status !== undefined && { status }),
        })
        if (!diff) return current
        const disabledReason =
          diff.changed.status === undefined
            ? current.disabledReason
            : diff.changed.status === 'active'
              ? null
              : 'disabled by an administrator'
        const updated = { ...current, ...diff.changed, disabledReason, updatedAt: now }
        await trx
          .updateTable('webhooks')
          .set({
            url: updated.url,
            description: updated.description,
            events: JSON.stringify(updated.events),
            status: updated.status,
            disabled_reason: disabledReason,
            updated_at: now,
          })
          .where('id', '=', webhookId)
          .execute()
        if (updated.status === 'disabled') await giveUp(trx, webhookId, now)
        const [before, after] = [audited(diff.before), audited(diff.after)]
        await recordEvent(
          trx,
          { type: 'webhook.updated', organizationId, target: webhookId, before, after },
          actor,
          now,
        )
        return updated
      }),

    rotateWebhookSecret: (organizationId, webhookId, seal, previousEndsAt, actor) =>
      write(async (trx) => {
        const row = await webhookRow(trx, organizationId, webhookId)
        if (!row) return undefined
        const now = clock.now()
        const ofWebhook = trx.deleteFrom('webhook_secrets').where('webhook_id', '=', webhookId)
        await ofWebhook.where('ends_at', 'is not', null).execute()
        await trx
          .updateTable('webhook_secrets')
          .set({ ends_at: previousEndsAt })
          .where('webhook_id', '=', webhookId)
          .execute()
        await insertSecret(trx, { webhookId, organizationId }, seal, now)
        await trx.updateTable('webhooks').set({ updated_at: now }).where('id', '=', webhookId).execute()
        const after = { previous_secret_ends_at: previousEndsAt }
        const event = { type: 'webhook.secret_rotated' as const, organizationId, target: webhookId, after }
        await recordEvent(trx, event, actor, now)
        return loadWebhook(trx, { ...row, updated_at: now }, now)
      }),

    async findWebhookSecret(organizationId, webhookId) {
      const row = await db
        .selectFrom('webhook_secrets')
        .innerJoin('webhooks', 'webhooks.id', 'webhook_secrets.webhook_id')
        .select(['webhook_secrets.id', 'webhook_secrets.sealed'])
        .where('webhooks.organization_id', '=', organizationId)
        .where('webhooks.id', '=', webhookId)
        .where('webhook_secrets.ends_at', 'is', null)
        .executeTakeFirst()
      return row && { secretId: row.id, webhookId, organizationId, sealed: row.sealed }
    },

    deleteWebhook: (organizationId, webhookId, actor) =>
      write(async (trx) => {
        const row = await webhookRow(trx, organizationId, webhookId)
        if (!row) return false
        const now = clock.now()
        const before = audited(await loadWebhook(trx, row, now))
        await trx.deleteFrom('webhooks').where('id', '=', webhookId).execute()
        await recordEvent(trx, { type: 'webhook.deleted', organizationId, target: webhookId, before }, actor, now)
        return true
      }),

    testWebhook: (organizationId, webhookId, actor) =>
      write(async (trx) => {
        const row = await webhookRow(trx, organizationId, webhookId)
        if (!row) return undefined
        if (row.status !== 'active') return 'disabled'
        // The event makes the delivery, as every other one does.
        await recordEvent(trx, { type: 'webhook.test', organizationId, target: webhookId }, actor, clock.now())
        const made = await trx
          .selectFrom('webhook_deliveries')
          .selectAll()
          .where('webhook_id', '=', webhookId)
          .orderBy('id', 'desc')
          .limit(1)
          .executeTakeFirstOrThrow()
        return toDelivery(made)
      }),

    redeliver: (organizationId, deliveryId, actor) =>
      write(async (trx) => {
        const row = await deliveryRow(trx, organizationId, deliveryId)
        const webhook = row && (await webhookRow(trx, organizationId, row.webhook_id))
        if (!row || !webhook) return undefined
        if (webhook.status !== 'active') return 'disabled'
        const now = clock.now()
        const again = await insertDelivery(
          trx,
          {
            organizationId,
            webhookId: webhook.id,
            eventId: row.event_id,
            message: row.message,
            redeliveryOf: row.redelivery_of ?? row.id,
          },
          now,
        )
        const after = { delivery_id: again.id, redelivery_of: again.redelivery_of }
        await recordEvent(trx, { type: 'webhook.redelivered', organizationId, target: webhook.id, after }, actor, now)
        return toDelivery(again)
      }),

    async findDelivery(organizationId, deliveryId) {
      const row = await deliveryRow(db, organizationId, deliveryId)
      return row && toDelivery(row)
    },

    listDeliveries: (...search) => listDeliveries(db, ...search),
  }
}

/** What waits for a webhook that is no longer active has failed; what is out already comes to its own end. */
export async function giveUp(trx: Writer, webhookId: string, now: number): Promise<void> {
  await trx
    .updateTable('webhook_deliveries')
    .set({ status: 'failed', next_attempt_at: null, finished_at: now })
    .where('webhook_id', '=', webhookId)
    .where('status', '=', 'pending')
    .where((eb) => eb.or([eb('lease', 'is', null), eb('next_attempt_at', '<=', now)]))
    .execute()
}

const deliveryRow = (db: Reader, organizationId: string, deliveryId: string): Promise<DeliveryRow | undefined> =>
  db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('id', '=', deliveryId)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()

async function insertSecret(
  trx: Writer,
  { webhookId, organizationId }: { webhookId: string; organizationId: string },
  seal: SealWebhookSecret,
  now: number,
): Promise<void> {
  const id = newId('whs', now)
  const { sealed, sealedWith } = seal({ secretId: id, webhookId, organizationId })
  await trx
    .insertInto('webhook_secrets')
    .values({ id, webhook_id: webhookId, sealed, sealed_with: sealedWith, created_at: now, ends_at: null })
    .execute()
}

/** For the audit trail. Of the URL its origin alone: what follows is, with many receivers, a secret. */
function audited(webhook: Webhook | Metadata): Metadata {
  const { url, description, events, status } = webhook
  return {
    ...(typeof url === 'string' && { url_origin: new URL(url).origin }),
    ...(description !== undefined && { description }),
    ...(events !== undefined && { events }),
    ...(status !== undefined && { status }),
  }
}

async function countWebhooks(trx: Writer, organizationId: string): Promise<number> {
  const { count } = await trx
    .selectFrom('webhooks')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

const webhooksMax = 50
