import { Kysely, sql } from 'kysely'
import type pg from 'pg'
import { migrate, pendingMigrations } from '../migrations/migrate.ts'
import type { Tables } from '../schema.ts'
import { StoreUnavailable } from '../store.ts'
import { laneDialect } from './dialect.ts'
import { createLane, type Lane } from './lane.ts'
import { lockSpace } from './partitions.ts'
import { bytewiseText, postgresTypes } from './schema.ts'

/**
 * Begins a transaction that no other writer runs beside, of any process: the chain of events and the change log need an
 * order. The lock ends with the transaction, however that ends, and after its rows can be seen.
 */
export const beginWrite = `begin; set local lock_timeout = '10s'; select pg_advisory_xact_lock(${lockSpace}, 1)`

/**
 * Checks the server and brings the schema up to date, by one process where several start at once.
 * @throws StoreUnavailable, or what the driver throws.
 */
export async function prepareDatabase(connection: pg.ClientConfig): Promise<void> {
  await withDatabase(connection, async (db) => {
    // Most starts have nothing to do, and need not wait for who is writing.
    if ((await pendingMigrations(db, postgresTypes)).length === 0) return
    await requireCreate(db)
    await db.transaction().execute((trx) => migrate(trx.withPlugin(bytewiseText), postgresTypes))
  })
}

/** The database as it is, on a connection of its own that may take its time. */
export async function withDatabase<T>(
  connection: pg.ClientConfig,
  use: (db: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  const lane = createLane(connection, { max: 1, acquireTimeoutMs: 5000, statementTimeoutMs: 600_000 })
  try {
    await checkVersion(lane)
    return await use(new Kysely<Tables>({ dialect: laneDialect(lane, beginMigration) }))
  } finally {
    await lane.close()
  }
}

/** Asked first: what fails inside the migrations hides why. */
async function requireCreate(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ may: boolean | null }>`
    select has_schema_privilege(current_schema(), 'create') as may`.execute(db)
  if (rows[0]?.may !== true) throw new StoreUnavailable('no permission to make tables', { cause: { code: '42501' } })
}

async function checkVersion(lane: Lane): Promise<void> {
  const { rows } = await lane.use((session) =>
    session.query(
      "select current_setting('server_version_num')::int as number, current_setting('server_version') as name",
    ),
  )
  const [version] = rows as { number: number; name: string }[]
  if (version === undefined || version.number >= oldest * 10_000) return
  throw new StoreUnavailable(`the server is PostgreSQL ${version.name}. Use ${oldest} or later`)
}

/** As a change has it, but it waits for as long as a migration of another node may take. */
const beginMigration = beginWrite.replace("'10s'", "'600s'")
const oldest = 14
