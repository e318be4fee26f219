import { resolve } from 'node:path'
import { Kysely, sql } from 'kysely'
import type { Clock } from '../clock.ts'
import { sqliteTypes } from './migrations/column-types.ts'
import { migrate } from './migrations/migrate.ts'
import type { Tables } from './schema.ts'
import type { SqlEngine } from './sql/engine.ts'
import { compileRequests } from './sql/requests.ts'
import { createSqlStore, type Lifecycle } from './sql.ts'
import { threadDialect } from './sqlite/dialect.ts'
import { toOpenError } from './sqlite/errors.ts'
import { prepareFile } from './sqlite/file.ts'
import { openHotReads } from './sqlite/hot-reads.ts'
import { sameFile } from './sqlite/identity.ts'
import { createThread, type DatabaseThread, type Lease } from './sqlite/thread.ts'
import type { Store } from './store.ts'

export interface SqliteOptions {
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The store in one SQLite file. A thread of its own writes and answers all queries, so that no wait for the disk holds up
 * traffic; the hot look-ups alone are read in the calling thread. Other processes may use the file at the same time.
 * The file and its folder are made where there are none, and the schema is brought up to date.
 * @throws StoreUnavailable with a text that says what to do next.
 */
export async function openSqliteStore(path: string, { clock }: SqliteOptions): Promise<Store> {
  const file = resolve(path)
  let check = (): void => {}
  const thread = createThread(file, { check: () => check(), requests: () => compileRequests(db, requestKey) })
  const db: Kysely<Tables> = new Kysely<Tables>({ dialect: threadDialect(thread) })
  try {
    prepareFile(file)
    check = sameFile(file)
    const engine = createEngine(db, thread, clock)
    await engine.write((trx) => migrate(trx, sqliteTypes))
    const { close, ...hotReads } = openHotReads(file)
    return createSqlStore(engine, hotReads, lifecycle(db, thread, close))
  } catch (error) {
    await thread.close().catch(() => undefined)
    throw toOpenError(file, error)
  }
}

/** The look-up of keys in a file whose schema is up to date. */
export function openSqliteReads(path: string): Pick<Store, 'findKeyByHash' | 'close'> {
  const { findKeyByHash, close } = openHotReads(resolve(path))
  return { findKeyByHash, close: async () => close() }
}

const createEngine = (db: Kysely<Tables>, thread: DatabaseThread, clock: Pick<Clock, 'now'>): SqlEngine => ({
  clock: { now: () => Math.trunc(clock.now()) },
  db,
  write: (work) => db.transaction().execute(work),
  read: (work) => db.transaction().setAccessMode('read only').execute(work),
  many: (statement, rows) => leased(thread, async (lease) => void (await lease.many(statement, rows))),
  batch: (statements) => leased(thread, (lease) => lease.batch(statements)),
  requestKey,
  writeRequests: (write, parts) => leased(thread, (lease) => lease.writeRequests(write, parts)),
  databaseNow: () => sql<number>`${Math.trunc(clock.now())}`,
})

const requestKey = ['id'] as const

async function leased<T>(thread: DatabaseThread, work: (lease: Lease) => Promise<T>): Promise<T> {
  const lease = await thread.lease()
  try {
    return await work(lease)
  } finally {
    lease.release()
  }
}

const lifecycle = (db: Kysely<Tables>, thread: DatabaseThread, closeHotReads: () => void): Lifecycle => {
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    // The writer goes last: the last connection to close folds the write-ahead log into the file.
    closeHotReads()
    await thread.close()
  }
  return {
    async ping() {
      await sql`select name from kysely_migration limit 1`.execute(db)
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
