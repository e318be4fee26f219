import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Member } from '../../store/operators-store.ts'
import { lostRights } from '../admission.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { mayGiveRole } from '../grants.ts'
import { oneTimeUrl } from '../kept-secrets.ts'
import { email as emailText, linkRecord, newPassword, oneTimeLink, role } from '../login/schemas.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import type { AccessRole } from '../principal.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, name, organizationParams, problemBody, refusals, time } from '../schemas.ts'

const record = z
  .object({
    id: z.string().describe('The operator’s.'),
    organization_id: z.string(),
    email: z.string(),
    name: z.string(),
    role,
    status: z.enum(['active', 'invited']).describe('invited: has not used the link yet.'),
    source: z.enum(['manual', 'oidc']).describe('oidc: given and taken back by the role mapping.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'MemberRecord' })

const add = z.strictObject({
  email: emailText,
  role,
  name: name.optional().describe('Of a new operator; the part before the @ when left out.'),
  password: newPassword.optional().describe('Of a new operator; left out, the answer has a link to set one.'),
})
const params = organizationParams.extend({ operator_id: z.string() })

/** Operators and their role in an organization. */
export const memberRoutes: ResourceRoutes = (app, context) => {
  const { store, accounts } = context
  const tags = ['members']

  app.post(
    '/organizations/:organization_id/members',
    {
      config: { idempotent: oneTimeUrl(store, 'invitation', 'url') },
      schema: {
        operationId: 'addMember',
        tags,
        params: organizationParams,
        body: add,
        response: {
          ...bodyRefusals,
          201: record.extend({
            invitation: oneTimeLink.nullable().describe('For a new operator without password. Shown this once.'),
          }),
        },
      },
    },
    async (request, reply) => {
      const { email, role, name, password } = request.body
      const { id: organizationId } = organizationOf(request)
      const isRoot = roleOf(request) === 'root'
      if (!mayGiveRole(roleOf(request), role)) return refuse(reply, 'FORBIDDEN')
      const actor = actorOf(request)
      const passwordHash = password === undefined ? null : await accounts.hashPassword(password)
      const lost = passwordHash === null ? undefined : await lostRights(context, request)
      if (lost !== undefined) return refuse(reply, lost)
      return makeOnce(store, request, reply, async (store) => {
        const known = await store.findOperatorByEmail(email)
        if (known !== undefined) {
          if (!known.verified && !(await store.rolesOf(known.id)).has(organizationId)) {
            return { refuse: 'CONFLICT', extras: { errors: [{ path: 'email', message: unconfirmed }] } }
          }
          const member = await store.addMember(organizationId, known.id, role, actor)
          return { status: 201, body: { ...recordOf(member), invitation: null } }
        }
        const operator = await store.createOperator(
          {
            email,
            name: name ?? email.slice(0, email.indexOf('@')),
            isRoot: false,
            verified: isRoot,
            passwordHash,
            membership: { organizationId, role },
          },
          actor,
        )
        const link = passwordHash === null && (await accounts.createLink('invitation', operator.id, actor, store))
        const member = await store.findMember(organizationId, operator.id)
        if (member === undefined) return { refuse: 'NOT_FOUND' }
        return { status: 201, body: { ...recordOf(member), invitation: link ? linkRecord(link) : null } }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/members',
    {
      schema: {
        operationId: 'listMembers',
        tags,
        params: organizationParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const members = await store.listMembers(organizationOf(request).id, page)
      return sendPage(request, reply, page, members.map(recordOf))
    },
  )

  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { operator_id: id } = request.params as { operator_id: string }
    return (await store.findMember(organizationOf(request).id, id)) !== undefined
  }

  app.get(
    '/organizations/:organization_id/members/:operator_id',
    {
      config: { exists },
      schema: { operationId: 'getMember', tags, params, response: { ...refusals, 200: record } },
    },
    async (request, reply) => {
      const member = await store.findMember(organizationOf(request).id, request.params.operator_id)
      return member === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(member))
    },
  )

  app.patch(
    '/organizations/:organization_id/members/:operator_id',
    {
      config: { exists },
      schema: {
        operationId: 'updateMember',
        tags,
        params,
        body: z.strictObject({ role }),
        response: { ...bodyRefusals, 200: record, 412: problemBody },
      },
    },
    async (request, reply) => {
      const own = roleOf(request)
      const { role } = request.body
      if (!mayGiveRole(own, role)) return refuse(reply, 'FORBIDDEN')
      const member = await store.updateMember(
        organizationOf(request).id,
        request.params.operator_id,
        role,
        own !== 'root',
        actorOf(request),
        ifMatch(request, recordOf),
      )
      if (member === 'last_owner') return refuse(reply, 'CONFLICT', lastOwner('role'))
      return member === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(member))
    },
  )

  app.delete(
    '/organizations/:organization_id/members/:operator_id',
    {
      config: { exists },
      schema: {
        operationId: 'removeMember',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Has no access from here on.'), 409: problemBody },
      },
    },
    async (request, reply) => {
      const result = await store.removeMember(
        organizationOf(request).id,
        request.params.operator_id,
        roleOf(request) !== 'root',
        actorOf(request),
      )
      if (result === 'last_owner') return refuse(reply, 'CONFLICT', lastOwner('operator_id'))
      return result === undefined ? refuse(reply, 'NOT_FOUND') : reply.code(204).send(null)
    },
  )
}

const roleOf = ({ role }: FastifyRequest): AccessRole => role ?? 'viewer'

const lastOwner = (path: string) => ({
  errors: [{ path, message: 'would leave the organization without an owner who can log in; make another one first' }],
})

/**
 * Who invited somebody first could have set the password of that account himself. Until root or an identity provider
 * stands for it, it is let into no other organization: not by root either, who would not know.
 */
const unconfirmed =
  'belongs to an account that another organization made and nobody has confirmed: its owner may log in by OIDC, or root reset its password, which confirms it'

const recordOf = (member: Member): z.input<typeof record> => ({
  id: member.id,
  organization_id: member.organizationId,
  email: member.email,
  name: member.name,
  role: member.role,
  status: member.status,
  source: member.source,
  created_at: new Date(member.createdAt).toISOString(),
  updated_at: new Date(member.updatedAt).toISOString(),
})
