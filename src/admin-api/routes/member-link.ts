import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Member, Operator } from '../../store/operators-store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { oneTimeUrl } from '../kept-secrets.ts'
import { roleOf } from '../key-in-path.ts'
import { linkRecord, oneTimeLink } from '../login/schemas.ts'
import { makeOnce, type Refusal } from '../make-once.ts'
import type { AccessRole } from '../principal.ts'
import { bodyRefusals, organizationParams } from '../schemas.ts'

/** The link of somebody who was invited and has not come yet, once more. */
export const memberLinkRoutes: ResourceRoutes = (app, { store, accounts }) => {
  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { operator_id: id } = request.params as { operator_id: string }
    return (await store.findMember(organizationOf(request).id, id)) !== undefined
  }

  app.post(
    '/organizations/:organization_id/members/:operator_id/link',
    {
      config: { exists, idempotent: oneTimeUrl(store, 'url') },
      schema: {
        operationId: 'createMemberLink',
        tags: ['members'],
        summary: 'Another one-time link for a member who is still `invited`; the one of before ends. Needs no body.',
        params: organizationParams.extend({ operator_id: z.string() }),
        body: z.strictObject({}).optional(),
        response: { ...bodyRefusals, 201: oneTimeLink },
      },
    },
    async (request, reply) => {
      const { id: organizationId } = organizationOf(request)
      const { operator_id: operatorId } = request.params
      const actor = actorOf(request)
      return makeOnce(store, request, reply, async (store) => {
        const member = await store.findMember(organizationId, operatorId)
        const operator = await store.findOperator(operatorId)
        if (member === undefined || operator === undefined) return { refuse: 'NOT_FOUND' }
        const refusal = whyNot(roleOf(request), member, operator, await store.rolesOf(operatorId))
        if (refusal !== undefined) return refusal
        const link = await accounts.createLink('invitation', operatorId, actor, store, organizationId)
        return { status: 201, body: linkRecord(link) }
      })
    },
  )
}

/**
 * Whoever has the link sets the password, and is that person from then on, wherever the account leads. So an owner makes one
 * for accounts alone that lead nowhere else: those that this organization made and that nobody has vouched for.
 */
function whyNot(
  own: AccessRole,
  { status }: Member,
  { isRoot, verified }: Operator,
  roles: ReadonlyMap<string, unknown>,
): Refusal | undefined {
  if (status !== 'invited') {
    return { refuse: 'CONFLICT', extras: { errors: [{ path: 'operator_id', message: comesIn }] } }
  }
  if (own === 'root' || !(isRoot || verified || roles.size > 1)) return undefined
  return { refuse: 'FORBIDDEN', extras: { detail: notTheirs } }
}

const comesIn =
  'can log in already. For another password root resets it: POST /platform/operators/{operator_id}/reset-password'
const notTheirs =
  'The account was made by root, or is of more than this organization: root alone makes a link for it. Ask who runs this gateway.'
