import { z } from 'zod'
import { actorOf, principalOf, type ResourceRoutes } from '../context.ts'
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

/** The caller's own account. */
export const meRoutes: ResourceRoutes = (app, { store, accounts, verifyPassword }) => {
  const tags = ['me']

  app.get('/me', { schema: { operationId: 'getMe', tags, response: { ...refusals, 200: me } } }, async (request) =>
    meRecord(store, principalOf(request)),
  )

  app.patch(
    '/me',
    {
      schema: {
        operationId: 'updateMe',
        tags,
        body: patch,
        response: { ...bodyRefusals, 200: me, 403: problemBody.describe('Not a session, or not your password.') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const { operator, sessionId } = principal
      // A token that gets into wrong hands must not become the account.
      if (principal.via !== 'session' || operator === null) return refuse(reply, 'FORBIDDEN')
      const { name, password, current_password: current = '' } = request.body
      if (password !== undefined) {
        if (!(await verifyPassword(principal, current))) {
          const errors = [{ path: 'current_password', message: 'is not your password, or was tried too often' }]
          return refuse(reply, 'FORBIDDEN', { errors })
        }
        await store.setPassword(operator.id, await accounts.hashPassword(password), sessionId, actorOf(request))
      }
      if (name !== undefined) await store.updateOperator(operator.id, { name }, actorOf(request))
      return meRecord(store, { ...principal, operator: { ...operator, ...(name !== undefined && { name }) } })
    },
  )
}
