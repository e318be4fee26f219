import { Kysely, sql } from 'kysely'
import type pg from 'pg'
import type { Clock } from '../clock.ts'
import { parsePostgresUrl } from '../config/postgres-url.ts'
import { createBatches, retried } from './postgres/batches.ts'
import { connectionOf } from './postgres/connection.ts'
import { laneDialect } from './postgres/dialect.ts'
import { toOpenError } from './postgres/errors.ts'
import { openHotReads } from './postgres/hot-reads.ts'
import { createLane, type Lane } from './postgres/lane.ts'
import { createPartitions, type Partitions } from './postgres/partitions.ts'
import { beginWrite, prepareDatabase } from './postgres/prepare.ts'
import { watchChanges } from './postgres/watch.ts'
import { createQueue } from './queue.ts'
import type { Tables } from './schema.ts'
import type { SqlEngine } from './sql/engine.ts'
import { createSqlStore, type Lifecycle } from './sql.ts'
import { type Store, StoreUnavailable } from './store.ts'

export interface PostgresOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Of what everyone waits for: how long the hot look-up may take in all. */
  readonly hotTimeoutMs?: number
  readonly statementTimeoutMs?: number
  /** For a free connection. */
  readonly acquireTimeoutMs?: number
}

/**
 * The store in a PostgreSQL database, which several nodes share. The schema is brought up to date, by one of them where
 * several start at once. Connections come back by themselves after the server was away.
 * @throws StoreUnavailable with a text that says what to do next and never holds the password.
 */
export async function openPostgresStore(url: string, options: PostgresOptions): Promise<Store> {
  const address = parsePostgresUrl(url)
  if (typeof address === 'string') throw new StoreUnavailable(`the value of "store" ${address}`)
  try {
    const connection = connectionOf(address)
    await prepareDatabase(connection)
    return await open(connection, address.connections, options)
  } catch (error) {
    throw toOpenError(address, error)
  }
}

/** The look-up of keys in a database whose schema is up to date. Connects when it is first asked. */
export function openPostgresReads(url: string, hotTimeoutMs = 2000): Pick<Store, 'findKeyByHash' | 'close'> {
  const address = parsePostgresUrl(url)
  if (typeof address === 'string') throw new StoreUnavailable(`the value of "store" ${address}`)
  const hot = openHotLane(connectionOf(address), hotTimeoutMs)
  return { findKeyByHash: openHotReads(hot).findKeyByHash, close: () => hot.close() }
}

/** Opening a connection and asking on it have half of the time each. */
const openHotLane = (connection: pg.ClientConfig, timeoutMs: number): Lane =>
  createLane(connection, {
    max: hotConnections,
    ...{ acquireTimeoutMs: timeoutMs / 2, statementTimeoutMs: timeoutMs / 2 - 500, closeWithinMs: timeoutMs },
    primary: true,
  })

async function open(
  connection: pg.ClientConfig,
  connections: number,
  { clock, hotTimeoutMs = 2000, statementTimeoutMs = 30_000, acquireTimeoutMs = 5000 }: PostgresOptions,
): Promise<Store> {
  const hot = openHotLane(connection, hotTimeoutMs)
  const waits = { acquireTimeoutMs, statementTimeoutMs, checkAfterMs, primary: true }
  const writes = createLane(connection, { max: writeConnections, ...waits })
  const queries = createLane(connection, { max: connections - hotConnections - writeConnections, ...waits })
  const partitions = createPartitions(writes)
  const watches = new Set<() => void>()
  const lifecycle: Lifecycle = {
    async ping() {
      await hot.use((session) => session.query('select name from kysely_migration limit 1', [], 'ping'))
    },
    async close() {
      for (const end of watches) end()
      await Promise.all([hot.close(), writes.close(), queries.close()])
    },
  }
  try {
    await partitions.prepare(clock.now())
  } catch (error) {
    await lifecycle.close()
    throw error
  }
  const engine = createEngine(queries, writes, partitions, clock)
  return {
    ...createSqlStore(engine, openHotReads(hot), lifecycle),
    async pruneRequests(before) {
      await partitions.prepare(clock.now())
      return partitions.drop(before)
    },
    watchChanges(nudge) {
      const end = watchChanges(connection, nudge)
      watches.add(end)
      return () => {
        watches.delete(end)
        end()
      }
    },
  }
}

function createEngine(queries: Lane, writes: Lane, partitions: Partitions, clock: Pick<Clock, 'now'>): SqlEngine {
  const db = new Kysely<Tables>({ dialect: laneDialect(queries, 'begin') })
  const writer = new Kysely<Tables>({ dialect: laneDialect(writes, beginWrite) })
  // Those of this process wait here and not on the server, where each would hold a connection meanwhile.
  const queue = createQueue(2000, turnWithinMs)
  return {
    clock: { now: () => Math.trunc(clock.now()) },
    db,
    async write(work) {
      const leave = await queue.enter()
      try {
        return await retried(() => writer.transaction().execute(work))
      } finally {
        leave()
      }
    },
    read: (work) => db.transaction().setAccessMode('read only').execute(work),
    ...createBatches(writes, partitions),
    requestKey: ['id', 'at'],
    databaseNow: () => sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  }
}

/** Of the connections: two for look-ups, one for changes and two for batches of the request log; queries have the rest. */
const hotConnections = 2
const writeConnections = 3
/** Of look-ups there is always one that was sent a moment ago, and they have no time for a question. */
const checkAfterMs = 1000
/** One that lost its connection in the middle may take half a minute to learn of it. */
const turnWithinMs = 10_000
