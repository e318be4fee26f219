import { describe } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import type { TestClock } from '../helpers/clock.ts'
import { actingKeyContract } from './store-parts/acting-key.ts'
import { analyticsContract } from './store-parts/analytics.ts'
import { changesContract } from './store-parts/changes.ts'
import { countersContract } from './store-parts/counters.ts'
import { eventsContract } from './store-parts/events.ts'
import { grantsContract } from './store-parts/grants.ts'
import { hotReadContract } from './store-parts/hot-read.ts'
import { idempotencyContract } from './store-parts/idempotency.ts'
import { jobsContract } from './store-parts/jobs.ts'
import { keyListsContract } from './store-parts/key-lists.ts'
import { keysContract } from './store-parts/keys.ts'
import { nodesContract } from './store-parts/nodes.ts'
import { operatorsContract } from './store-parts/operators.ts'
import { organizationsContract } from './store-parts/organizations.ts'
import { preconditionsContract } from './store-parts/preconditions.ts'
import { requestsContract } from './store-parts/requests.ts'
import { sealedSecretsContract } from './store-parts/sealed-secrets.ts'
import { secretsContract } from './store-parts/secrets.ts'
import { serviceAccountsContract } from './store-parts/service-accounts.ts'
import { sharingContract } from './store-parts/sharing.ts'
import { togetherContract } from './store-parts/together.ts'
import { webhooksContract } from './store-parts/webhooks.ts'
import { workspacesContract } from './store-parts/workspaces.ts'

/** An empty store, opened for one test. */
export interface OpenedStore {
  readonly store: Store
  /** The store's own. */
  readonly clock: TestClock
  /** A second store on the same data, as another process has it. Closed with the first. */
  openAnother(): Promise<Store>
  /** Closes the store and opens it again. */
  reopen(): Promise<Store>
  /** The audit trail as it is stored, oldest first, with the columns of `admin_events`. */
  eventRows(): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export type OpenStore = () => Promise<OpenedStore>

/** Holds an adapter to every promise in src/store/store.ts. */
export function storeContract(name: string, open: OpenStore): void {
  describe(`store contract: ${name}`, () => {
    organizationsContract(open)
    operatorsContract(open)
    keysContract(open)
    keyListsContract(open)
    secretsContract(open)
    sealedSecretsContract(open)
    idempotencyContract(open)
    togetherContract(open)
    hotReadContract(open)
    workspacesContract(open)
    grantsContract(open)
    serviceAccountsContract(open)
    preconditionsContract(open)
    actingKeyContract(open)
    eventsContract(open)
    changesContract(open)
    requestsContract(open)
    analyticsContract(open)
    countersContract(open)
    nodesContract(open)
    webhooksContract(open)
    jobsContract(open)
    sharingContract(open)
  })
}
