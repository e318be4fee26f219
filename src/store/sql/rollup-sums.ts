import { sql } from 'kysely'
import type { AnalyticsQuery, RequestSums } from '../analytics-store.ts'
import { percentileMs } from '../latency.ts'
import type { Reader } from './engine.ts'
import { countColumns, type Dimension, everywhere, grainMs, grainsOf, latencyColumns } from './rollup-kinds.ts'
import { spansOf } from './spans.ts'

/** Which sums a question is about. */
export interface Selection extends AnalyticsQuery {
  readonly dimension: Dimension
  /** Of these alone. */
  readonly names?: readonly string[]
  /** Then no sum that is coarser is taken. */
  readonly intervalMs?: number
}

export interface Summed {
  /** Of the route, key or code; empty where it was not asked for. */
  readonly name: string
  /** Where the interval begins; 0 where it was not asked for. */
  readonly from: number
  readonly sums: RequestSums
}

/** Adds up what is selected, for each name or for each interval. */
export async function sumsBy(by: 'name' | 'from', db: Reader, selection: Selection): Promise<Summed[]> {
  const selected = select(db, selection, [...countColumns, ...latencyColumns])
  if (selected === undefined) return []
  const rows = await db
    .selectFrom(selected.as('selected'))
    .select(by)
    .select(({ fn }) => [...countColumns, ...latencyColumns].map((column) => fn.sum(column).as(column)))
    .groupBy(by)
    .orderBy(by)
    .execute()
  // Databases give sums as numbers or as texts.
  return rows.map((row: Record<string, unknown>) => ({
    name: by === 'name' ? String(row.name) : '',
    from: by === 'from' ? Number(row.from) : 0,
    sums: toSums((column) => Number(row[column])),
  }))
}

/** Those with the most requests. */
export async function topNames(db: Reader, selection: Selection, limit: number): Promise<string[]> {
  const selected = select(db, selection, ['requests'])
  if (selected === undefined) return []
  const rows = await db
    .selectFrom(selected.as('selected'))
    .select('name')
    .groupBy('name')
    .orderBy(({ fn }) => fn.sum('requests'), 'desc')
    .orderBy('name')
    .limit(limit)
    .execute()
  return rows.map(({ name }) => name)
}

/** @param columns what is added up; others would be read for nothing. @returns undefined for an empty range. */
function select(
  db: Reader,
  { dimension, organizationId, since, until, grain, names, intervalMs }: Selection,
  columns: readonly SumColumn[],
) {
  const grains = grainsOf[dimension].filter((ms) => ms >= grainMs[grain] && ms <= (intervalMs ?? grainMs.day))
  const interval = sql.lit(intervalMs ?? 1)
  const scope = scopeOf(dimension, organizationId)
  const parts = spansOf(since, until, grains).map((span) => {
    let part = db
      .selectFrom('request_rollups')
      .select(['name', ...columns])
      .select(({ ref }) => sql<number>`${ref('at')} - ${ref('at')} % ${interval}`.as('from'))
      .where('dimension', '=', dimension)
      .where('grain', '=', span.grain)
      .where('at', 'in', padded(span.times))
    if (scope !== undefined) part = part.where('organization_id', '=', scope)
    if (names !== undefined) part = part.where('name', 'in', names)
    return part
  })
  const [first, ...others] = parts
  return first && others.reduce((all, next) => all.unionAll(next), first)
}

/**
 * The last one again and again, up to a power of two: each length is a statement of its own, which is prepared and kept, and
 * there shall be a dozen of them, not thousands.
 */
function padded(times: readonly number[]): readonly number[] {
  const last = times.at(-1)
  if (last === undefined) return times
  const length = 2 ** Math.ceil(Math.log2(times.length))
  return [...times, ...new Array<number>(length - times.length).fill(last)]
}

/** @returns undefined where rows of all organizations are to be read: keys have no sums over all of them. */
function scopeOf(dimension: Dimension, organizationId: string | null | undefined): string | undefined {
  if (organizationId === null) return ''
  return organizationId ?? (dimension === 'key' ? undefined : everywhere)
}

type SumColumn = (typeof countColumns)[number] | (typeof latencyColumns)[number]

function toSums(of: (column: SumColumn) => number): RequestSums {
  const latencies = latencyColumns.map(of)
  return {
    requests: of('requests'),
    errors: of('errors'),
    denied: of('denied'),
    limited: of('limited'),
    bytesIn: of('bytes_in'),
    bytesOut: of('bytes_out'),
    p50Ms: percentileMs(latencies, 0.5),
    p95Ms: percentileMs(latencies, 0.95),
    p99Ms: percentileMs(latencies, 0.99),
  }
}
