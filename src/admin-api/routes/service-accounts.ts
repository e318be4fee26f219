import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ServiceAccount } from '../../store/store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { mayGiveRole } from '../grants.ts'
import { roleOf } from '../key-in-path.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { serviceAccountRecord } from '../records.ts'
import { refuse } from '../refusals.ts'
import {
  bodyRefusals,
  description,
  given,
  name,
  organizationParams,
  problemBody,
  refusals,
  slug,
  time,
} from '../schemas.ts'

const role = z.enum(['owner', 'admin', 'engineer', 'viewer'])
const record = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name: z.string(),
    slug: z.string(),
    description: z.string(),
    role,
    is_active: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'ServiceAccountRecord' })

const params = organizationParams.extend({ sa_id: z.string() })
const create = z.strictObject({ name, description: description.optional(), role, slug: slug.optional() })
const patch = z.strictObject({
  name: name.optional(),
  description: description.optional(),
  role: role.optional(),
  is_active: z.boolean().optional().describe('False: its keys answer 401.'),
})

/** Service accounts: identities of systems, which own keys. Nobody makes or changes one whose role is above their own. */
export const serviceAccountRoutes: ResourceRoutes = (app, { store }) => {
  const found = new WeakMap<FastifyRequest, ServiceAccount>()
  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { sa_id: id } = request.params as { sa_id: string }
    const account = await store.findServiceAccount(organizationOf(request).id, id)
    if (account !== undefined) found.set(request, account)
    return account !== undefined
  }
  const accountOf = (request: FastifyRequest): ServiceAccount => {
    const account = found.get(request)
    if (account === undefined) throw new Error('this route does not look for the service account in its path')
    return account
  }
  const notAbove = async (request: FastifyRequest, reply: FastifyReply) =>
    mayGiveRole(roleOf(request), accountOf(request).role) ? undefined : refuse(reply, 'FORBIDDEN')
  const tags = ['service-accounts']

  app.post(
    '/organizations/:organization_id/service-accounts',
    {
      config: { idempotent: true },
      schema: {
        operationId: 'createServiceAccount',
        tags,
        params: organizationParams,
        body: create,
        response: { ...bodyRefusals, 201: record },
      },
    },
    async (request, reply) => {
      const { id: organizationId } = organizationOf(request)
      if (!mayGiveRole(roleOf(request), request.body.role)) return refuse(reply, 'FORBIDDEN')
      const { name, role, ...rest } = request.body
      const wanted = { organizationId, name, role, ...given(rest) }
      return makeOnce(store, request, reply, async (store) => {
        const body = serviceAccountRecord(await store.createServiceAccount(wanted, actorOf(request)))
        return { status: 201, body, tagged: body }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/service-accounts',
    {
      schema: {
        operationId: 'listServiceAccounts',
        tags,
        params: organizationParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const accounts = await store.listServiceAccounts(organizationOf(request).id, page)
      return sendPage(request, reply, page, accounts.map(serviceAccountRecord))
    },
  )

  app.get(
    '/organizations/:organization_id/service-accounts/:sa_id',
    {
      config: { exists },
      schema: { operationId: 'getServiceAccount', tags, params, response: { ...refusals, 200: record } },
    },
    async (request, reply) => sendTagged(reply, serviceAccountRecord(accountOf(request))),
  )

  app.patch(
    '/organizations/:organization_id/service-accounts/:sa_id',
    {
      config: { exists },
      onRequest: notAbove,
      schema: {
        operationId: 'updateServiceAccount',
        tags,
        params,
        body: patch,
        response: { ...bodyRefusals, 200: record, 412: problemBody },
      },
    },
    async (request, reply) => {
      const before = accountOf(request)
      const { is_active: isActive, ...same } = given(request.body)
      if (same.role !== undefined && !mayGiveRole(roleOf(request), same.role)) return refuse(reply, 'FORBIDDEN')
      const change = { ...same, ...(isActive !== undefined && { isActive }) }
      const account = await store.updateServiceAccount(
        before.organizationId,
        before.id,
        change,
        actorOf(request),
        ifMatch(request, serviceAccountRecord),
      )
      return account === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, serviceAccountRecord(account))
    },
  )
}
