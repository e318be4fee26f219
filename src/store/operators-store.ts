import type { Actor, Page, Role } from './basics.ts'

/**
 * Operators, what they may do, and what they log in with. Of passwords and tokens the store sees hashes alone. As in
 * store.ts every change commits with its admin event, which names people and roles and never a hash.
 */
export interface OperatorsStore {
  /** Rejects with StoreConflict `email`, StoreMissing `organization`. */
  createOperator(input: NewOperator, actor: Actor): Promise<Operator>
  findOperator(id: string): Promise<Operator | undefined>
  /** @param email in lower case. */
  findOperatorByEmail(email: string): Promise<Operator | undefined>
  /** Newest first. */
  listOperators(page?: Page): Promise<Operator[]>
  /**
   * @returns `last_root` when nobody above all organizations would be left, `unverified` when somebody would get there whom
   * nobody stands for; nothing is changed then.
   */
  updateOperator(
    id: string,
    patch: OperatorPatch,
    actor: Actor,
    holds?: (current: Operator) => boolean,
  ): Promise<Operator | 'last_root' | 'unverified' | undefined>
  /** With memberships, sessions and tokens. */
  deleteOperator(id: string, actor: Actor): Promise<'deleted' | 'last_root' | undefined>
  /** As `hashPassword` made it; null when there is none. @returns undefined when there is no such operator. */
  findPasswordHash(operatorId: string): Promise<string | null | undefined>
  /** Ends every session, and every link that could set another one. */
  setPassword(operatorId: string, passwordHash: string, actor: Actor): Promise<boolean>
  /**
   * Takes everything away that anybody could log in with as this operator, but OIDC. What is set up from here on is
   * vouched for by whoever asked for this.
   */
  resetPassword(operatorId: string, actor: Actor): Promise<boolean>

  /** Role per organization. */
  rolesOf(operatorId: string): Promise<ReadonlyMap<string, Role>>
  /** Rejects with StoreConflict `email` when it is a member already. */
  addMember(organizationId: string, operatorId: string, role: Role, actor: Actor): Promise<Member>
  findMember(organizationId: string, operatorId: string): Promise<Member | undefined>
  /** By operator, newest first. */
  listMembers(organizationId: string, page?: Page): Promise<Member[]>
  /** @param keepOwner refuses, with `last_owner`, to leave the organization without an owner who can log in. */
  updateMember(
    organizationId: string,
    operatorId: string,
    role: Role,
    keepOwner: boolean,
    actor: Actor,
    holds?: (current: Member) => boolean,
  ): Promise<Member | 'last_owner' | undefined>
  /** An operator who has never logged in and is no longer a member anywhere goes with the membership. */
  removeMember(
    organizationId: string,
    operatorId: string,
    keepOwner: boolean,
    actor: Actor,
  ): Promise<'removed' | 'last_owner' | undefined>

  /** Clears away ended sessions, and the oldest of an operator who has more than 50. */
  createSession(input: NewSession, limits: SessionLimits): Promise<OperatorSession>
  /** With everything that decides what its operator may do, as it is now. Expiry is the caller's to judge. */
  findSession(tokenSha256: Buffer): Promise<(OperatorAccess & { readonly session: OperatorSession }) | undefined>
  findSessionById(id: string): Promise<OperatorSession | undefined>
  /** Newest first; those of every operator without `operatorId`. */
  listSessions(filter: { readonly operatorId?: string } & SessionLimits, page?: Page): Promise<OperatorSession[]>
  /** Never moves it back. */
  touchSession(id: string, seenAt: number): Promise<void>
  endSession(id: string, actor: Actor): Promise<boolean>

  createToken(input: NewToken, actor: Actor): Promise<OperatorToken>
  /** Expiry is the caller's to judge. */
  findToken(tokenSha256: Buffer): Promise<(OperatorAccess & { readonly token: OperatorToken }) | undefined>
  findTokenById(id: string): Promise<OperatorToken | undefined>
  /** Newest first; those of every operator without `operatorId`. */
  listTokens(filter: { readonly operatorId?: string }, page?: Page): Promise<OperatorToken[]>
  touchToken(id: string, usedAt: number): Promise<void>
  revokeToken(id: string, actor: Actor): Promise<boolean>

  /** Replaces earlier ones for the same operator, or the earlier set-up link. */
  createLink(input: NewLink, actor: Actor): Promise<void>
  findLink(tokenSha256: Buffer): Promise<OperatorLink | undefined>
  /**
   * Uses a link up: makes the first operator (who is root), or gives an invited or locked-out one a password.
   * @returns undefined when it was used meanwhile, has expired, or is for a set-up that has been done.
   */
  redeemLink(tokenSha256: Buffer, input: RedeemLink): Promise<Operator | undefined>

  /** Finds or makes the operator that an identity provider vouches for, and brings its mapped roles up to date. */
  admitFromOidc(input: OidcIdentity, actor: Actor): Promise<Operator | OidcRefusal>
}

export interface Operator {
  /** `usr_…` */
  readonly id: string
  /** In lower case; unique. */
  readonly email: string
  readonly name: string
  readonly isRoot: boolean
  /** Whether somebody above all organizations, or an identity provider, stands for the address being this person's. */
  readonly verified: boolean
  readonly hasPassword: boolean
  readonly hasOidc: boolean
  readonly createdAt: number
  readonly updatedAt: number
  readonly lastLoginAt: number | null
}

export interface NewOperator {
  readonly email: string
  readonly name: string
  readonly isRoot: boolean
  readonly verified: boolean
  readonly passwordHash: string | null
  readonly membership?: { readonly organizationId: string; readonly role: Role }
}

export type OperatorPatch = Partial<Pick<Operator, 'name' | 'isRoot'>>

/** An operator in one organization. */
export interface Member {
  /** The operator's. */
  readonly id: string
  readonly organizationId: string
  readonly email: string
  readonly name: string
  readonly role: Role
  /** `oidc`: given by the role mapping, and taken back by it. */
  readonly source: 'manual' | 'oidc'
  /** `invited` until there is a way to log in. */
  readonly status: 'active' | 'invited'
  readonly createdAt: number
  readonly updatedAt: number
}

export interface OperatorAccess {
  readonly operator: Operator
  readonly roles: ReadonlyMap<string, Role>
}

export interface OperatorSession {
  /** `ses_…` */
  readonly id: string
  readonly operatorId: string
  readonly method: SessionMethod
  readonly ip: string
  readonly userAgent: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  /** When its operator showed a password or link, or was asked by the identity provider: at the log-in or before it. */
  readonly provedAt: number
}

export type SessionMethod = 'password' | 'link' | 'oidc'
export type NewSession = Pick<OperatorSession, 'operatorId' | 'method' | 'ip' | 'userAgent' | 'provedAt'> & {
  readonly tokenSha256: Buffer
  readonly requestId: string
}

/** Sessions that began before the one or were last used before the other have ended. */
export interface SessionLimits {
  readonly createdAfter: number
  readonly seenAfter: number
}

/** A personal admin token. */
export interface OperatorToken {
  /** `pat_…` */
  readonly id: string
  readonly operatorId: string
  readonly name: string
  /** It never carries more than this, nor more than its owner has. */
  readonly role: Role | 'root'
  /** Works in this organization alone. */
  readonly organizationId: string | null
  /** Last 4 characters. */
  readonly suffix: string
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

export type NewToken = Pick<
  OperatorToken,
  'operatorId' | 'name' | 'role' | 'organizationId' | 'suffix' | 'expiresAt'
> & {
  readonly tokenSha256: Buffer
}

/** A secret address that lets whoever has it set a password, once. */
export interface OperatorLink {
  readonly kind: 'setup' | 'invitation' | 'reset'
  /** Null for the set-up link, which makes one. */
  readonly operatorId: string | null
  readonly expiresAt: number
}

export type NewLink = OperatorLink & {
  readonly tokenSha256: Buffer
  /** Whose event it is; left out: of the instance. */
  readonly organizationId?: string | null
}

export interface RedeemLink {
  readonly passwordHash: string
  /** Used by the set-up link alone. */
  readonly email: string | null
  readonly name: string | null
  readonly requestId: string
}

export interface OidcIdentity {
  /** Issuer and subject: the person, whatever the address. */
  readonly subject: string
  /** In lower case, verified by the provider. */
  readonly email: string
  readonly name: string
  /** What the mapping gives, all of it: what it gave before and does not now is taken back. */
  readonly isRoot: boolean
  /** By organization id. */
  readonly roles: ReadonlyMap<string, Role>
}

/** `unknown`: nothing lets this person in. `mismatch`: the address belongs to somebody else at the provider. */
export type OidcRefusal = 'unknown' | 'mismatch'
