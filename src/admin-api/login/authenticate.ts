import type { Clock } from '../../clock.ts'
import type { OperatorAccess, OperatorToken, SessionLimits } from '../../store/operators-store.ts'
import type { Role, Store } from '../../store/store.ts'
import { type AdminPrincipal, type AuthenticateAdmin, outranks } from '../principal.ts'
import { personalTokenPrefix, tokenHash } from './secrets.ts'

export interface AuthenticateDependencies {
  readonly store: Pick<Store, 'findSession' | 'touchSession' | 'findToken' | 'touchToken'>
  readonly clock: Pick<Clock, 'now'>
  /** The instance's own token; undefined when it has none. */
  readonly byAdminToken: ((token: string) => AdminPrincipal | undefined) | undefined
}

/**
 * Who a request comes from. The store is asked each time, so that a role that was taken away is gone with the next
 * request. A token that was sent decides alone: a wrong one is not made good by a cookie.
 */
export function createAuthenticateAdmin({ store, clock, byAdminToken }: AuthenticateDependencies): AuthenticateAdmin {
  const byPersonalToken = async (text: string): Promise<AdminPrincipal | undefined> => {
    const found = await store.findToken(tokenHash(text))
    const now = clock.now()
    if (found === undefined || (found.token.expiresAt !== null && found.token.expiresAt <= now)) return undefined
    if (now - (found.token.lastUsedAt ?? 0) >= touchEveryMs) await store.touchToken(found.token.id, now)
    const rights = capped(found, found.token)
    const token = { id: found.token.id, isLimited: isLess(rights, found.operator, found.roles) }
    return { ...describe(found), ...rights, token, via: 'personal_token', sessionId: null, provedAt: null }
  }

  const bySession = async (text: string): Promise<AdminPrincipal | undefined> => {
    const found = await store.findSession(tokenHash(text))
    const now = clock.now()
    const { createdAfter, seenAfter } = sessionLimits(now)
    if (found === undefined || found.session.createdAt <= createdAfter || found.session.lastSeenAt <= seenAfter) {
      return undefined
    }
    if (now - found.session.lastSeenAt >= touchEveryMs) await store.touchSession(found.session.id, now)
    const { session: own, operator, roles } = found
    const { id: sessionId, provedAt } = own
    return { ...describe(found), isRoot: operator.isRoot, roles, via: 'session', sessionId, provedAt }
  }

  return async ({ bearer, session }) => {
    if (bearer?.startsWith(personalTokenPrefix)) return byPersonalToken(bearer)
    if (bearer !== undefined) return byAdminToken?.(bearer)
    return session === undefined ? undefined : bySession(session)
  }
}

/** Twelve hours without a request end a session, seven days end every one. */
export const sessionLimits = (now: number): SessionLimits => ({
  createdAfter: now - sessionMaxMs,
  seenAfter: now - sessionIdleMs,
})

export const sessionMaxMs = 7 * 86_400_000
const sessionIdleMs = 12 * 3_600_000
/** Often enough for a list of sessions to be of use, and no write for each request. */
const touchEveryMs = 60_000

const describe = ({ operator: { id, email, name, hasPassword } }: OperatorAccess) => ({
  actor: { type: 'operator', id } as const,
  operator: { id, email, name, hasPassword },
})

/** What a token carries: its own role, in its own organization, and never more than its owner has now. */
function capped({ operator, roles }: OperatorAccess, token: Pick<OperatorToken, 'role' | 'organizationId'>) {
  const { role: cap, organizationId } = token
  if (operator.isRoot && cap === 'root' && organizationId === null) return { isRoot: true, roles }
  const limited = new Map<string, Role>()
  if (operator.isRoot && organizationId !== null) limited.set(organizationId, cap === 'root' ? 'owner' : cap)
  for (const [id, role] of operator.isRoot ? [] : roles) {
    if (organizationId !== null && id !== organizationId) continue
    limited.set(id, cap === 'root' || outranks(cap, role) ? role : cap)
  }
  return { isRoot: false, roles: limited }
}

/** Whether a token carries less than its owner has. */
const isLess = (
  carried: Pick<AdminPrincipal, 'isRoot' | 'roles'>,
  { isRoot }: Pick<AdminPrincipal, 'isRoot'>,
  roles: ReadonlyMap<string, Role>,
): boolean =>
  isRoot ? !carried.isRoot : [...roles].some(([organizationId, role]) => carried.roles.get(organizationId) !== role)
