import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import type { Lane, Session } from './lane.ts'

/**
 * Kysely on a lane of connections.
 * @param beginWrite what begins a transaction that changes something.
 */
export const laneDialect = (lane: Lane, beginWrite: string): Dialect => ({
  createDriver: () => new LaneDriver(lane, beginWrite),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new PostgresAdapter(),
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  createIntrospector: (db: Kysely<any>) => new PostgresIntrospector(db),
})

class LaneDriver implements Driver {
  readonly #lane: Lane
  readonly #beginWrite: string

  constructor(lane: Lane, beginWrite: string) {
    this.#lane = lane
    this.#beginWrite = beginWrite
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<LaneConnection> {
    return new LaneConnection(await this.#lane.acquire())
  }

  async beginTransaction(connection: LaneConnection, { accessMode }: TransactionSettings): Promise<void> {
    const begin = accessMode === 'read only' ? 'begin isolation level repeatable read, read only' : this.#beginWrite
    try {
      await connection.session.query(begin)
    } catch (error) {
      // It may have begun and not have got the lock; Kysely gives the connection back as it is.
      await connection.session.rollback()
      throw error
    }
  }

  async commitTransaction(connection: LaneConnection): Promise<void> {
    await connection.session.query('commit')
  }

  async rollbackTransaction(connection: LaneConnection): Promise<void> {
    await connection.session.rollback()
  }

  async releaseConnection(connection: LaneConnection): Promise<void> {
    connection.session.release()
  }

  async destroy(): Promise<void> {
    await this.#lane.close()
  }
}

class LaneConnection implements DatabaseConnection {
  readonly session: Session

  constructor(session: Session) {
    this.session = session
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, count } = await this.session.query(sql, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(count) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed: ask for them by page')
  }
}
