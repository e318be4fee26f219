import { catalogue } from '../../errors.ts'
import { bucketOf } from '../latency.ts'
import type { RequestRow } from '../store.ts'
import type { StatementRows } from './engine.ts'
import { type Dimension, everywhere, grainMs, grainsOf, latencyColumns } from './rollup-kinds.ts'
import type { RollupStatements } from './rollups.ts'

/**
 * Adds requests to the sums, for rows that have ended. However hostile, they make no rows but for routes, keys and codes that
 * there are: nothing that a caller chooses is a name here.
 */
export function addUp(rows: readonly RequestRow[], { wide, narrow }: RollupStatements): StatementRows[] {
  const wideRows: unknown[][] = []
  const narrowRows: unknown[][][] = narrow.map(() => [])
  for (const { dimension, grain, at, organizationId, name, counts, bucket, latencies } of sumsOf(rows)) {
    const parameters: unknown[] = [dimension, grain, at, organizationId, name, ...counts]
    if (latencies !== undefined) wideRows.push(parameters.concat(latencies))
    else {
      parameters.push(counts[0])
      narrowRows[bucket]?.push(parameters)
    }
  }
  return [wide, ...narrow].flatMap((sql, index) => {
    const parameters = (index === 0 ? wideRows : narrowRows[index - 1]) ?? []
    return parameters.length === 0 ? [] : [{ sql, rows: parameters }]
  })
}

interface Sum {
  readonly dimension: Dimension
  readonly grain: number
  readonly at: number
  readonly organizationId: string
  readonly name: string
  /** One for each of `countColumns`. */
  readonly counts: number[]
  /** The one bucket in which all of its requests are; with `latencies`, no more of use. */
  readonly bucket: number
  /** One for each bucket, once there are several. */
  latencies: number[] | undefined
}

function sumsOf(rows: readonly RequestRow[]): Iterable<Sum> {
  const finest = new Map<string, Sum>()
  for (const row of rows) {
    const organizationId = row.organizationId ?? ''
    const bucket = bucketOf(row.durationMs)
    count(sumIn(finest, 'route', grainMs.minute, row.at, organizationId, row.route ?? '', bucket), row, bucket)
    if (row.keyId !== null) {
      count(sumIn(finest, 'key', grainMs.hour, row.at, organizationId, row.keyId, bucket), row, bucket)
    }
    if (row.code !== null) {
      count(sumIn(finest, 'code', grainMs.minute, row.at, organizationId, row.code, bucket), row, bucket)
    }
  }
  const all = [...finest.values()]
  const wider = new Map<string, Sum>()
  for (const sum of all) {
    const { dimension, at, organizationId, name, bucket } = sum
    for (const grain of grainsOf[dimension]) {
      if (grain !== sum.grain) merge(sumIn(wider, dimension, grain, at, organizationId, name, bucket), sum)
      if (dimension !== 'key') merge(sumIn(wider, dimension, grain, at, everywhere, name, bucket), sum)
    }
  }
  all.push(...wider.values())
  return all
}

function sumIn(
  sums: Map<string, Sum>,
  dimension: Dimension,
  grain: number,
  time: number,
  organizationId: string,
  name: string,
  bucket: number,
): Sum {
  const at = time - (time % grain)
  const key = `${name} ${organizationId} ${at} ${grain} ${dimension}`
  let sum = sums.get(key)
  if (sum === undefined) {
    const counts = [0, 0, 0, 0, 0, 0]
    sum = { dimension, grain, at, organizationId, name, counts, bucket, latencies: undefined }
    sums.set(key, sum)
  }
  return sum
}

function count(sum: Sum, { status, code, bytesIn, bytesOut }: RequestRow, bucket: number): void {
  addLatencies(sum, bucket, 1)
  const { counts } = sum
  add(counts, 0, 1)
  if (isError(status, code)) add(counts, 1, 1)
  if (code !== null && denials.has(code)) add(counts, 2, 1)
  if (code === 'RATE_LIMITED') add(counts, 3, 1)
  add(counts, 4, bytesIn)
  add(counts, 5, bytesOut)
}

/** Status 0: the caller left before there was an answer. A fault's code beside another status: the answer was broken off. */
const isError = (status: number, code: string | null): boolean =>
  status >= 500 || status === 0 || (code !== null && faults.has(code))

function merge(sum: Sum, { counts, bucket, latencies }: Sum): void {
  if (latencies === undefined) addLatencies(sum, bucket, counts[0] ?? 0)
  else for (const [index, some] of latencies.entries()) if (some > 0) addLatencies(sum, index, some)
  for (let index = 0; index < counts.length; index++) add(sum.counts, index, counts[index] ?? 0)
}

/** Before the requests are counted: their number is that of the one bucket until there is a second. */
function addLatencies(sum: Sum, bucket: number, more: number): void {
  if (sum.latencies === undefined) {
    if (bucket === sum.bucket) return
    sum.latencies = noLatencies.slice()
    add(sum.latencies, sum.bucket, sum.counts[0] ?? 0)
  }
  add(sum.latencies, bucket, more)
}

function add(values: number[], index: number, more: number): void {
  values[index] = (values[index] ?? 0) + more
}

const noLatencies: readonly number[] = latencyColumns.map(() => 0)

/** Codes with which the gateway itself refuses who calls, or what is called. */
const denials: ReadonlySet<string> = new Set(
  Object.entries(catalogue).flatMap(([code, [status]]) => ([401, 403, 404, 405].includes(status) ? [code] : [])),
)

const faults: ReadonlySet<string> = new Set(
  Object.entries(catalogue).flatMap(([code, [status]]) => (status >= 500 ? [code] : [])),
)
