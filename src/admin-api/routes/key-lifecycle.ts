import { z } from 'zod'
import { gracePeriodSecondsMax, rotateKey } from '../../keys/rotate.ts'
import { actorOf, type ResourceRoutes } from '../context.ts'
import { rawKey } from '../kept-secrets.ts'
import { keyInPath, keyOf } from '../key-in-path.ts'
import { apiKey, createdKey, keyParams, keyRecordOf } from '../key-schemas.ts'
import { makeOnce } from '../make-once.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, reason, refusals } from '../schemas.ts'

const revoke = z.strictObject({ reason: reason.nullable().optional() })
const revokedKey = apiKey
  .extend({
    nodes: z
      .object({
        live: z.int().describe('Nodes that share the store, this one included.'),
        acknowledged: z.int().describe('How many of them accept the key no more.'),
        ms: z.number().describe('How long that took; 1000 or more where some have not said so by then.'),
      })
      .meta({ id: 'RevocationReceipt' }),
  })
  .meta({ id: 'RevokedApiKey' })
const rotate = z.strictObject({
  grace_period_seconds: z
    .int()
    .min(0)
    .max(gracePeriodSecondsMax)
    .optional()
    .describe('How long the secrets of now stay valid next to the new one. 0, the default: they end at once.'),
})

/**
 * How a key ends or gets a new secret. Each answers when this node accepts nothing under the old state any more: the
 * store of the context announces what it has changed.
 */
export const keyLifecycleRoutes: ResourceRoutes = (app, context) => {
  const { store, clock, config, formats, receipt } = context
  const path = keyInPath(store)
  const tags = ['api-keys']

  app.delete(
    '/organizations/:organization_id/api-keys/:key_id',
    {
      config: { exists: path.exists },
      onRequest: path.ended,
      schema: {
        operationId: 'deleteApiKey',
        tags,
        params: keyParams,
        response: { ...refusals, 204: z.null().describe('Revoked, and no longer listed.') },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = keyOf(request)
      // False when it has been deleted before: the same answer, as with revoke.
      await store.deleteKey(organizationId, id, actorOf(request))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/organizations/:organization_id/api-keys/:key_id/revoke',
    {
      config: { exists: path.exists },
      onRequest: path.ended,
      schema: {
        operationId: 'revokeApiKey',
        tags,
        description:
          'Irreversible. A second call changes nothing and has the same answer. No worker of this node accepts the key any more when it is answered; `nodes` tells of the others.',
        params: keyParams,
        body: revoke.optional(),
        response: { ...bodyRefusals, 200: revokedKey },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = keyOf(request)
      const key = await store.revokeKey(organizationId, id, request.body?.reason ?? null, actorOf(request))
      if (key === undefined) return refuse(reply, 'NOT_FOUND')
      return { ...keyRecordOf(key, clock.now()), nodes: await receipt() }
    },
  )

  app.post(
    '/organizations/:organization_id/api-keys/:key_id/rotate',
    {
      config: { exists: path.exists, idempotent: rawKey(context) },
      onRequest: path.handled,
      schema: {
        operationId: 'rotateApiKey',
        tags,
        description: 'A new secret for the same key; id and scopes stay.',
        params: keyParams,
        body: rotate.optional(),
        response: { ...bodyRefusals, 200: createdKey },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = keyOf(request)
      return makeOnce(store, request, reply, async (store) => {
        const rotated = await rotateKey(id, request.body?.grace_period_seconds ?? 0, {
          store,
          clock,
          environments: config().keys.environments,
          generate: (environment) => formats().generate(environment),
          organizationId,
          actor: actorOf(request),
        })
        if (!rotated.ok) {
          if (rotated.reason === 'not_found') return { refuse: 'NOT_FOUND' }
          return { refuse: 'CONFLICT', extras: { detail: whyNot[rotated.reason] } }
        }
        const body = { key: keyRecordOf(rotated.key, clock.now()), raw_key: rotated.secret.reveal() }
        return { status: 200, body }
      })
    },
  )
}

const whyNot = {
  not_active: 'The key is revoked or expired. Make a new one.',
  environment_gone: 'The environment of the key is no longer one of keys.environments. Make a new key.',
  // The schema has judged it already.
  bad_grace_period: `grace_period_seconds must be from 0 to ${gracePeriodSecondsMax}.`,
}
