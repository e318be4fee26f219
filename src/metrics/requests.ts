import { METHODS } from 'node:http'
import type { Registry } from 'prom-client'
import type { RequestRow } from '../store/store.ts'
import { CellCounter, CellHistogram, type CounterCell, type HistogramCell } from './cells.ts'

/** What a request moves. Takes the row of the request log, so that the two can't tell different stories. */
export type CountRequest = (row: RequestRow, upstream: string | null, overheadMs: number) => void

/**
 * The metrics of each request: a few look-ups in small maps and as many additions; nothing is allocated for a series seen
 * before.
 * @param seriesMax of the counter. Requests beyond it are counted under route, method and code `OTHER` and the class of
 *   their status (`5xx`), so that a caller who varies what we label by costs us detail, never memory or totals.
 */
export function requestMetrics(registry: Registry, seriesMax: number): CountRequest {
  const counter = new CellCounter(registry, 'sallyport_requests_total')
  const durations = new BoundedHistogram(
    new CellHistogram(registry, 'sallyport_request_duration_seconds', durationBounds),
  )
  const upstreamDurations = new BoundedHistogram(
    new CellHistogram(registry, 'sallyport_upstream_duration_seconds', durationBounds),
  )
  const overhead = new CellHistogram(registry, 'sallyport_gateway_overhead_seconds', overheadBounds).cell()
  const routes = new Map<string, ByMethod>()
  const beyond = new Map<string, CounterCell>()
  const ownSeriesMax = seriesMax - statusClasses

  const findCounter = (row: RequestRow): CounterCell => {
    const route = row.route ?? none
    const method = methods.has(row.method) ? row.method : other
    const known = routes.get(route)?.get(method)?.get(row.code)?.get(row.status)
    if (known) return known
    if (counter.size >= ownSeriesMax) return findBeyond(row.status)
    const byMethod = getOrMake(routes, route, newMap<string, ByCode>)
    const byStatus = getOrMake(
      getOrMake(byMethod, method, newMap<string | null, ByStatus>),
      row.code,
      newMap<number, CounterCell>,
    )
    const cell = counter.cell(route, method, String(row.status), row.code ?? none)
    byStatus.set(row.status, cell)
    return cell
  }

  const findBeyond = (status: number): CounterCell => {
    const statusClass = status >= 100 && status < 1000 ? `${Math.trunc(status / 100)}xx` : '0'
    return getOrMake(beyond, statusClass, () => counter.cell(other, other, statusClass, other))
  }

  return (row, upstream, overheadMs) => {
    findCounter(row).count++
    durations.find(row.route ?? none).observeMs(row.durationMs)
    overhead.observeMs(overheadMs)
    if (upstream !== null && row.upstreamMs !== null) upstreamDurations.find(upstream).observeMs(row.upstreamMs)
  }
}

/** A histogram with one label. Names come from the configuration: the bound only holds what years of reloads pile up. */
class BoundedHistogram {
  readonly #histogram: CellHistogram
  readonly #cells = new Map<string, HistogramCell>()

  constructor(histogram: CellHistogram) {
    this.#histogram = histogram
  }

  find(label: string): HistogramCell {
    const known = this.#cells.get(label)
    if (known) return known
    return getOrMake(this.#cells, this.#cells.size < histogramLabelsMax ? label : other, (name) =>
      this.#histogram.cell(name),
    )
  }
}

// Maps in maps rather than one map of joined texts: looking up what is the same word each time costs less than joining.
type ByStatus = Map<number, CounterCell>
type ByCode = Map<string | null, ByStatus>
type ByMethod = Map<string, ByCode>

const newMap = <Key, Value>(): Map<Key, Value> => new Map()

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make(key)
  map.set(key, made)
  return made
}

const none = 'none'
// No route, upstream or code is called so: routes begin with a slash, upstreams are lower-case.
const other = 'OTHER'
const methods = new Set(METHODS)
const statusClasses = 10
const histogramLabelsMax = 1000
const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const overheadBounds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
