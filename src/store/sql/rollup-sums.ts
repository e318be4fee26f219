import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { AnalyticsQuery, RequestSums } from '../analytics-store.ts'
import { percentileMs } from '../latency.ts'
import type { Reader } from './engine.ts'
import { countColumns, type Dimension, everywhere, grainMs, grainsOf, latencyColumns } from './rollup-kinds.ts'
import { type Span, spansOf } from './spans.ts'

/** Which sums a question is about. */
export interface Selection extends AnalyticsQuery {
  readonly dimension: Dimension
  /** Of these alone. */
  readonly names?: readonly string[]
  /** Of these keys alone, each with its organization: what is found by both need not be looked for. */
  readonly owners?: ReadonlyMap<string, string>
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
  const parts = partsOf(by === 'name' ? 'name' : 'at', db, selection, [...countColumns, ...latencyColumns])
  if (parts === undefined) return []
  const interval = sql.lit(selection.intervalMs ?? 1)
  const group = by === 'name' ? sql`part` : sql`part - part % ${interval}`
  const rows = await db
    .selectFrom(parts.as('parts'))
    .select(group.as('of'))
    .select(({ fn }) => [...countColumns, ...latencyColumns].map((column) => fn.sum(column).as(column)))
    .groupBy(group)
    .orderBy(group)
    .execute()
  // Databases give sums as numbers or as texts.
  return rows.map((row: Record<string, unknown>) => ({
    name: by === 'name' ? String(row.of) : '',
    from: by === 'from' ? Number(row.of) : 0,
    sums: toSums((column) => Number(row[column])),
  }))
}

/** Those with the most requests. */
export async function topNames(db: Reader, selection: Selection, limit: number): Promise<string[]> {
  const parts = partsOf('name', db, selection, ['requests'])
  if (parts === undefined) return []
  const rows = await db
    .selectFrom(parts.as('parts'))
    .select('part')
    .groupBy('part')
    .orderBy(({ fn }) => fn.sum('requests'), 'desc')
    .orderBy('part')
    .limit(limit)
    .execute()
  return rows.map(({ part }) => String(part))
}

/**
 * The sums of each grain, added up by themselves: what is then left to put together is little. All of them in one go would be
 * sorted together, which takes longer; times have their order already. See docs/decisions/0008.
 * @param columns what is added up; others would be read for nothing. @returns undefined for an empty range.
 */
function partsOf(by: 'name' | 'at', db: Reader, selection: Selection, columns: readonly SumColumn[]) {
  const { dimension, since, until, grain, names, owners, intervalMs } = selection
  const grains = grainsOf[dimension].filter((ms) => ms >= grainMs[grain] && ms <= (intervalMs ?? grainMs.day))
  const scope = scopeOf(selection)
  const isOfAllKeys = dimension === 'key' && names === undefined && owners === undefined
  const spans = spansOf(since, until, grains).flatMap((span) => (isOfAllKeys ? divided(span) : span))
  const parts = spans.map((span) => {
    let part = db
      .selectFrom('request_rollups')
      .select(`${by} as part`)
      .select(({ fn }) => columns.map((column) => fn.sum<number>(column).as(column)))
      .where('dimension', '=', dimension)
      .where('grain', '=', span.grain)
      .where('at', 'in', padded(span.times))
      .groupBy(by)
    if (scope !== undefined) part = part.where('organization_id', '=', scope)
    if (owners !== undefined) part = part.where(among(owners))
    else if (names !== undefined) part = part.where('name', 'in', names)
    return part
  })
  const [first, ...others] = parts
  return first && others.reduce((all, next) => all.unionAll(next), first)
}

/** Of 10,000 keys SQLite sorts eight times within its cache, and writes more than that to a file. At most 16 parts. */
function divided({ grain, times }: Span): Span[] {
  const size = Math.max(8, Math.ceil(times.length / 16))
  return Array.from({ length: Math.ceil(times.length / size) }, (_, index) => ({
    grain,
    times: times.slice(index * size, (index + 1) * size),
  }))
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

const among = (owners: ReadonlyMap<string, string>): RawBuilder<SqlBool> =>
  sql`(organization_id, name) in (values ${sql.join([...owners].map(([name, owner]) => sql`(${owner}, ${name})`))})`

/** @returns undefined where rows of all organizations are to be read: keys have no sums over all of them. */
function scopeOf({ dimension, organizationId }: Selection): string | undefined {
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
