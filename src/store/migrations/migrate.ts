import { type Kysely, sql, type Transaction } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Tables } from '../schema.ts'
import { StoreUnavailable } from '../store.ts'
import { first } from './0001-first.ts'
import { operators } from './0002-operators.ts'
import { secrets } from './0003-secrets.ts'
import { jobs } from './0004-jobs.ts'
import { webhooks } from './0005-webhooks.ts'
import { keptAnswers } from './0006-kept-answers.ts'
import { sessionProof } from './0007-session-proof.ts'
import { analytics } from './0008-analytics.ts'
import { nodes } from './0009-nodes.ts'
import { suspendedBy } from './0010-suspended-by.ts'
import { eventFilters } from './0011-event-filters.ts'
import type { ColumnTypes } from './column-types.ts'

/**
 * Brings the schema up to date inside the transaction it is given, which must keep other writers out: then two processes
 * that start at once can't both do it, and a crash leaves the schema as it was.
 * @throws StoreUnavailable when the database belongs to a newer version of this program.
 */
export async function migrate(trx: Transaction<Tables>, types: ColumnTypes): Promise<void> {
  const migrations = migrationsFor(types)
  if ((await pendingMigrations(trx, types)).length === 0) return
  const migrator = new Migrator({ db: trx, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

/**
 * The names of the migrations that the database lacks, in their order.
 * @throws StoreUnavailable when it belongs to a newer version of this program, or to another one.
 */
export async function pendingMigrations(db: Kysely<Tables>, types: ColumnTypes): Promise<string[]> {
  return pendingOf(await executedMigrations(db, types), types)
}

/** The same where it is known which ones were executed. */
export function pendingOf(done: readonly string[], types: ColumnTypes): string[] {
  const names = Object.keys(migrationsFor(types))
  const unknown = done.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw new StoreUnavailable(
      `it was written by a newer version of Sallyport (${unknown.join(', ')}). Start that version or a later one, or restore the backup made before the upgrade`,
    )
  }
  return names.filter((name) => !done.includes(name))
}

/** All there are, in their order. */
export function migrationsFor(types: ColumnTypes): Record<string, Migration> {
  return {
    '0001-first': first(types),
    '0002-operators': operators(types),
    '0003-secrets': secrets(types),
    '0004-jobs': jobs(types),
    '0005-webhooks': webhooks(types),
    '0006-kept-answers': keptAnswers(),
    '0007-session-proof': sessionProof(types),
    '0008-analytics': analytics(types),
    '0009-nodes': nodes(types),
    '0010-suspended-by': suspendedBy(),
    '0011-event-filters': eventFilters(),
  }
}

async function executedMigrations(db: Kysely<Tables>, { ownPlace }: ColumnTypes): Promise<string[]> {
  const all = await db.introspection.getTables({ withInternalKyselyTables: true })
  const ours = all.some(({ schema }) => schema !== undefined) ? await currentSchema(db) : undefined
  const tables = all.filter(({ schema, isView }) => schema === ours && !isView)
  if (!tables.some(({ name }) => name === 'kysely_migration')) {
    if (tables.length === 0) return []
    throw new StoreUnavailable(`it holds the tables of another program. ${ownPlace}`)
  }
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}

/** Of a database that has several: where tables without the name of one are made and found. */
async function currentSchema(db: Kysely<Tables>): Promise<string | undefined> {
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(db)
  return rows[0]?.name ?? undefined
}
