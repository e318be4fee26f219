import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { SessionMethod } from '../../store/operators-store.ts'
import type { AdminContext } from '../context.ts'
import type { LoggedIn } from './accounts.ts'
import { setCookie } from './cookies.ts'
import { type me, meRecord } from './schemas.ts'
import { startSession } from './start-session.ts'

/** The answer to a log-in by password or link: cookies, and what `GET /me` would say. */
export async function answerLoggedIn(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { operator, deviceCookie }: LoggedIn,
  method: SessionMethod,
): Promise<z.input<typeof me>> {
  const provedAt = context.clock.now()
  const session = await startSession(context, request, reply, { operator, method, provedAt })
  setCookie(reply, 'device', deviceCookie)
  return meRecord(context.store, {
    actor: { type: 'operator', id: operator.id },
    isRoot: operator.isRoot,
    roles: await context.store.rolesOf(operator.id),
    via: 'session',
    sessionId: session.id,
    provedAt,
    operator,
  })
}
