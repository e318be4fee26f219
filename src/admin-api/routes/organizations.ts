import { z } from 'zod'
import type { Organization } from '../../store/store.ts'
import { actorOf, organizationOf, principalOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { setByRoot } from '../grants.ts'
import { roleOf } from '../key-in-path.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { organizationRecord } from '../records.ts'
import { refuse } from '../refusals.ts'
import {
  bodyRefusals,
  metadata,
  name,
  optionalTime,
  organizationParams,
  problemBody,
  rateLimit,
  rateLimitSetting,
  reason,
  refusals,
  slug,
  time,
} from '../schemas.ts'

const record = z
  .object({
    id: z.string(),
    name: z.string(),
    slug: z.string(),
    status: z.enum(['active', 'suspended']),
    status_reason: z.string().nullable(),
    suspended_by: z
      .enum(['root', 'owner'])
      .nullable()
      .describe('Null while active. What root has suspended, root alone resumes.'),
    rate_limit: rateLimit.nullable(),
    metadata,
    created_at: time,
    updated_at: optionalTime,
  })
  .meta({ id: 'OrganizationRecord' })

const create = z.strictObject({
  name,
  slug: slug.optional(),
  rate_limit: rateLimit.nullable().optional(),
  metadata: metadata.optional(),
})
const patch = z.strictObject({
  name: name.optional(),
  status: z.enum(['active', 'suspended']).optional(),
  reason: reason.nullable().optional(),
  rate_limit: rateLimit.nullable().optional().describe('Root alone changes it.'),
  metadata: metadata.optional(),
})

const q = z.string().min(1).max(200).optional().describe('Part of the name or of the slug.')

/** Organizations: made by root, read by their members, changed by their owners. */
export const organizationRoutes: ResourceRoutes = (app, { store }) => {
  app.post(
    '/organizations',
    {
      config: { idempotent: true },
      schema: {
        operationId: 'createOrganization',
        tags: ['organizations'],
        body: create,
        response: { ...bodyRefusals, 201: record },
      },
    },
    async (request, reply) => {
      const { rate_limit, slug, metadata, ...rest } = request.body
      const wanted = {
        ...rest,
        ...(slug !== undefined && { slug }),
        ...(metadata !== undefined && { metadata }),
        ...(rate_limit !== undefined && { rateLimit: rateLimitSetting(rate_limit) }),
      }
      return makeOnce(store, request, reply, async (store) => {
        const body = recordOf(await store.createOrganization(wanted, actorOf(request)))
        return { status: 201, body, tagged: body }
      })
    },
  )

  app.get(
    '/organizations',
    {
      schema: {
        operationId: 'listOrganizations',
        tags: ['organizations'],
        querystring: z.strictObject({ ...pageQuery, q }),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const { isRoot, roles } = principalOf(request)
      const organizations = await store.listOrganizations({
        ...page,
        ...(request.query.q !== undefined && { q: request.query.q }),
        ...(!isRoot && { among: [...roles.keys()] }),
      })
      return sendPage(request, reply, page, organizations.map(recordOf))
    },
  )

  app.get(
    '/organizations/:organization_id',
    {
      schema: {
        operationId: 'getOrganization',
        tags: ['organizations'],
        params: organizationParams,
        response: { ...refusals, 200: record },
      },
    },
    async (request, reply) => sendTagged(reply, recordOf(organizationOf(request))),
  )

  app.patch(
    '/organizations/:organization_id',
    {
      schema: {
        operationId: 'updateOrganization',
        tags: ['organizations'],
        params: organizationParams,
        body: patch,
        response: { ...bodyRefusals, 200: record, 412: problemBody },
      },
    },
    async (request, reply) => {
      const before = organizationOf(request)
      const { name, status, reason, rate_limit, metadata } = request.body
      const role = roleOf(request)
      const change = {
        ...(name !== undefined && { name }),
        ...(status !== undefined && {
          status,
          statusReason: reason ?? null,
          suspendedBy: role === 'root' ? ('root' as const) : ('owner' as const),
        }),
        ...(metadata !== undefined && { metadata }),
        ...(rate_limit !== undefined && { rateLimit: rateLimitSetting(rate_limit) }),
      }
      const detail = setByRoot(role, before, change)
      if (detail !== undefined) return refuse(reply, 'FORBIDDEN', { detail })
      const unchanged = ifMatch(request, recordOf)
      const organization = await store.updateOrganization(
        before.id,
        change,
        actorOf(request),
        // Asked once more where it is written: root may have suspended it meanwhile.
        (current) => unchanged(current) && setByRoot(role, current, change) === undefined,
      )
      return organization === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(organization))
    },
  )

  app.delete(
    '/organizations/:organization_id',
    {
      schema: {
        operationId: 'deleteOrganization',
        tags: ['organizations'],
        params: organizationParams,
        body: z.strictObject({ confirm: z.string().describe('The slug of the organization.') }),
        response: { ...bodyRefusals, 204: z.null().describe('Gone, with everything in it.') },
      },
    },
    async (request, reply) => {
      const { id, slug } = organizationOf(request)
      if (request.body.confirm !== slug) {
        return refuse(reply, 'VALIDATION_FAILED', {
          errors: [{ path: 'confirm', message: 'must be the slug of the organization' }],
        })
      }
      await store.deleteOrganization(id, actorOf(request))
      return reply.code(204).send(null)
    },
  )
}

const recordOf = (organization: Organization) => organizationRecord(organization) as z.input<typeof record>
