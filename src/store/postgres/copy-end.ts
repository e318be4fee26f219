import { Kysely } from 'kysely'
import { parsePostgresUrl } from '../../config/postgres-url.ts'
import type { CopyEnd } from '../copy.ts'
import { pendingMigrations } from '../migrations/migrate.ts'
import { type PlannedMigration, planMigrations } from '../migrations/plan.ts'
import type { Tables } from '../schema.ts'
import { StoreUnavailable } from '../store.ts'
import { connectionOf } from './connection.ts'
import { laneDialect } from './dialect.ts'
import { toOpenError } from './errors.ts'
import { createLane } from './lane.ts'
import { createPartitions } from './partitions.ts'
import { beginWrite, withDatabase } from './prepare.ts'
import { bytewiseText, postgresTypes } from './schema.ts'

/** What the schema of a database lacks. Changes nothing. @throws StoreUnavailable */
export async function planPostgres(url: string): Promise<PlannedMigration[]> {
  const address = addressOf(url)
  try {
    return await withDatabase(connectionOf(address), async (db) => {
      const names = await pendingMigrations(db, postgresTypes)
      return planMigrations(names, postgresTypes, 'postgres', [bytewiseText])
    })
  } catch (error) {
    throw toOpenError(address, error)
  }
}

/** A database whose schema is up to date, to copy from or to. */
export function openPostgresEnd(url: string): CopyEnd {
  const connection = connectionOf(addressOf(url))
  const lane = createLane(connection, {
    max: 2,
    acquireTimeoutMs: 5000,
    statementTimeoutMs: 600_000,
    idleInTransactionMs: 600_000,
  })
  const db = new Kysely<Tables>({ dialect: laneDialect(lane, beginWrite) })
  const partitions = createPartitions(lane)
  return {
    read: (work) => db.transaction().setAccessMode('read only').execute(work),
    write: (work) => db.transaction().execute(work),
    makeRoom: (times) => lane.use((session) => partitions.ensure(session, times)),
    close: () => lane.close(),
  }
}

function addressOf(url: string) {
  const address = parsePostgresUrl(url)
  if (typeof address === 'string') throw new StoreUnavailable(`the URL of the database ${address}`)
  return address
}
