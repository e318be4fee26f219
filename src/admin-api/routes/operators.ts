import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Operator } from '../../store/operators-store.ts'
import { lostRights } from '../admission.ts'
import { actorOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { oneTimeUrl } from '../kept-secrets.ts'
import { operatorRecord } from '../login/operator-record.ts'
import { email as emailText, linkRecord, newPassword, oneTimeLink } from '../login/schemas.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, given, name, optionalTime, problemBody, refusals, time } from '../schemas.ts'

const record = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    is_root: z.boolean(),
    verified: z.boolean().describe('Root or an identity provider stands for the address.'),
    has_password: z.boolean(),
    has_oidc: z.boolean(),
    last_login_at: optionalTime,
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'OperatorRecord' })

const create = z.strictObject({
  email: emailText,
  name,
  is_root: z.boolean().optional(),
  password: newPassword.optional().describe('Left out, the answer has a link to set one.'),
})
const params = z.object({ operator_id: z.string() })

/** Everybody who can log in, for root. */
export const operatorRoutes: ResourceRoutes = (app, context) => {
  const { store, accounts } = context
  const tags = ['operators']

  app.post(
    '/operators',
    {
      config: { idempotent: oneTimeUrl(store, 'invitation', 'url') },
      schema: {
        operationId: 'createOperator',
        tags,
        body: create,
        response: { ...bodyRefusals, 201: record.extend({ invitation: oneTimeLink.nullable() }) },
      },
    },
    async (request, reply) => {
      const { email, name, is_root: isRoot = false, password } = request.body
      const passwordHash = password === undefined ? null : await accounts.hashPassword(password)
      const lost = passwordHash === null ? undefined : await lostRights(context, request)
      if (lost !== undefined) return refuse(reply, lost)
      const actor = actorOf(request)
      return makeOnce(store, request, reply, async (store) => {
        const operator = await store.createOperator({ email, name, isRoot, verified: true, passwordHash }, actor)
        const link = passwordHash === null && (await accounts.createLink('invitation', operator.id, actor, store))
        return { status: 201, body: { ...recordOf(operator), invitation: link ? linkRecord(link) : null } }
      })
    },
  )

  app.get(
    '/operators',
    {
      schema: {
        operationId: 'listOperators',
        tags,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const operators = await store.listOperators(page)
      return sendPage(request, reply, page, operators.map(recordOf))
    },
  )

  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { operator_id: id } = request.params as { operator_id: string }
    return (await store.findOperator(id)) !== undefined
  }

  app.get(
    '/operators/:operator_id',
    {
      config: { exists },
      schema: { operationId: 'getOperator', tags, params, response: { ...refusals, 200: record } },
    },
    async (request, reply) => {
      const operator = await store.findOperator(request.params.operator_id)
      return operator === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(operator))
    },
  )

  app.patch(
    '/operators/:operator_id',
    {
      config: { exists },
      schema: {
        operationId: 'updateOperator',
        tags,
        params,
        body: z.strictObject({ name: name.optional(), is_root: z.boolean().optional() }),
        response: { ...bodyRefusals, 200: record, 412: problemBody },
      },
    },
    async (request, reply) => {
      const { is_root: isRoot, ...same } = given(request.body)
      const operator = await store.updateOperator(
        request.params.operator_id,
        { ...same, ...(isRoot !== undefined && { isRoot }) },
        actorOf(request),
        ifMatch(request, recordOf),
      )
      if (operator === 'last_root') return refuse(reply, 'CONFLICT', lastRoot('is_root'))
      if (operator === 'unverified') return refuse(reply, 'CONFLICT', unconfirmed)
      return operator === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, recordOf(operator))
    },
  )

  app.delete(
    '/operators/:operator_id',
    {
      config: { exists },
      schema: {
        operationId: 'deleteOperator',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Gone, with sessions and tokens.'), 409: problemBody },
      },
    },
    async (request, reply) => {
      const result = await store.deleteOperator(request.params.operator_id, actorOf(request))
      if (result === 'last_root') return refuse(reply, 'CONFLICT', lastRoot('operator_id'))
      return result === undefined ? refuse(reply, 'NOT_FOUND') : reply.code(204).send(null)
    },
  )

  app.post(
    '/operators/:operator_id/reset-password',
    {
      config: { exists, idempotent: oneTimeUrl(store, 'url') },
      schema: {
        operationId: 'resetPassword',
        tags,
        summary: 'Ends every session and token, takes the password away, and gives a link to set a new one.',
        params,
        response: { ...bodyRefusals, 201: oneTimeLink },
      },
    },
    async (request, reply) => {
      const { operator_id: id } = request.params
      const actor = actorOf(request)
      return makeOnce(store, request, reply, async (store) => {
        if (!(await store.resetPassword(id, actor))) return { refuse: 'NOT_FOUND' }
        return { status: 201, body: linkRecord(await accounts.createLink('reset', id, actor, store)) }
      })
    },
  )
}

const lastRoot = (path: string) => ({
  errors: [{ path, message: 'would leave nobody above all organizations; make another operator root first' }],
})

const unconfirmed = {
  errors: [
    {
      path: 'is_root',
      message:
        'is not for an account that an organization made and nobody has confirmed: its owner may log in by OIDC, or root reset its password, which confirms it',
    },
  ],
}

const recordOf = (operator: Operator) => operatorRecord(operator) satisfies z.input<typeof record>
