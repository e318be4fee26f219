import {
  DummyDriver,
  Kysely,
  type KyselyPlugin,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { ColumnTypes } from './column-types.ts'
import { migrationsFor } from './migrate.ts'

/** A migration that a database lacks, and what it would run. */
export interface PlannedMigration {
  readonly name: string
  /** In their order. What depends on the rows that are there stands in it as for none. */
  readonly statements: readonly string[]
}

/** The statements of migrations, without a database. */
export async function planMigrations(
  names: readonly string[],
  types: ColumnTypes,
  database: 'sqlite' | 'postgres',
  plugins: readonly KyselyPlugin[] = [],
): Promise<PlannedMigration[]> {
  const planned: PlannedMigration[] = []
  for (const [name, migration] of Object.entries(migrationsFor(types))) {
    if (!names.includes(name)) continue
    const statements: string[] = []
    const db = new Kysely<unknown>({
      dialect: dialects[database],
      plugins: [...plugins],
      log: ({ query }) => void statements.push(query.sql.trim()),
    })
    await migration.up(db)
    planned.push({ name, statements })
  }
  return planned
}

const dialects = {
  sqlite: {
    createDriver: () => new DummyDriver(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
    createIntrospector: (db: Kysely<any>) => new SqliteIntrospector(db),
  },
  postgres: {
    createDriver: () => new DummyDriver(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
    createIntrospector: (db: Kysely<any>) => new PostgresIntrospector(db),
  },
}
