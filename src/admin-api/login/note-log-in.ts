import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { LoginMethod } from '../../events.ts'
import type { AdminContext } from '../context.ts'
import type { LogInRefusal } from './accounts.ts'

/** Log-ins that came to nothing, for the log and the metrics. @param email as it was given, in lower case. */
export function noteRefusal(
  { events, formats }: Pick<AdminContext, 'events' | 'formats'>,
  { id: requestId, ip }: FastifyRequest,
  method: LoginMethod,
  { retryAfterMs, operatorId }: LogInRefusal,
  email?: string,
): void {
  // People type their password into the wrong field: what is no address is not written down.
  const isShown = operatorId === null && email !== undefined && z.email().safeParse(email).success
  events.adminLogin(method, retryAfterMs > 0 ? 'throttled' : 'refused', {
    requestId,
    ip,
    operatorId,
    email: isShown ? formats().redact(email).slice(0, emailMax) : null,
  })
}

const emailMax = 254
