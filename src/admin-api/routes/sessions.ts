import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { OperatorSession } from '../../store/operators-store.ts'
import { actorOf, principalOf, type ResourceRoutes } from '../context.ts'
import { answerLoggedIn } from '../login/answer.ts'
import { sessionLimits } from '../login/authenticate.ts'
import { clearCookie, readCookie } from '../login/cookies.ts'
import { noteRefusal } from '../login/note-log-in.ts'
import { ownerFilter, ownerQuery } from '../login/owner-filter.ts'
import { anyPassword, logInBytesMax, me } from '../login/schemas.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { mayEndOwn } from '../principal.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, problemBody, refusals, time } from '../schemas.ts'

const record = z
  .object({
    id: z.string(),
    operator_id: z.string(),
    method: z.enum(['password', 'link', 'oidc']).describe('How it was opened.'),
    ip: z.string(),
    user_agent: z.string().nullable(),
    current: z.boolean().describe('Whether this is the one that asks.'),
    created_at: time,
    last_seen_at: time,
  })
  .meta({ id: 'SessionRecord' })

// Not the rules for new ones: whatever does not fit is one more wrong pair.
const logIn = z.strictObject({ email: z.string().min(1).max(320), password: anyPassword })
const params = z.object({ session_id: z.string() })

/** Log-in to the dashboard, and what is logged in. */
export const sessionRoutes: ResourceRoutes = (app, context) => {
  const { store, accounts, clock } = context
  const tags = ['sessions']

  app.post(
    '/sessions',
    {
      bodyLimit: logInBytesMax,
      schema: {
        operationId: 'logIn',
        tags,
        security: [],
        body: logIn,
        response: {
          ...bodyRefusals,
          201: me.describe('Logged in; the cookie is the session.'),
          401: problemBody.describe('Wrong e-mail or password; which of them is not told.'),
          413: problemBody.describe('More than 16 kB.'),
          429: problemBody.describe('Too many wrong ones; see Retry-After.'),
        },
      },
    },
    async (request, reply) => {
      const { password } = request.body
      const email = request.body.email.trim().toLowerCase()
      const result = await accounts.logIn({
        email,
        password,
        address: request.ip,
        deviceCookie: readCookie(request, 'device'),
      })
      if ('operator' in result) {
        reply.code(201)
        return answerLoggedIn(context, request, reply, result, 'password')
      }
      noteRefusal(context, request, 'password', result, email)
      if (result.retryAfterMs === 0) return refuse(reply, 'UNAUTHENTICATED')
      reply.header('Retry-After', String(Math.ceil(result.retryAfterMs / 1000)))
      return refuse(reply, 'RATE_LIMITED')
    },
  )

  app.get(
    '/sessions',
    {
      schema: {
        operationId: 'listSessions',
        tags,
        querystring: z.strictObject({ ...pageQuery, ...ownerQuery }),
        response: { ...refusals, 200: z.array(record) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const filter = ownerFilter(principalOf(request), request.query.operator_id)
      if (filter === undefined) return refuse(reply, 'NOT_FOUND')
      const sessions = await store.listSessions({ ...filter, ...sessionLimits(clock.now()) }, page)
      const { sessionId } = principalOf(request)
      const records = sessions.map((session) => recordOf(session, sessionId))
      return sendPage(request, reply, page, records)
    },
  )

  app.delete(
    '/sessions/current',
    {
      schema: {
        operationId: 'logOut',
        tags,
        response: { ...refusals, 204: z.null().describe('Logged out.') },
      },
    },
    async (request, reply) => {
      const { sessionId } = principalOf(request)
      if (sessionId === null) return refuse(reply, 'NOT_FOUND')
      await store.endSession(sessionId, actorOf(request))
      clearCookie(reply, 'session')
      return reply.code(204).send(null)
    },
  )

  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { session_id: id } = request.params as { session_id: string }
    const session = await store.findSessionById(id)
    const { isRoot, operator } = principalOf(request)
    return session !== undefined && (isRoot || session.operatorId === operator?.id)
  }

  app.delete(
    '/sessions/:session_id',
    {
      config: { exists },
      onRequest: async (request, reply) => {
        const { session_id: id } = request.params as { session_id: string }
        return mayEndOwn(principalOf(request), id) ? undefined : refuse(reply, 'FORBIDDEN')
      },
      schema: {
        operationId: 'endSession',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Ended: the next request with its cookie is 401.') },
      },
    },
    async (request, reply) => {
      await store.endSession(request.params.session_id, actorOf(request))
      if (request.params.session_id === principalOf(request).sessionId) clearCookie(reply, 'session')
      return reply.code(204).send(null)
    },
  )
}

const recordOf = (session: OperatorSession, current: string | null): z.input<typeof record> => ({
  id: session.id,
  operator_id: session.operatorId,
  method: session.method,
  ip: session.ip,
  user_agent: session.userAgent,
  current: session.id === current,
  created_at: new Date(session.createdAt).toISOString(),
  last_seen_at: new Date(session.lastSeenAt).toISOString(),
})
