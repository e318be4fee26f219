import { type Dialect, type Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { SessionDriver } from '../sql/session-driver.ts'
import type { Lane } from './lane.ts'

/**
 * Kysely on a lane of connections.
 * @param beginWrite what begins a transaction that changes something.
 */
export const laneDialect = (lane: Lane, beginWrite: string): Dialect => ({
  createDriver: () =>
    new SessionDriver({
      acquire: () => lane.acquire(),
      close: () => lane.close(),
      begin: { read: 'begin isolation level repeatable read, read only', write: beginWrite },
    }),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new PostgresAdapter(),
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  createIntrospector: (db: Kysely<any>) => new PostgresIntrospector(db),
})
