import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Receipt } from '../bus/nodes.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import type { Limiter } from '../limiter/limiter.ts'
import type { Tail } from '../recorder/tail.ts'
import type { Organization, Store } from '../store/store.ts'
import type { ChainVerdict } from '../store/verify-events.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Condition } from './condition.ts'
import type { DataAddress } from './data-url.ts'
import type { KeptSecret } from './kept-secrets.ts'
import type { Accounts } from './login/accounts.ts'
import type { VerifyPassword } from './login/verify-password.ts'
import type { PolicyContext } from './policy-context.ts'
import type { AccessRole, AdminPrincipal, AuthenticateAdmin } from './principal.ts'

/** What the admin API works with; made in app.ts. Functions give what a reload may change. */
export interface AdminContext {
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly config: () => Config
  /** Secrets made with it come with their encrypted copy where `keys.reveal` is on. */
  readonly formats: () => KeyFormats
  /** For secrets that the store keeps encrypted. */
  readonly box: SecretBox
  readonly limiter: Limiter
  readonly authenticate: AuthenticateAdmin
  /** Whether it is the operator's password; for what asks for it once more. False after too many wrong ones. */
  readonly verifyPassword: VerifyPassword
  readonly accounts: Accounts
  /** Of this plane, as its listener is bound. */
  readonly adminUrl: () => string
  /** Of the data plane, as its listener is bound; undefined before that. */
  readonly dataAddress: () => DataAddress | undefined
  /** How the parts of the gateway are. */
  readonly condition: () => Promise<Condition>
  /** Goes through the whole audit trail, and holds it against the newest checkpoint. */
  readonly verifyTrail: () => Promise<ChainVerdict>
  /** How far all that this node has changed has come among the nodes; waits a second at most. */
  readonly receipt: () => Promise<Receipt>
  /** Requests of the data plane as they end. */
  readonly tail: Tail
  readonly webhooks: Webhooks
  readonly jobs: Jobs
  readonly policy: PolicyContext
}

/** The instance that resource routes are registered on: bodies, parameters and answers are zod schemas. */
export type PlatformApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** One file under routes/ exports one of these for its resource. */
export type ResourceRoutes = (app: PlatformApp, context: AdminContext) => void

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read; null only on routes that ask for no log-in. */
    principal: AdminPrincipal | null
    /** The organization of the path, null where there is none in it. */
    organization: Organization | null
    /** The caller's role in it. */
    role: AccessRole | null
  }
  interface FastifyContextConfig {
    /**
     * Whether the object that the path names is there, asked before the body is read: another organization's is 404 in
     * every method. Left out where the path names none.
     */
    exists?: (request: FastifyRequest) => Promise<boolean>
    /** Honours Idempotency-Key, with a handler that answers by `makeOnce`. Names the secret in the answer, where there is one. */
    idempotent?: true | KeptSecret
  }
}

/** The caller, on a route that asks for a log-in. */
export function principalOf(request: FastifyRequest): AdminPrincipal {
  if (request.principal === null) throw new Error('this route is open to everybody')
  return request.principal
}

/** The organization of the path. */
export function organizationOf(request: FastifyRequest): Organization {
  if (request.organization === null) throw new Error('there is no organization in the path of this route')
  return request.organization
}

/** Who is written down as having changed something. */
export const actorOf = (request: FastifyRequest) => ({ ...principalOf(request).actor, requestId: request.id })
