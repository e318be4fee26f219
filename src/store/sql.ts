import { analyticsMethods } from './sql/analytics.ts'
import { counterMethods } from './sql/counters.ts'
import type { SqlEngine } from './sql/engine.ts'
import { eventMethods } from './sql/events.ts'
import { grantMethods } from './sql/grants.ts'
import { idempotencyMethods } from './sql/idempotency.ts'
import { jobMethods } from './sql/jobs.ts'
import { keyChangeMethods } from './sql/key-changes.ts'
import { keyExpiryMethods } from './sql/key-expiry.ts'
import { keyReadMethods } from './sql/keys.ts'
import { memberMethods } from './sql/members.ts'
import { nodeMethods } from './sql/nodes.ts'
import { oidcMethods } from './sql/oidc.ts'
import { operatorLinkMethods } from './sql/operator-links.ts'
import { operatorSessionMethods } from './sql/operator-sessions.ts'
import { operatorTokenMethods } from './sql/operator-tokens.ts'
import { operatorMethods } from './sql/operators.ts'
import { organizationMethods } from './sql/organizations.ts'
import { requestMethods } from './sql/requests.ts'
import { sealedSecretMethods } from './sql/sealed-secrets.ts'
import { secretMethods } from './sql/secrets.ts'
import { serviceAccountMethods } from './sql/service-accounts.ts'
import { together } from './sql/together.ts'
import { webhookClaimMethods } from './sql/webhook-claims.ts'
import { webhookMethods } from './sql/webhooks.ts'
import { workspaceMethods } from './sql/workspaces.ts'
import type { Store } from './store.ts'

/** What the hot path asks. Each database answers these in its own fastest way. */
export type HotReads = Pick<Store, 'findKeyByHash' | 'changesSince' | 'latestChange'>

/** How an adapter begins and ends. */
export type Lifecycle = Pick<Store, 'ping' | 'close'>

/** The store on any SQL database: one file for each kind of object under sql/. */
export const createSqlStore = (engine: SqlEngine, hotReads: HotReads, lifecycle: Lifecycle): Store => ({
  ...hotReads,
  ...organizationMethods(engine),
  ...keyReadMethods(engine),
  ...keyChangeMethods(engine),
  ...secretMethods(engine),
  ...sealedSecretMethods(engine),
  ...idempotencyMethods(engine),
  ...grantMethods(engine),
  ...workspaceMethods(engine),
  ...serviceAccountMethods(engine),
  ...eventMethods(engine),
  ...requestMethods(engine),
  ...analyticsMethods(engine),
  ...counterMethods(engine),
  ...nodeMethods(engine),
  ...jobMethods(engine),
  ...operatorMethods(engine),
  ...memberMethods(engine),
  ...operatorSessionMethods(engine),
  ...operatorTokenMethods(engine),
  ...operatorLinkMethods(engine),
  ...oidcMethods(engine),
  ...webhookMethods(engine),
  ...webhookClaimMethods(engine),
  ...keyExpiryMethods(engine),
  together: together(engine, (inTransaction) => createSqlStore(inTransaction, hotReads, lifecycle)),
  ...lifecycle,
})
