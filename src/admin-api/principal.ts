import type { Operator } from '../store/operators-store.ts'
import type { Actor, Role } from '../store/store.ts'

/** `root` of the instance stands above every organization. */
export type AccessRole = 'root' | Role

/** Somebody who has proved who it is. */
export interface AdminPrincipal {
  readonly actor: Actor
  readonly isRoot: boolean
  /** Role in each organization that it belongs to; for root this adds nothing. */
  readonly roles: ReadonlyMap<string, Role>
  readonly via: 'admin_token' | 'session' | 'personal_token'
  /** Of the cookie that it came with. */
  readonly sessionId: string | null
  /** When its session last proved who it is; null without one. */
  readonly provedAt: number | null
  readonly operator: PrincipalOperator | null
  /** The personal token that was sent; `isLimited`: it carries less than its owner has. */
  readonly token?: { readonly id: string; readonly isLimited: boolean }
}

export type PrincipalOperator = Pick<Operator, 'id' | 'email' | 'name' | 'hasPassword'>

/** What a request brings to say who it is. */
export interface AdminCredentials {
  /** The value behind `Bearer`, undefined when there is none. */
  readonly bearer: string | undefined
  /** The session cookie's value. */
  readonly session: string | undefined
}

/** @returns undefined for everything that is not valid: one answer for all. Throws only when the store can't answer. */
export type AuthenticateAdmin = (credentials: AdminCredentials) => Promise<AdminPrincipal | undefined>

/**
 * Whether somebody may end sessions and tokens of its own: a token that may only read, or in one organization alone, must
 * not lock its owner out. Itself it may end, so that whoever finds a leaked one need not look for more rights.
 */
export const mayEndOwn = ({ token }: AdminPrincipal, id: string): boolean => !token?.isLimited || token.id === id

const rank: Readonly<Record<AccessRole, number>> = { viewer: 1, engineer: 2, admin: 3, owner: 4, root: 5 }

export const outranks = (role: AccessRole, needed: AccessRole): boolean => rank[role] >= rank[needed]

/** @returns undefined when the organization is none of its business, which is answered like one that does not exist. */
export const roleIn = (principal: AdminPrincipal, organizationId: string): AccessRole | undefined =>
  principal.isRoot ? 'root' : principal.roles.get(organizationId)
