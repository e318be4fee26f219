import { type Kysely, sql } from 'kysely'
import type { Tables } from '../schema.ts'
import { countColumns, latencyColumns } from './rollup-kinds.ts'

/** They add to a row of the sums, or make it. */
export interface RollupStatements {
  /** For requests in several buckets of latency. */
  readonly wide: string
  /** One for each bucket: most sums of a batch are of one or two requests, for which this costs a third of the wide one. */
  readonly narrow: readonly string[]
}

export const compileRollups = (db: Kysely<Tables>): RollupStatements => ({
  wide: addTo(db, [...countColumns, ...latencyColumns]),
  narrow: latencyColumns.map((latency) => addTo(db, [...countColumns, latency])),
})

/** The columns are known only here, so that the statement is put together from their names. */
function addTo(db: Kysely<Tables>, columns: readonly string[]): string {
  const all = [...keyColumns, ...columns]
  const sums = columns.map(
    (name) => sql`${sql.ref(name)} = ${sql.ref(`request_rollups.${name}`)} + ${sql.ref(`excluded.${name}`)}`,
  )
  return sql`insert into request_rollups (${listOf(all)}) values (${sql.join(all.map(() => 0))})
    on conflict (${listOf(keyColumns)}) do update set ${sql.join(sums)}`.compile(db).sql
}

const listOf = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)))

const keyColumns = ['dimension', 'grain', 'at', 'organization_id', 'name'] as const
