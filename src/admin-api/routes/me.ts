import { z } from 'zod'
import { lostRights } from '../admission.ts'
import { actorOf, principalOf, type ResourceRoutes } from '../context.ts'
import { answerLoggedIn } from '../login/answer.ts'
import { newDevice } from '../login/known-device.ts'
import { anyPassword, me, meRecord, newPassword } from '../login/schemas.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, name, problemBody, refusals } from '../schemas.ts'

const patch = z
  .strictObject({
    name: name.optional(),
    password: newPassword.optional(),
    current_password: anyPassword.optional().describe('Needed with password.'),
  })
  .refine(({ password, current_password: current }) => password === undefined || current !== undefined, {
    path: ['current_password'],
    message: 'is needed to change the password',
  })

const asked = z.strictObject({
  organization_id: z.string().optional().describe('Roles in this organization alone; none where there is none in it.'),
})

/** The caller's own account. */
export const meRoutes: ResourceRoutes = (app, context) => {
  const { store, accounts, verifyPassword } = context
  const tags = ['me']

  app.get(
    '/me',
    { schema: { operationId: 'getMe', tags, querystring: asked, response: { ...refusals, 200: me } } },
    async (request) => meRecord(store, principalOf(request), request.query.organization_id),
  )

  app.patch(
    '/me',
    {
      schema: {
        operationId: 'updateMe',
        description: 'A change of the password ends every session of yours; the answer brings the cookie of a new one.',
        tags,
        body: patch,
        response: { ...bodyRefusals, 200: me, 403: problemBody.describe('Not a session, or not your password.') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const { operator } = principal
      // A token that gets into wrong hands must not become the account.
      if (principal.via !== 'session' || operator === null) return refuse(reply, 'FORBIDDEN')
      const { name, password, current_password: current = '' } = request.body
      if (password !== undefined) {
        if (!(await verifyPassword(principal, current))) {
          const errors = [{ path: 'current_password', message: 'is not your password, or was tried too often' }]
          return refuse(reply, 'FORBIDDEN', { errors })
        }
        const passwordHash = await accounts.hashPassword(password)
        const lost = await lostRights(context, request)
        if (lost !== undefined) return refuse(reply, lost)
        await store.setPassword(operator.id, passwordHash, actorOf(request))
        if (name !== undefined) await store.updateOperator(operator.id, { name }, actorOf(request))
        const changed = await store.findOperator(operator.id)
        if (changed === undefined) return refuse(reply, 'UNAUTHENTICATED')
        // This session too begins anew: whoever has a copy of its cookie may be the reason for the change.
        const loggedIn = { operator: changed, deviceCookie: newDevice(passwordHash) }
        return answerLoggedIn(context, request, reply, loggedIn, 'password')
      }
      if (name !== undefined) await store.updateOperator(operator.id, { name }, actorOf(request))
      return meRecord(store, { ...principal, operator: { ...operator, ...(name !== undefined && { name }) } })
    },
  )
}
