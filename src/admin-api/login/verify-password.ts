import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import type { AdminPrincipal } from '../principal.ts'
import type { Passwords } from './passwords.ts'
import { createLoginThrottle } from './throttle.ts'

export type VerifyPassword = (
  session: Pick<AdminPrincipal, 'operator' | 'sessionId'>,
  password: string,
) => Promise<boolean>

/**
 * For what asks somebody who is logged in for the password once more. Ten wrong ones in a quarter of an hour are the most:
 * whoever has got hold of a session must not find out the password with it. Counted by session, so that a thief does not
 * lock the operator out of another one. @throws PasswordsBusy
 */
export function createVerifyPassword(
  store: Pick<Store, 'findPasswordHash'>,
  passwords: Passwords,
  clock: Pick<Clock, 'monotonic'>,
): VerifyPassword {
  const throttle = createLoginThrottle(clock)
  return async ({ operator, sessionId }, password) => {
    if (operator === null || sessionId === null) return false
    const attempt = { address: '', account: operator.id, device: sessionId }
    if (throttle.take(attempt) > 0) return false
    const right = await passwords.verify(password, await store.findPasswordHash(operator.id))
    if (right) throttle.succeeded(attempt)
    return right
  }
}
