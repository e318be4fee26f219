import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Operator, SessionMethod } from '../../store/operators-store.ts'
import type { AdminContext } from '../context.ts'
import { sessionLimits } from './authenticate.ts'
import { readCookie, setCookie } from './cookies.ts'
import { newToken, tokenHash } from './secrets.ts'

/** A session of its own for each log-in, whatever the browser brought: one that was foisted on it is worth nothing. */
export async function startSession(
  { store, clock, events, formats }: Pick<AdminContext, 'store' | 'clock' | 'events' | 'formats'>,
  request: FastifyRequest,
  reply: FastifyReply,
  { operator, method, provedAt }: LogIn,
): Promise<{ readonly id: string }> {
  const before = readCookie(request, 'session')
  const earlier = before === undefined ? undefined : await store.findSession(tokenHash(before))
  if (earlier?.operator.id === operator.id) {
    await store.endSession(earlier.session.id, { type: 'operator', id: operator.id, requestId: request.id })
  }
  const { secret, sha256 } = newToken('')
  const userAgent = request.headers['user-agent']
  const session = await store.createSession(
    {
      operatorId: operator.id,
      method,
      provedAt,
      ip: request.ip,
      // Redacted whole, then cut: half a key would no longer be recognized as one.
      userAgent: userAgent === undefined ? null : formats().redact(userAgent).slice(0, 256),
      tokenSha256: sha256,
      requestId: request.id,
    },
    sessionLimits(clock.now()),
  )
  setCookie(reply, 'session', secret.reveal())
  events.adminLogin(method, 'succeeded', { requestId: request.id, ip: request.ip, operatorId: operator.id })
  return session
}

interface LogIn {
  readonly operator: Operator
  readonly method: SessionMethod
  /** See proof.ts. */
  readonly provedAt: number
}
