import { z } from 'zod'
import { checkKeyRequest, createKey, keyRules } from '../../keys/create.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { mayHandleKey } from '../grants.ts'
import { rawKey } from '../kept-secrets.ts'
import { keyInPath, keyOf, ownerOf, roleOf } from '../key-in-path.ts'
import { apiKey, createdKey, keyParams, keyRecordOf, refusalOf, refuseProblems, taggedKey } from '../key-schemas.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { refuse } from '../refusals.ts'
import {
  bodyRefusals,
  given,
  metadata,
  name,
  organizationParams,
  problemBody,
  rateLimit,
  rateLimitSetting,
  refusals,
} from '../schemas.ts'

const scopes = z.array(z.string().min(1).max(200)).max(100)
const allowedIps = z.array(z.string().min(1).max(64)).max(100).describe('Addresses and CIDRs; empty: any address.')
const keyDescription = z.string().max(1000)
const reference = z.string().min(1).max(200)

const create = z.strictObject({
  name,
  description: keyDescription.optional(),
  environment: z.string().max(64).optional().describe('One of keys.environments; the first by default.'),
  scopes: scopes.optional().describe('keys.default_scopes by default.'),
  expires_in_days: z.int().min(1).max(3650).nullable().optional().describe('Null: never.'),
  project_id: reference.nullable().optional().describe('Binds the key to this workspace, by id or external id.'),
  workspace_ids: z.array(reference).max(100).optional().describe('Grants without that binding, by id or external id.'),
  allowed_ips: allowedIps.optional(),
  rate_limit: rateLimit.nullable().optional(),
  service_account_id: reference.nullable().optional(),
  metadata: metadata.optional(),
})
const patch = z.strictObject({
  name: name.optional(),
  description: keyDescription.optional(),
  scopes: scopes.optional(),
  allowed_ips: allowedIps.optional(),
  rate_limit: rateLimit.nullable().optional(),
  metadata: metadata.optional(),
  system: z.boolean().optional().describe('By root alone: tenants can’t change or revoke such a key.'),
})
const list = z.strictObject({
  ...pageQuery,
  status: z.enum(['active', 'expired', 'revoked']).optional(),
  environment: z.string().max(64).optional(),
  owner: reference
    .optional()
    .describe('Id of a service account, or of the operator who made keys for no service account.'),
  expires_before: z.iso
    .datetime()
    .optional()
    .describe('Only keys that expire, and before this; with status=active those that soon will.'),
  q: z.string().min(1).max(200).optional().describe('Part of the name, or the start of the key.'),
})

/** API keys: made, listed, read and changed. What ends or renews one is in key-lifecycle.ts. */
export const apiKeyRoutes: ResourceRoutes = (app, context) => {
  const { store, clock, config, formats } = context
  const path = keyInPath(store)
  const tags = ['api-keys']

  app.post(
    '/organizations/:organization_id/api-keys',
    {
      config: { idempotent: rawKey(context) },
      schema: {
        operationId: 'createApiKey',
        tags,
        params: organizationParams,
        body: create,
        response: { ...bodyRefusals, 201: createdKey },
      },
    },
    async (request, reply) => {
      const { id: organizationId } = organizationOf(request)
      const rules = keyRules(config())
      const wanted = requestOf(request.body)
      const owner = await ownerOf(store, { organizationId, serviceAccountId: wanted.serviceAccountId ?? null })
      // One that is not there is answered by createKey, with whatever else is wrong.
      const isOwnerKnown = wanted.serviceAccountId === undefined || owner !== undefined
      const asked = { system: false, scopes: wanted.scopes ?? rules.defaultScopes }
      if (isOwnerKnown && !mayHandleKey(roleOf(request), asked, owner)) return refuse(reply, 'FORBIDDEN')

      return makeOnce(store, request, reply, async (store) => {
        const created = await createKey(wanted, {
          store,
          rules,
          clock,
          generate: (environment) => formats().generate(environment),
          organizationId,
          actor: actorOf(request),
        })
        if (!created.ok) return refusalOf(created.problems)
        const { key, secret } = created
        const body = { key: keyRecordOf(key, clock.now()), raw_key: secret.reveal() }
        return { status: 201, body, tagged: taggedKey(key) }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/api-keys',
    {
      schema: {
        operationId: 'listApiKeys',
        tags,
        params: organizationParams,
        querystring: list,
        response: { ...refusals, 200: z.array(apiKey) },
      },
    },
    async (request, reply) => {
      const { limit, cursor, expires_before: expiresBefore, ...same } = request.query
      const page = pageOf({ limit, cursor })
      const filter = given({
        ...same,
        expiresBefore: expiresBefore === undefined ? undefined : Date.parse(expiresBefore),
      })
      const keys = await store.listKeys(organizationOf(request).id, filter, page)
      const now = clock.now()
      return sendPage(
        request,
        reply,
        page,
        keys.map((key) => keyRecordOf(key, now)),
      )
    },
  )

  app.get(
    '/organizations/:organization_id/api-keys/:key_id',
    {
      config: { exists: path.exists },
      schema: { operationId: 'getApiKey', tags, params: keyParams, response: { ...refusals, 200: apiKey } },
    },
    async (request, reply) => {
      const key = keyOf(request)
      return sendTagged(reply, keyRecordOf(key, clock.now()), taggedKey(key))
    },
  )

  app.patch(
    '/organizations/:organization_id/api-keys/:key_id',
    {
      config: { exists: path.exists },
      onRequest: path.handled,
      schema: {
        operationId: 'updateApiKey',
        tags,
        params: keyParams,
        body: patch,
        response: { ...bodyRefusals, 200: apiKey, 412: problemBody },
      },
    },
    async (request, reply) => {
      const before = keyOf(request)
      const { allowed_ips: allowedIps, rate_limit: limit, ...same } = given(request.body)
      const change = {
        ...same,
        ...(allowedIps !== undefined && { allowedIps }),
        ...(limit !== undefined && { rateLimit: rateLimitSetting(limit) }),
      }
      const role = roleOf(request)
      if (change.system !== undefined && role !== 'root') return refuse(reply, 'FORBIDDEN')
      // What a key keeps was judged when it got it: a scope that is no longer declared does not hinder a new name.
      const problems = checkKeyRequest({ name: before.name, scopes: [], ...change }, keyRules(config()))
      if (problems.length > 0) return refuseProblems(reply, problems)
      if (!mayHandleKey(role, { ...before, ...change }, await ownerOf(store, before))) return refuse(reply, 'FORBIDDEN')

      const key = await store.updateKey(
        before.organizationId,
        before.id,
        change,
        actorOf(request),
        ifMatch(request, taggedKey),
      )
      if (key === undefined) return refuse(reply, 'NOT_FOUND')
      return sendTagged(reply, keyRecordOf(key, clock.now()), taggedKey(key))
    },
  )
}

/** The body in the words of createKey. */
function requestOf(body: z.output<typeof create>) {
  const sent = given(body)
  return {
    name: sent.name,
    ...given({
      description: body.description,
      environment: body.environment,
      scopes: body.scopes,
      expiresInDays: body.expires_in_days,
      projectId: body.project_id ?? undefined,
      workspaceIds: body.workspace_ids,
      allowedIps: body.allowed_ips,
      rateLimit: body.rate_limit === undefined ? undefined : rateLimitSetting(body.rate_limit),
      serviceAccountId: body.service_account_id ?? undefined,
      metadata: body.metadata,
    }),
  }
}
