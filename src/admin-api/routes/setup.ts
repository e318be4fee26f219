import { z } from 'zod'
import type { ResourceRoutes } from '../context.ts'
import { answerLoggedIn } from '../login/answer.ts'
import { noteRefusal } from '../login/note-log-in.ts'
import { email, logInBytesMax, me, newPassword } from '../login/schemas.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, name, problemBody } from '../schemas.ts'

const setUp = z.strictObject({
  token: z.string().min(1).max(128).describe('From the link: what stands behind #token=.'),
  email: email.optional().describe('For the first operator; a link for somebody else has its own.'),
  name: name.optional().describe('Needed for the first operator.'),
  password: newPassword,
})

/** What somebody does with a one-time link, and what a log-in page has to know before. */
export const setupRoutes: ResourceRoutes = (app, context) => {
  const { accounts, store, config } = context
  const tags = ['sessions']

  app.post(
    '/setup',
    {
      bodyLimit: logInBytesMax,
      schema: {
        operationId: 'redeemLink',
        tags,
        security: [],
        summary: 'Makes the first operator, or sets the password of one who was invited, and logs in.',
        body: setUp,
        response: {
          ...bodyRefusals,
          201: me.describe('Logged in; the cookie is the session.'),
          401: problemBody.describe('The link is not valid: used, expired, or replaced by a newer one.'),
          413: problemBody.describe('More than 16 kB.'),
        },
      },
    },
    async (request, reply) => {
      const { token, email = null, name = null, password } = request.body
      const result = await accounts.redeem(token, { email, name, password, requestId: request.id })
      if (result === undefined) {
        noteRefusal(context, request, 'link', notValid)
        return refuse(reply, 'UNAUTHENTICATED')
      }
      if (result === 'incomplete') {
        const message = 'is needed for the first operator'
        const errors = [
          ...(email === null ? [{ path: 'email', message }] : []),
          ...(name === null ? [{ path: 'name', message }] : []),
        ]
        return refuse(reply, 'VALIDATION_FAILED', { errors })
      }
      reply.code(201)
      return answerLoggedIn(context, request, reply, result, 'link')
    },
  )

  app.get(
    '/auth/methods',
    {
      schema: {
        operationId: 'listLogInMethods',
        tags,
        security: [],
        response: {
          200: z.object({
            password: z.boolean(),
            oidc: z.boolean(),
            setup_required: z.boolean().describe('There is no operator yet.'),
          }),
          503: problemBody,
        },
      },
    },
    async () => {
      const operators = await store.listOperators({ limit: 1 })
      return { password: true, oidc: config().admin.oidc !== undefined, setup_required: operators.length === 0 }
    },
  )
}

/** No link, so nobody's. */
const notValid = { retryAfterMs: 0, operatorId: null }
