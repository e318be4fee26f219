import { systemClock } from '../clock.ts'
import { isPostgresUrl } from '../config/postgres-url.ts'
import type { Config } from '../config/schema.ts'
import { openSecretBox } from '../keys/master-key.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import { openStore, storeFile } from '../open-store.ts'
import type { CopyEnd } from '../store/copy.ts'
import type { PlannedMigration } from '../store/migrations/plan.ts'
import type { Actor, Store } from '../store/store.ts'
import { loadOrFail } from './load.ts'

/** Whom the audit trail names for what is done on the command line. */
export const cliActor: Actor = { type: 'cli', id: null }

/**
 * Opens the store that a configuration names, next to a gateway that may be running on it, and closes it afterwards.
 * @throws Failure when the file has problems, StoreUnavailable when the store can't be opened.
 */
export async function withStore<T>(configFile: string, use: (store: Store, config: Config) => Promise<T>): Promise<T> {
  const { config } = await loadOrFail(configFile)
  const store = await openStore(config, systemClock)
  try {
    return await use(store, config)
  } finally {
    await store.close()
  }
}

/**
 * The box for secrets at rest, with the master key that a gateway on this store uses: run the command with the same
 * environment.
 * @throws MasterKeyProblem
 */
export async function openBox(config: Config, store: Pick<Store, 'masterKeysInUse'>): Promise<SecretBox> {
  const file = storeFile(config)
  const inUse = await store.masterKeysInUse()
  return openSecretBox({ env: process.env, ...(file !== undefined && { file: `${file}.key` }), inUse }).box
}

/** What the schema of a store lacks. Changes nothing. @throws StoreUnavailable */
export const plannedMigrations = async ({ store }: Pick<Config, 'store'>): Promise<PlannedMigration[]> =>
  isPostgresUrl(store) ? (await postgresEnds()).planPostgres(store) : (await sqliteEnds()).planSqlite(fileOf(store))

/** Brings the schema up to date, and makes the store where there is none. @throws StoreUnavailable */
export async function migrateStore(config: Pick<Config, 'store'>): Promise<void> {
  const store = await openStore(config, systemClock)
  await store.close()
}

/** A store as a whole, to copy from or to. Its schema must be up to date. */
export async function openCopyEnd(store: string): Promise<CopyEnd & AsyncDisposable> {
  const end = isPostgresUrl(store)
    ? (await postgresEnds()).openPostgresEnd(store)
    : (await sqliteEnds()).openSqliteEnd(fileOf(store))
  return { ...end, [Symbol.asyncDispose]: () => end.close() }
}

// Loaded when asked for, as in open-store.ts.
const postgresEnds = () => import('../store/postgres/copy-end.ts')
const sqliteEnds = () => import('../store/sqlite/copy-end.ts')

const fileOf = (store: string): string => store.slice('sqlite:'.length)
