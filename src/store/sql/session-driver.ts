import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'

/** One connection in the hands of one user, until it is released. */
export interface DriverSession {
  query(
    sql: string,
    parameters: readonly unknown[],
  ): Promise<{ readonly rows: readonly unknown[]; readonly count: number }>
  /** Never rejects. */
  rollback(): Promise<void>
  release(): void
}

export interface SessionSource {
  acquire(): Promise<DriverSession>
  close(): Promise<void>
  /** What begins a transaction that only reads, and one that changes something. */
  readonly begin: { readonly read: string; readonly write: string }
}

/** Kysely on sessions that somebody else keeps. */
export class SessionDriver implements Driver {
  readonly #source: SessionSource

  constructor(source: SessionSource) {
    this.#source = source
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SessionConnection> {
    return new SessionConnection(await this.#source.acquire())
  }

  async beginTransaction({ session }: SessionConnection, { accessMode }: TransactionSettings): Promise<void> {
    const { read, write } = this.#source.begin
    try {
      await session.query(accessMode === 'read only' ? read : write, [])
    } catch (error) {
      // It may have begun and not have got the lock; Kysely gives the connection back as it is.
      await session.rollback()
      throw error
    }
  }

  async commitTransaction({ session }: SessionConnection): Promise<void> {
    await session.query('commit', [])
  }

  async rollbackTransaction({ session }: SessionConnection): Promise<void> {
    await session.rollback()
  }

  async releaseConnection({ session }: SessionConnection): Promise<void> {
    session.release()
  }

  async destroy(): Promise<void> {
    await this.#source.close()
  }
}

class SessionConnection implements DatabaseConnection {
  readonly session: DriverSession

  constructor(session: DriverSession) {
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
