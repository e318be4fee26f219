import { type Dialect, type Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { type DriverSession, SessionDriver } from '../sql/session-driver.ts'
import type { DatabaseThread, Lease } from './thread.ts'

/** Kysely on the thread that owns the database. */
export const threadDialect = (thread: DatabaseThread): Dialect => ({
  createDriver: () =>
    new SessionDriver({
      acquire: async () => sessionOf(await thread.lease()),
      close: () => thread.close(),
      // IMMEDIATE: another process that writes is waited for here. A transaction that turned into a writer half-way would
      // fail at once instead, because what it has read may be old.
      begin: { read: 'begin', write: 'begin immediate' },
    }),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createAdapter: () => new ThreadAdapter(),
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  createIntrospector: (db: Kysely<any>) => new SqliteIntrospector(db),
})

class ThreadAdapter extends SqliteAdapter {
  /** The thread keeps its own queue, which calls outside of Kysely stand in as well. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

const sessionOf = (lease: Lease): DriverSession => ({
  async query(sql, parameters) {
    const { rows, changes } = await lease.query(sql, parameters)
    return { rows, count: changes }
  },
  rollback: () => lease.rollback(),
  release: () => lease.release(),
})
