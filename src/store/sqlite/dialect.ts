import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import type { DatabaseThread, Lease } from './thread.ts'

/** Kysely on the thread that owns the database. */
export const threadDialect = (thread: DatabaseThread): Dialect => ({
  createDriver: () => new ThreadDriver(thread),
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

class ThreadDriver implements Driver {
  readonly #thread: DatabaseThread

  constructor(thread: DatabaseThread) {
    this.#thread = thread
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ThreadConnection> {
    return new ThreadConnection(await this.#thread.lease())
  }

  async beginTransaction(connection: ThreadConnection, { accessMode }: TransactionSettings): Promise<void> {
    // IMMEDIATE: another process that writes is waited for here. A transaction that turned into a writer half-way would
    // fail at once instead, because what it has read may be old.
    await connection.lease.query(accessMode === 'read only' ? 'begin' : 'begin immediate', [])
  }

  async commitTransaction(connection: ThreadConnection): Promise<void> {
    await connection.lease.query('commit', [])
  }

  async rollbackTransaction(connection: ThreadConnection): Promise<void> {
    await connection.lease.rollback()
  }

  async releaseConnection(connection: ThreadConnection): Promise<void> {
    connection.lease.release()
  }

  async destroy(): Promise<void> {
    await this.#thread.close()
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly lease: Lease

  constructor(lease: Lease) {
    this.lease = lease
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.lease.query(sql, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed from the thread: ask for them by page')
  }
}
