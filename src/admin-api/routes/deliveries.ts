import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Delivery, webhookTypes } from '../../store/webhooks-store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { type Made, makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { bodyRefusals, optionalTime, organizationParams, refusals, time } from '../schemas.ts'
import { webhookExists } from './webhooks.ts'

const record = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    event_id: z.string().describe('The same in every attempt and redelivery: what the target sees as webhook-id.'),
    type: z.enum(webhookTypes),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.number().int(),
    next_attempt_at: optionalTime,
    payload: z.object({ type: z.string(), timestamp: time, data: z.record(z.string(), z.unknown()) }),
    response: z
      .object({
        at: time,
        status_code: z.number().int().nullable(),
        duration_ms: z.number(),
        body: z.string().describe('Its first 1 KB.'),
        error: z.string().nullable().describe('Why there was no response.'),
      })
      .nullable()
      .describe('Of the last attempt.'),
    redelivery_of: z.string().nullable(),
    created_at: time,
    finished_at: optionalTime,
  })
  .meta({ id: 'WebhookDeliveryRecord' })

const ofWebhook = organizationParams.extend({ webhook_id: z.string() })
const byId = organizationParams.extend({ delivery_id: z.string() })

/** What was sent to webhooks, and sending it again. */
export const deliveryRoutes: ResourceRoutes = (app, { store, webhooks }) => {
  const tags = ['webhooks']
  const hasWebhook = webhookExists(store)
  const hasDelivery = async (request: FastifyRequest): Promise<boolean> => {
    const { delivery_id: id, webhook_id: webhookId } = request.params as { delivery_id: string; webhook_id?: string }
    const delivery = await store.findDelivery(organizationOf(request).id, id)
    return delivery !== undefined && (webhookId === undefined || delivery.webhookId === webhookId)
  }
  const recordOf = (delivery: Delivery): z.input<typeof record> => deliveryRecord(delivery, webhooks.payloadOf)

  /** 202: it is on its way, and how it went is in the list of deliveries. */
  const sent = (made: Delivery | 'disabled' | undefined): Made => {
    if (made === undefined) return { refuse: 'NOT_FOUND' }
    if (made === 'disabled') {
      const message = 'is disabled; set its status to active first'
      return { refuse: 'CONFLICT', extras: { errors: [{ path: 'webhook_id', message }] } }
    }
    return { status: 202, body: recordOf(made), committed: webhooks.wake }
  }

  app.post(
    '/organizations/:organization_id/webhooks/:webhook_id/test',
    {
      config: { exists: hasWebhook, idempotent: true },
      schema: {
        operationId: 'testWebhook',
        tags,
        description: 'Sends it a webhook.test, whatever types it asks for.',
        params: ofWebhook,
        response: { ...bodyRefusals, 202: record },
      },
    },
    async (request, reply) => {
      const { id } = organizationOf(request)
      return makeOnce(store, request, reply, async (store) =>
        sent(await store.testWebhook(id, request.params.webhook_id, actorOf(request))),
      )
    },
  )

  app.get(
    '/organizations/:organization_id/webhooks/:webhook_id/deliveries',
    {
      config: { exists: hasWebhook },
      schema: {
        operationId: 'listWebhookDeliveries',
        tags,
        description: 'Newest first. Kept for 30 days.',
        params: ofWebhook,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const found = await store.listDeliveries(organizationOf(request).id, request.params.webhook_id, page)
      return sendPage(request, reply, page, found.map(recordOf))
    },
  )

  const redeliver = {
    tags,
    description: 'Sends the same message again, under the same webhook-id, as a delivery of its own.',
    response: { ...bodyRefusals, 202: record },
  }
  app.post(
    '/organizations/:organization_id/deliveries/:delivery_id/redeliver',
    {
      config: { exists: hasDelivery, idempotent: true },
      schema: { operationId: 'redeliver', ...redeliver, params: byId },
    },
    async (request, reply) => {
      const { id } = organizationOf(request)
      return makeOnce(store, request, reply, async (store) =>
        sent(await store.redeliver(id, request.params.delivery_id, actorOf(request))),
      )
    },
  )
  app.post(
    '/organizations/:organization_id/webhooks/:webhook_id/deliveries/:delivery_id/redeliver',
    {
      config: { exists: hasDelivery, idempotent: true },
      schema: {
        operationId: 'redeliverOfWebhook',
        ...redeliver,
        params: ofWebhook.extend({ delivery_id: z.string() }),
      },
    },
    async (request, reply) => {
      const { id } = organizationOf(request)
      return makeOnce(store, request, reply, async (store) =>
        sent(await store.redeliver(id, request.params.delivery_id, actorOf(request))),
      )
    },
  )
}

function deliveryRecord(
  delivery: Delivery,
  payloadOf: (message: Delivery['message']) => { type: string; timestamp: string; data: object },
): z.input<typeof record> {
  const { response } = delivery
  const { data, ...payload } = payloadOf(delivery.message)
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    event_id: delivery.eventId,
    type: delivery.message.type,
    status: delivery.status,
    attempts: delivery.attempts,
    next_attempt_at: timeOf(delivery.nextAttemptAt),
    payload: { ...payload, data: { ...data } },
    response: response && {
      at: new Date(response.at).toISOString(),
      status_code: response.status,
      duration_ms: response.durationMs,
      body: response.body,
      error: response.error,
    },
    redelivery_of: delivery.redeliveryOf,
    created_at: new Date(delivery.createdAt).toISOString(),
    finished_at: timeOf(delivery.finishedAt),
  }
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
