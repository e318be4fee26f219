import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from './clock.ts'
import { isPostgresUrl } from './config/postgres-url.ts'
import type { Config } from './config/schema.ts'
import { type Store, StoreUnavailable } from './store/store.ts'

// Each loads its own database's adapter, when it is asked for: the other's driver is half of what a process has to load.

/**
 * Opens the store that a configuration names.
 * @throws StoreUnavailable with a text that says what to do next.
 */
export const openStore = async ({ store }: Pick<Config, 'store'>, clock: Clock): Promise<Store> =>
  isPostgresUrl(store)
    ? (await import('./store/postgres.ts')).openPostgresStore(store, { clock })
    : (await import('./store/sqlite.ts')).openSqliteStore(sqliteFileOf(store), { clock })

/**
 * The look-up of keys alone, on connections that are not used to write: for a process that carries traffic and no more. The
 * schema must be up to date.
 */
export const openKeyReads = async ({ store }: Pick<Config, 'store'>): Promise<KeyReads> =>
  isPostgresUrl(store)
    ? (await import('./store/postgres.ts')).openPostgresReads(store)
    : (await import('./store/sqlite.ts')).openSqliteReads(sqliteFileOf(store))

/** The audit trail alone, on a connection of its own, for a thread that goes through all of it. */
export const openEventReads = async (store: Config['store']): Promise<EventReads> =>
  isPostgresUrl(store)
    ? (await import('./store/postgres/event-reads.ts')).openEventReads(store)
    : (await import('./store/sqlite/event-reads.ts')).openEventReads(sqliteFileOf(store))

type EventReads = Pick<Store, 'listEventChain' | 'close'>
type KeyReads = Pick<Store, 'findKeyByHash' | 'close'>

/** The file of a store that is one: what belongs to one node alone lies beside it. Undefined for a store that nodes share. */
export const storeFile = ({ store }: Pick<Config, 'store'>): string | undefined =>
  isPostgresUrl(store) ? undefined : sqliteFileOf(store)

export interface WaitOptions {
  readonly clock: Clock
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined
  /** Called for each try that has failed; what it throws ends the waiting. */
  readonly waiting: (reason: string, nextTryMs: number) => Promise<void>
}

/**
 * The same for a gateway that starts: a store that is not there yet is waited for, since a gateway that ended would only be
 * started again. What has to be put right first is thrown at once.
 * @returns undefined when the signal came first.
 */
export async function awaitStore(
  config: Pick<Config, 'store'>,
  { clock, signal, waiting }: WaitOptions,
): Promise<Store | undefined> {
  for (let tries = 0; !signal?.aborted; tries++) {
    try {
      return await openStore(config, clock)
    } catch (error) {
      if (!(error instanceof StoreUnavailable && error.mayPass)) throw error
      const nextTryMs = Math.min(firstTryMs * 2 ** tries, lastTryMs)
      await waiting(error.message, nextTryMs)
      await wait(nextTryMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return undefined
}

const sqliteFileOf = (store: string): string => store.slice('sqlite:'.length)

const firstTryMs = 250
const lastTryMs = 5000
