import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { CopyEnd } from '../copy.ts'
import { sqliteTypes } from '../migrations/column-types.ts'
import { pendingOf } from '../migrations/migrate.ts'
import { type PlannedMigration, planMigrations } from '../migrations/plan.ts'
import type { Tables } from '../schema.ts'
import { threadDialect } from './dialect.ts'
import { toOpenError } from './errors.ts'
import { createThread } from './thread.ts'

/** What the schema of a file lacks, all of it where there is no file. Changes nothing. @throws StoreUnavailable */
export async function planSqlite(path: string): Promise<PlannedMigration[]> {
  const file = resolve(path)
  try {
    return await planMigrations(pendingOf(executedIn(file), sqliteTypes), sqliteTypes, 'sqlite')
  } catch (error) {
    throw toOpenError(file, error)
  }
}

/** A file whose schema is up to date, to copy from or to. */
export function openSqliteEnd(path: string): CopyEnd {
  const thread = createThread(resolve(path), { callTimeoutMs: 600_000 })
  const db = new Kysely<Tables>({ dialect: threadDialect(thread) })
  return {
    read: (work) => db.transaction().setAccessMode('read only').execute(work),
    write: (work) => db.transaction().execute(work),
    makeRoom: async () => undefined,
    close: () => thread.close(),
  }
}

function executedIn(file: string): string[] {
  if (!existsSync(file)) return []
  using database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  const there = database.prepare("select 1 from sqlite_master where name = 'kysely_migration'").get()
  if (there === undefined) return []
  return database
    .prepare('select name from kysely_migration order by name')
    .all()
    .map(({ name }) => String(name))
}
