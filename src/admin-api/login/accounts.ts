import type { Clock } from '../../clock.ts'
import type { Operator } from '../../store/operators-store.ts'
import type { Actor, Store } from '../../store/store.ts'
import { knownDevice, newDevice } from './known-device.ts'
import type { Passwords } from './passwords.ts'
import { newToken, tokenHash } from './secrets.ts'
import { createLoginThrottle } from './throttle.ts'

/** How somebody gets in, and how an account gets its password. */
export interface Accounts {
  /** @throws PasswordsBusy. An unknown account takes the time of a known one. */
  logIn(attempt: PasswordAttempt): Promise<LoggedIn | LogInRefusal>
  /**
   * Makes a link that sets a password, once. @param within the transaction that it belongs to. @param organizationId whose
   * owners read of it in their events. @returns where to.
   */
  createLink(
    kind: 'invitation' | 'reset',
    operatorId: string,
    actor: Actor,
    within?: Pick<Store, 'createLink'>,
    organizationId?: string,
  ): Promise<LinkMade>
  /** Only while there is no operator. */
  createSetupLink(): Promise<LinkMade | undefined>
  /** @returns undefined when the link is not, or no longer, valid. `incomplete`: a set-up needs e-mail and name. */
  redeem(token: string, input: RedeemInput): Promise<LoggedIn | 'incomplete' | undefined>
  hashPassword(password: string): Promise<string>
}

export interface PasswordAttempt {
  readonly email: string
  readonly password: string
  readonly address: string
  readonly deviceCookie: string | undefined
}

export interface LoggedIn {
  readonly operator: Operator
  readonly deviceCookie: string
}

/** `retryAfterMs` is 0 when e-mail or password are wrong, and the wait when too many were. */
export interface LogInRefusal {
  readonly retryAfterMs: number
  /** Whose account it would be. */
  readonly operatorId: string | null
}

export interface LinkMade {
  readonly url: string
  readonly expiresAt: number
}

export interface RedeemInput {
  readonly email: string | null
  readonly name: string | null
  readonly password: string
  readonly requestId: string
}

export interface AccountsDependencies {
  readonly store: Pick<
    Store,
    'findOperatorByEmail' | 'findPasswordHash' | 'createLink' | 'findLink' | 'redeemLink' | 'listOperators'
  >
  readonly passwords: Passwords
  readonly clock: Clock
  /** Address of the admin plane, for links. */
  readonly adminUrl: () => string
}

export function createAccounts({ store, passwords, clock, adminUrl }: AccountsDependencies): Accounts {
  const throttle = createLoginThrottle(clock)

  const makeLink = async (
    kind: 'setup' | 'invitation' | 'reset',
    operatorId: string | null,
    actor: Actor,
    within: Pick<Store, 'createLink'> = store,
    organizationId: string | null = null,
  ): Promise<LinkMade> => {
    const { secret, sha256 } = newToken('')
    const expiresAt = clock.now() + (kind === 'setup' ? setupMs : linkMs)
    await within.createLink({ kind, operatorId, organizationId, tokenSha256: sha256, expiresAt }, actor)
    // Behind the #, which browsers keep to themselves: no log of a server or proxy gets to see it.
    return { url: `${adminUrl()}/setup#token=${secret.reveal()}`, expiresAt }
  }

  return {
    async logIn({ email, password, address, deviceCookie }) {
      const operator = await store.findOperatorByEmail(email)
      const stored = operator && (await store.findPasswordHash(operator.id))
      const attempt = { address, account: email, device: knownDevice(deviceCookie, stored) }
      const retryAfterMs = throttle.take(attempt)
      const operatorId = operator?.id ?? null
      if (retryAfterMs > 0) return { retryAfterMs, operatorId }
      const right = await passwords.verify(password, stored, attempt.device === undefined ? 'stranger' : 'known')
      if (!right || operator === undefined || !stored) return { retryAfterMs: 0, operatorId }
      throttle.succeeded(attempt)
      return { operator, deviceCookie: newDevice(stored) }
    },

    createLink: makeLink,

    async createSetupLink() {
      const operators = await store.listOperators({ limit: 1 })
      return operators.length > 0 ? undefined : makeLink('setup', null, { type: 'system', id: null })
    },

    async redeem(token, { email, name, password, requestId }) {
      const sha256 = tokenHash(token)
      const link = await store.findLink(sha256)
      if (link === undefined) return undefined
      if (link.kind === 'setup' && (email === null || name === null)) return 'incomplete'
      const passwordHash = await passwords.hash(password)
      const operator = await store.redeemLink(sha256, { passwordHash, email, name, requestId })
      return operator && { operator, deviceCookie: newDevice(passwordHash) }
    },

    hashPassword: (password) => passwords.hash(password),
  }
}

const setupMs = 24 * 3_600_000
const linkMs = 7 * 86_400_000
