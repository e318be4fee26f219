import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Delivery, deliveryStatuses, webhookTypes } from '../../store/webhooks-store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { type Made, makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPart } from '../paging.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, given, optionalTime, organizationParams, refusals, time } from '../schemas.ts'
import { webhookExists } from './webhooks.ts'

const record = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    event_id: z.string().describe('The same in every attempt and redelivery: what the target sees as webhook-id.'),
    type: z.enum(webhookTypes),
    status: z.enum(deliveryStatuses),
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

const listQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(deliveryStatuses).optional(),
  type: z.enum(webhookTypes).optional(),
})
const ofWebhook = organizationParams.extend({ webhook_id: z.string() })
const byWebhookAndId = ofWebhook.extend({ delivery_id: z.string() })
const byId = organizationParams.extend({ delivery_id: z.string() })

/** What was sent to webhooks, and sending it again. */
export const deliveryRoutes: ResourceRoutes = (app, { store, webhooks }) => {
  const tags = ['webhooks']
  const hasWebhook = webhookExists(store)
  const deliveryOf = async (request: FastifyRequest): Promise<Delivery | undefined> => {
    const { delivery_id: id, webhook_id: webhookId } = request.params as { delivery_id: string; webhook_id?: string }
    const delivery = await store.findDelivery(organizationOf(request).id, id)
    return webhookId === undefined || delivery?.webhookId === webhookId ? delivery : undefined
  }
  const hasDelivery = async (request: FastifyRequest): Promise<boolean> => (await deliveryOf(request)) !== undefined
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
        description:
          'Newest first. Kept for 30 days. With a filter one answer looks at 10,000 at most: where few match it is short or empty, and a Link to the next one says that there are more to look at.',
        params: ofWebhook,
        querystring: listQuery,
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const { limit, cursor, ...filter } = request.query
      const { id } = organizationOf(request)
      const page = pageOf({ limit, cursor })
      const { rows, next } = await store.listDeliveries(id, request.params.webhook_id, given(filter), page)
      return sendPart(request, reply, rows.map(recordOf), next)
    },
  )

  app.get(
    '/organizations/:organization_id/webhooks/:webhook_id/deliveries/:delivery_id',
    {
      schema: {
        operationId: 'getWebhookDelivery',
        tags,
        params: byWebhookAndId,
        response: { ...refusals, 200: record },
      },
    },
    async (request, reply) => {
      const delivery = await deliveryOf(request)
      return delivery ? recordOf(delivery) : refuse(reply, 'NOT_FOUND')
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
        params: byWebhookAndId,
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
