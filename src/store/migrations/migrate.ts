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
import type { ColumnTypes } from './column-types.ts'

/**
 * Brings the schema up to date inside the transaction it is given, which must keep other writers out: then two processes
 * that start at once can't both do it, and a crash leaves the schema as it was.
 * @throws StoreUnavailable when the database belongs to a newer version of this program.
 */
export async function migrate(trx: Transaction<Tables>, types: ColumnTypes): Promise<void> {
  const migrations: Record<string, Migration> = {
    '0001-first': first(types),
    '0002-operators': operators(types),
    '0003-secrets': secrets(types),
    '0004-jobs': jobs(types),
    '0005-webhooks': webhooks(types),
    '0006-kept-answers': keptAnswers(),
    '0007-session-proof': sessionProof(types),
    '0008-analytics': analytics(types),
  }
  const done = await executedMigrations(trx)
  const unknown = done.filter((name) => !(name in migrations))
  if (unknown.length > 0) {
    throw new StoreUnavailable(
      `it was written by a newer version of Sallyport (${unknown.join(', ')}). Start that version or a later one, or restore the backup made before the upgrade`,
    )
  }
  if (done.length === Object.keys(migrations).length) return
  const migrator = new Migrator({ db: trx, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

async function executedMigrations(db: Kysely<Tables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) {
    if (tables.length === 0) return []
    throw new StoreUnavailable(
      'it holds the tables of another program. Name a file of its own for Sallyport under "store"',
    )
  }
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}
