import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isPlainLine } from '../../plain-text.ts'
import type { Store } from '../../store/store.ts'
import { type Webhook, webhookTypes } from '../../store/webhooks-store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { nullInRepeat, webhookSecret } from '../kept-secrets.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { refuse } from '../refusals.ts'
import {
  bodyRefusals,
  given,
  notPlain,
  optionalTime,
  organizationParams,
  problemBody,
  refusals,
  time,
} from '../schemas.ts'

const eventType = z.enum([...webhookTypes, '*'])
const status = z.enum(['active', 'disabled'])

const record = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    url: z.string(),
    description: z.string(),
    events: z.array(eventType),
    status,
    disabled_reason: z.string().nullable(),
    previous_secret_expires_at: optionalTime.describe('Until then the secret before the last rotation signs too.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'WebhookRecord' })

const withSecret = record
  .extend({
    secret: z
      .string()
      .nullable()
      .describe(
        `whsec_…, as Standard Webhooks has it. Shown this once. ${nullInRepeat('it was rotated, or the webhook deleted')}`,
      ),
  })
  .meta({ id: 'WebhookWithSecret' })

const url = z.string().min(1).max(2048)
const events = z
  .array(eventType)
  .min(1)
  .max(webhookTypes.length)
  .refine((types) => new Set(types).size === types.length, 'must name each type once')
  .describe('Types of events; * for all.')

/** What tells it from others in a list: one line, like a name. */
const description = z.string().max(2000).refine(isPlainLine, notPlain)

const params = organizationParams.extend({ webhook_id: z.string() })
const create = z.strictObject({ url, events, description: description.optional() })
const patch = z.strictObject({
  url: url.optional(),
  events: events.optional(),
  description: description.optional(),
  status: status.optional(),
})

/** Webhooks of an organization. Their deliveries are in deliveries.ts. */
export const webhookRoutes: ResourceRoutes = (app, context) => {
  const { store, webhooks, clock } = context
  const exists = webhookExists(store)
  const tags = ['webhooks']

  app.post(
    '/organizations/:organization_id/webhooks',
    {
      config: { idempotent: webhookSecret(context) },
      schema: {
        operationId: 'createWebhook',
        tags,
        params: organizationParams,
        body: create,
        response: { ...bodyRefusals, 201: withSecret },
      },
    },
    async (request, reply) => {
      const { url, events, description = '' } = request.body
      const problem = webhooks.targetProblem(url)
      if (problem !== undefined) {
        return refuse(reply, 'VALIDATION_FAILED', { errors: [{ path: 'url', message: problem }] })
      }
      const { secret, seal } = webhooks.newSecret()
      const organizationId = organizationOf(request).id
      return makeOnce(store, request, reply, async (store) => {
        const made = await store.createWebhook({ organizationId, url, description, events, seal }, actorOf(request))
        if (made === 'full') {
          const message = 'has as many webhooks as it may have; delete one first'
          return { refuse: 'CONFLICT', extras: { errors: [{ path: 'organization_id', message }] } }
        }
        const tagged = recordOf(made)
        return { status: 201, body: { ...tagged, secret: secret.reveal() }, tagged }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/webhooks',
    {
      schema: {
        operationId: 'listWebhooks',
        tags,
        params: organizationParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const found = await store.listWebhooks(organizationOf(request).id, page)
      return sendPage(request, reply, page, found.map(recordOf))
    },
  )

  app.get(
    '/organizations/:organization_id/webhooks/:webhook_id',
    {
      config: { exists },
      schema: { operationId: 'getWebhook', tags, params, response: { ...refusals, 200: record } },
    },
    async (request, reply) => {
      const webhook = await store.findWebhook(organizationOf(request).id, request.params.webhook_id)
      return webhook === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(webhook))
    },
  )

  app.patch(
    '/organizations/:organization_id/webhooks/:webhook_id',
    {
      config: { exists },
      schema: {
        operationId: 'updateWebhook',
        tags,
        params,
        body: patch,
        response: { ...bodyRefusals, 200: record, 412: problemBody },
      },
    },
    async (request, reply) => {
      const change = given(request.body)
      const problem = change.url === undefined ? undefined : webhooks.targetProblem(change.url)
      if (problem !== undefined) {
        return refuse(reply, 'VALIDATION_FAILED', { errors: [{ path: 'url', message: problem }] })
      }
      const { id } = organizationOf(request)
      const holds = ifMatch(request, recordOf)
      const changed = await store.updateWebhook(id, request.params.webhook_id, change, actorOf(request), holds)
      return changed === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(changed))
    },
  )

  app.delete(
    '/organizations/:organization_id/webhooks/:webhook_id',
    {
      config: { exists },
      schema: {
        operationId: 'deleteWebhook',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Gone, with its deliveries.') },
      },
    },
    async (request, reply) => {
      const gone = await store.deleteWebhook(organizationOf(request).id, request.params.webhook_id, actorOf(request))
      return gone ? reply.code(204).send(null) : refuse(reply, 'NOT_FOUND')
    },
  )

  app.post(
    '/organizations/:organization_id/webhooks/:webhook_id/rotate-secret',
    {
      config: { exists, idempotent: webhookSecret(context) },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags,
        description: 'For 24 hours messages carry a signature of the old secret too.',
        params,
        response: { ...bodyRefusals, 200: withSecret },
      },
    },
    async (request, reply) => {
      const { secret, seal } = webhooks.newSecret()
      const { id } = organizationOf(request)
      const endsAt = clock.now() + overlapMs
      return makeOnce(store, request, reply, async (store) => {
        const webhook = await store.rotateWebhookSecret(id, request.params.webhook_id, seal, endsAt, actorOf(request))
        if (webhook === undefined) return { refuse: 'NOT_FOUND' }
        const tagged = recordOf(webhook)
        return { status: 200, body: { ...tagged, secret: secret.reveal() }, tagged }
      })
    },
  )
}

/** For `config.exists`. */
export const webhookExists = (store: Pick<Store, 'findWebhook'>) => async (request: FastifyRequest) => {
  const { webhook_id: id } = request.params as { webhook_id: string }
  return (await store.findWebhook(organizationOf(request).id, id)) !== undefined
}

const overlapMs = 86_400_000

const recordOf = (webhook: Webhook): z.input<typeof record> => ({
  id: webhook.id,
  organization_id: webhook.organizationId,
  url: webhook.url,
  description: webhook.description,
  events: [...webhook.events],
  status: webhook.status,
  disabled_reason: webhook.disabledReason,
  previous_secret_expires_at: timeOf(webhook.previousSecretEndsAt),
  created_at: new Date(webhook.createdAt).toISOString(),
  updated_at: new Date(webhook.updatedAt).toISOString(),
})

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
