import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { OperatorToken } from '../../store/operators-store.ts'
import { actorOf, principalOf, type ResourceRoutes } from '../context.ts'
import { nullInRepeat, rawToken } from '../kept-secrets.ts'
import { ownerFilter, ownerQuery } from '../login/owner-filter.ts'
import { newToken, personalTokenPrefix } from '../login/secrets.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { type AccessRole, type AdminPrincipal, mayEndOwn, outranks } from '../principal.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, name, optionalTime, refusals, time } from '../schemas.ts'

const tokenRole = z
  .enum(['root', 'owner', 'admin', 'engineer', 'viewer'])
  .describe('The most that it carries; never more than its owner has at that moment.')

const record = z
  .object({
    id: z.string(),
    operator_id: z.string(),
    name: z.string(),
    role: tokenRole,
    organization_id: z.string().nullable().describe('Works in this organization alone; null: in all of its owner’s.'),
    suffix: z.string().describe('Its last 4 characters.'),
    created_at: time,
    expires_at: optionalTime,
    last_used_at: optionalTime,
  })
  .meta({ id: 'AdminTokenRecord' })

const create = z.strictObject({
  name,
  role: tokenRole,
  organization_id: z.string().nullable().optional(),
  expires_in_days: z.number().int().min(1).max(365).nullable().optional().describe('90 when left out; null: never.'),
})
const params = z.object({ token_id: z.string() })

/** Personal admin tokens, for scripts that work in somebody's name. */
export const tokenRoutes: ResourceRoutes = (app, context) => {
  const { store, clock } = context
  const tags = ['tokens']

  app.post(
    '/tokens',
    {
      config: { idempotent: rawToken(context) },
      onRequest: fromSession,
      schema: {
        operationId: 'createAdminToken',
        tags,
        body: create,
        response: {
          ...bodyRefusals,
          201: z.object({
            token: record,
            raw_token: z
              .string()
              .nullable()
              .describe(`Shown this once. ${nullInRepeat('it was revoked or has ended')}`),
          }),
        },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      if (principal.operator === null) return refuse(reply, 'FORBIDDEN')
      const { name, role, organization_id: organizationId = null, expires_in_days: days = 90 } = request.body
      const problem = await whyNot(principal, role, organizationId)
      if (problem !== undefined) return refuse(reply, problem.code, { errors: problem.errors })
      const own = await store.listTokens({ operatorId: principal.operator.id }, { limit: tokensMax })
      if (own.length >= tokensMax) {
        const errors = [{ path: 'name', message: `you have ${tokensMax} tokens already; revoke one first` }]
        return refuse(reply, 'CONFLICT', { errors })
      }
      const { secret, sha256, suffix } = newToken(personalTokenPrefix)
      const wanted = {
        operatorId: principal.operator.id,
        name,
        role,
        organizationId,
        suffix,
        expiresAt: days === null ? null : clock.now() + days * 86_400_000,
        tokenSha256: sha256,
      }
      return makeOnce(store, request, reply, async (store) => {
        // Root may name any; and one that is there may be deleted at this moment.
        if (organizationId !== null && (await store.findOrganization(organizationId))?.id !== organizationId) {
          return { refuse: 'NOT_FOUND', extras: { errors: unknownOrganization } }
        }
        const token = await store.createToken(wanted, actorOf(request))
        return { status: 201, body: { token: recordOf(token), raw_token: secret.reveal() } }
      })
    },
  )

  app.get(
    '/tokens',
    {
      schema: {
        operationId: 'listAdminTokens',
        tags,
        querystring: z.strictObject({ ...pageQuery, ...ownerQuery }),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const filter = ownerFilter(principalOf(request), request.query.operator_id)
      if (filter === undefined) return refuse(reply, 'NOT_FOUND')
      const tokens = await store.listTokens(filter, page)
      return sendPage(request, reply, page, tokens.map(recordOf))
    },
  )

  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { token_id: id } = request.params as { token_id: string }
    const token = await store.findTokenById(id)
    const { isRoot, operator } = principalOf(request)
    return token !== undefined && (isRoot || token.operatorId === operator?.id)
  }

  app.delete(
    '/tokens/:token_id',
    {
      config: { exists },
      onRequest: async (request, reply) => {
        const { token_id: id } = request.params as { token_id: string }
        return mayEndOwn(principalOf(request), id) ? undefined : refuse(reply, 'FORBIDDEN')
      },
      schema: {
        operationId: 'revokeAdminToken',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Revoked: the next request with it is 401.') },
      },
    },
    async (request, reply) => {
      await store.revokeToken(request.params.token_id, actorOf(request))
      return reply.code(204).send(null)
    },
  )
}

/**
 * Tokens make no tokens: one that leaked could else outlive its revocation. Asked before anything is looked up for the
 * request: a kept answer has a token in it too.
 */
const fromSession = async (request: FastifyRequest, reply: FastifyReply) =>
  principalOf(request).via === 'session' ? undefined : refuse(reply, 'FORBIDDEN')

/** Nobody grants above their own; and what a token is for has to be said so that it can be held to it. */
async function whyNot(
  { isRoot, roles }: AdminPrincipal,
  role: AccessRole,
  organizationId: string | null,
): Promise<
  { code: 'FORBIDDEN' | 'VALIDATION_FAILED' | 'NOT_FOUND'; errors: { path: string; message: string }[] } | undefined
> {
  const path = 'organization_id'
  if (role === 'root') {
    if (!isRoot) return { code: 'FORBIDDEN', errors: [{ path: 'role', message: 'is above your own' }] }
    if (organizationId === null) return undefined
    return {
      code: 'VALIDATION_FAILED',
      errors: [{ path, message: 'must be left out: root is above every organization' }],
    }
  }
  if (isRoot) {
    // Root has no role in any organization that could be lowered.
    if (organizationId !== null) return undefined
    return {
      code: 'VALIDATION_FAILED',
      errors: [{ path, message: 'must name the organization in which you give it this role' }],
    }
  }
  if (organizationId === null) {
    const reaches = [...roles.values()].some((own) => outranks(own, role))
    return reaches ? undefined : { code: 'FORBIDDEN', errors: [{ path: 'role', message: 'is above your own' }] }
  }
  const own = roles.get(organizationId)
  if (own === undefined) return { code: 'NOT_FOUND', errors: unknownOrganization }
  return outranks(own, role)
    ? undefined
    : { code: 'FORBIDDEN', errors: [{ path: 'role', message: 'is above your own' }] }
}

const unknownOrganization = [{ path: 'organization_id', message: 'there is no such organization' }]

const tokensMax = 100

const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

const recordOf = (token: OperatorToken): z.input<typeof record> => ({
  id: token.id,
  operator_id: token.operatorId,
  name: token.name,
  role: token.role,
  organization_id: token.organizationId,
  suffix: token.suffix,
  created_at: new Date(token.createdAt).toISOString(),
  expires_at: isoTime(token.expiresAt),
  last_used_at: isoTime(token.lastUsedAt),
})
