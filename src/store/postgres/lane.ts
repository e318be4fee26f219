import pg from 'pg'
import { TimeLimitPassed, withTimeLimit } from '../../time-limit.ts'
import { StoreUnavailable } from '../store.ts'
import { isConnectionLost, toStoreError } from './errors.ts'

/**
 * Some connections of their own for one kind of work, so that what is slow in one lane can't starve another. Opened when
 * needed, and again after the server was away. Every wait in it ends.
 */
export interface Lane {
  /**
   * Waits for its turn. Whoever gets a session must release it.
   * @throws StoreUnavailable when none is free or can be opened in time, or when too many wait already.
   */
  acquire(): Promise<Session>
  /**
   * With a session that is released afterwards.
   * @param answerWithinMs for each statement, where that is less than the lane gives all of them.
   */
  use<T>(work: (session: Session) => Promise<T>, answerWithinMs?: number): Promise<T>
  /** Lets those finish that have a session, for some seconds; ends the rest. */
  close(): Promise<void>
}

/** One connection, for one holder at a time. Rejects with what the store contract names. */
export interface Session {
  query(text: string, values?: readonly unknown[], name?: string): Promise<Answer>
  /** Never rejects: a connection that can't roll back is thrown away, and the server rolls back. */
  rollback(): Promise<void>
  /** @param broken don't use the connection again. */
  release(broken?: boolean): void
}

export interface Answer {
  readonly rows: readonly unknown[]
  /** How many rows it has read or changed. */
  readonly count: number
}

export interface LaneOptions {
  readonly max: number
  /** For a free connection, and for opening one. */
  readonly acquireTimeoutMs: number
  /** For one statement; the server ends it too. */
  readonly statementTimeoutMs: number
  readonly waitingMax?: number
  readonly closeWithinMs?: number
  readonly idleInTransactionMs?: number
  /** A connection that nobody has used for so long is asked for a sign of life before anybody gets it. */
  readonly checkAfterMs?: number
  /** A standby is refused: it may be behind, and what was revoked would still be valid on it. */
  readonly primary?: boolean
}

export function createLane(
  connection: pg.ClientConfig,
  {
    max,
    acquireTimeoutMs,
    statementTimeoutMs,
    waitingMax = 2000,
    closeWithinMs = 5000,
    idleInTransactionMs = 15_000,
    checkAfterMs = Number.POSITIVE_INFINITY,
    primary = false,
  }: LaneOptions,
): Lane {
  const pool = new pg.Pool({
    ...connection,
    max,
    connectionTimeoutMillis: acquireTimeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    // Of a process that has lost its way in a transaction: it may hold the lock that all changes wait for.
    idle_in_transaction_session_timeout: idleInTransactionMs,
  })
  const out = new Set<Session>()
  const waiting = new Set<Promise<unknown>>()
  const usedAt = new WeakMap<pg.PoolClient, number>()
  let closed = false
  let closing: Promise<void> | undefined
  // A connection that dies while nobody uses it: the pool has dropped it, and the next call opens another one.
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))

  /** @param withinMs where that is less than what every wait for a connection has. */
  const connect = async (withinMs?: number): Promise<pg.PoolClient> => {
    if (closed) throw new StoreUnavailable('the store is closed')
    if (pool.waitingCount >= waitingMax)
      throw new StoreUnavailable(`the store is overloaded: ${pool.waitingCount} calls wait already`, { mayPass: true })
    const connecting = pool.connect()
    waiting.add(connecting)
    return (withinMs === undefined ? connecting : orLetGo(connecting, withinMs))
      .finally(() => waiting.delete(connecting))
      .catch((error: unknown) => {
        throw error instanceof Error &&
          /timeout exceeded when trying to connect/.test(error.message) &&
          pool.totalCount >= max
          ? new StoreUnavailable(`the store is overloaded: no connection was free within ${acquireTimeoutMs} ms`, {
              cause: error,
              mayPass: true,
            })
          : toStoreError(error)
      })
  }

  const acquire = async (answerWithinMs = statementTimeoutMs): Promise<Session> => {
    const deadline = performance.now() + acquireTimeoutMs
    for (let withinMs: number | undefined; ; withinMs = deadline - performance.now()) {
      const client = await connect(withinMs)
      const released = (): void => {
        out.delete(session)
        usedAt.set(client, performance.now())
      }
      const session = sessionOf(client, answerWithinMs + graceMs, released)
      out.add(session)
      const idleMs = performance.now() - (usedAt.get(client) ?? Number.NEGATIVE_INFINITY)
      if (idleMs < checkAfterMs || (idleMs === Number.POSITIVE_INFINITY && !primary)) return session
      const found = await inspect(client)
      if (found === 'primary' || (found === 'standby' && !primary)) return session
      session.release(true)
      if (found === 'standby') throw toStoreError(Object.assign(new Error('a standby'), { code: readOnly }))
    }
  }

  const end = async (): Promise<void> => {
    closed = true
    const deadline = setTimeout(() => {
      for (const session of out) session.release(true)
    }, closeWithinMs)
    // Else the pool would forget those who have asked and have nothing yet.
    await Promise.allSettled(waiting)
    await pool.end().finally(() => clearTimeout(deadline))
  }

  return {
    acquire: () => acquire(),
    async use(work, answerWithinMs) {
      const session = await acquire(answerWithinMs)
      try {
        return await work(session)
      } finally {
        session.release()
      }
    },
    close() {
      closing ??= end()
      return closing
    },
  }
}

/** The server ends a statement that takes too long; what the server does not do, we do a little later. */
const graceMs = 500

/**
 * Who is at the other end. Where a machine or a firewall forgets a connection nobody is told, and a statement that is sent
 * on it would wait for all of its time.
 */
async function inspect(client: pg.PoolClient): Promise<'primary' | 'standby' | 'nobody'> {
  try {
    const { rows } = await withTimeLimit(client.query('select pg_is_in_recovery() as standby'), aliveWithinMs)
    return rows[0]?.standby === false ? 'primary' : 'standby'
  } catch {
    return 'nobody'
  }
}

const aliveWithinMs = 1000
/** SQLSTATE of what a standby does not do. */
const readOnly = '25006'

/** One that comes later goes back to the pool. */
async function orLetGo(connecting: Promise<pg.PoolClient>, withinMs: number): Promise<pg.PoolClient> {
  try {
    return await withTimeLimit(connecting, withinMs)
  } catch (error) {
    if (!(error instanceof TimeLimitPassed)) throw error
    connecting.then((client) => client.release()).catch(ignore)
    throw new StoreUnavailable("the store can't answer: connections to it are dead", { cause: error, mayPass: true })
  }
}

function sessionOf(client: pg.PoolClient, callTimeoutMs: number, released: () => void): Session {
  let broken = false
  let done = false

  const release = (asBroken = false): void => {
    if (done) return
    done = true
    released()
    client.release(broken || asBroken)
  }

  const query = async (text: string, values?: readonly unknown[], name?: string): Promise<Answer> => {
    if (broken || done) throw new StoreUnavailable("the store can't answer: the connection was lost", { mayPass: true })
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      // Its answer may still come: nobody else may get this connection.
      broken = true
      reject(new StoreUnavailable(`the store can't answer: no answer within ${callTimeoutMs} ms`, { mayPass: true }))
      release()
    }, callTimeoutMs)
    try {
      const config = {
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values: toValues(values) }),
      }
      const result = await Promise.race([client.query(config), late])
      return { rows: result.rows ?? [], count: result.rowCount ?? 0 }
    } catch (error) {
      if (!(error instanceof StoreUnavailable) && isConnectionLost(error)) broken = true
      throw toStoreError(error)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    query,
    async rollback() {
      if (broken || done) return
      await query('rollback').catch(() => {
        broken = true
      })
    },
    release,
  }
}

/**
 * Text in PostgreSQL holds no NUL. One becomes what UTF-8 makes of half a surrogate pair, U+FFFD: it is found nowhere and
 * fails nothing, where an error would let a caller take the store for down.
 */
const toValues = (values: readonly unknown[]): unknown[] => values.map(withoutNul)

function withoutNul(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
  return Array.isArray(value) ? value.map(withoutNul) : value
}

const ignore = (): void => undefined
