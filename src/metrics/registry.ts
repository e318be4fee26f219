import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import {
  type AuthFailure,
  type ConnectionBound,
  connectionBounds,
  type LoginMethod,
  type LoginResult,
  type SpansResult,
  type WebhookResult,
} from '../events.ts'
import { CellCounter, type CounterCell } from './cells.ts'
import { definitions, type MetricDefinition, type MetricNameOf } from './definitions.ts'
import { type MetricsReport, partOf, reportOf, textOf } from './report.ts'
import { type CountRequest, requestMetrics } from './requests.ts'

/** What is counted. Moved by `createEvents` alone (and by what reports a state of its own), read by the admin listener. */
export interface Metrics {
  readonly request: CountRequest
  shadowDenied(route: string | null, code: string): void
  authFailed(reason: AuthFailure): void
  rateLimited(limit: string): void
  keyCache(result: 'hit' | 'miss' | 'stale'): void
  keyExposed(live: boolean): void
  overloaded(is: boolean): void
  connectionClosed(why: ConnectionBound): void
  upstreamUp(upstream: string, target: string, up: boolean): void
  /** After a reload: forgets the targets that `keep` knows nothing of, which would be shown as they last were for ever. */
  retainUpstreams(keep: (upstream: string, target: string) => boolean): void
  storeUp(up: boolean): void
  redisUp(up: boolean): void
  limiterDegraded(degraded: boolean): void
  limitsUncounted(): void
  configReloaded(result: 'accepted' | 'rejected'): void
  requestLogQueue(rows: number): void
  requestLogDropped(rows: number): void
  webhookDelivered(result: WebhookResult): void
  workerEnded(why: 'stopped' | 'crashed' | 'silent'): void
  adminLogin(method: LoginMethod, result: LoginResult): void
  spans(result: SpansResult, count: number): void
  fault(where: string): void
  /** Where the number of requests in flight comes from; asked at each scrape. */
  inFlightFrom(read: () => number): void
  /** The same for connections. */
  connectionsFrom(read: () => number): void

  /** Everything in the Prometheus text format. @param others summed up with this process's own. */
  text(others?: readonly MetricsReport[]): Promise<string>
  /** What this process knows, for another one to sum up. @param names these metrics alone. */
  report(names?: readonly string[]): Promise<MetricsReport>
  /** The media type of `text`. */
  readonly contentType: string
  /** Every metric that `text` can show, ours first, then those of Node.js. */
  list(): readonly MetricInfo[]
}

export interface MetricInfo extends Pick<MetricDefinition, 'labels' | 'help'> {
  readonly name: string
  readonly type: string
}

export interface MetricsOptions {
  /** Of this program. */
  readonly version: string
  /** The metrics of Node.js too. They watch the whole process, so that one registry with them is enough. */
  readonly nodeDefaults?: boolean
  /** Series per metric; what comes beyond is counted together as `OTHER`. */
  readonly seriesMax?: number
}

/** An empty registry. Every set of labels is bounded, whatever callers and upstreams send. */
export function createMetrics({ version, nodeDefaults = true, seriesMax = 5000 }: MetricsOptions): Metrics {
  const registry = new Registry()
  const counter = (name: MetricNameOf<'counter'>, ...first: string[]) =>
    boundedCounter(new CellCounter(registry, name), seriesMax, first)
  const gauge = (name: MetricNameOf<'gauge'>, initial: number | undefined) => stateGauge(registry, name, initial)

  const inFlight = gauge('sallyport_inflight_requests', 0)
  const overloaded = gauge('sallyport_overloaded', 0)
  const connections = gauge('sallyport_connections', 0)
  const upstreams = upstreamGauge(registry, seriesMax)
  // The admin listener opens after the store did: up until somebody finds it down. Of Redis nothing is known without one.
  const store = gauge('sallyport_store_up', 1)
  const redis = gauge('sallyport_redis_up', undefined)
  const degraded = gauge('sallyport_limiter_degraded', 0)
  const uncounted = new CellCounter(registry, 'sallyport_limiter_uncounted_total').cell()
  const queue = gauge('sallyport_request_log_queue', 0)
  const dropped = new CellCounter(registry, 'sallyport_request_log_dropped_total').cell()
  const exposed = counter('sallyport_keys_exposed_total', 'true', 'false')
  const shadow = shadowCounter(registry, seriesMax)
  labelledGauge(registry, 'sallyport_build_info').set({ version, node: process.versions.node }, 1)

  const metrics: Metrics = {
    request: requestMetrics(registry, seriesMax),
    shadowDenied: (route, code) => shadow(route ?? 'none', code),
    // Known values are shown as 0 from the start: a rate over a series that appears with its first count misses that one.
    authFailed: counter('sallyport_auth_failures_total', ...authFailures),
    rateLimited: counter('sallyport_rate_limited_total'),
    keyCache: counter('sallyport_key_cache_total', 'hit', 'miss', 'stale'),
    keyExposed: (live) => exposed(String(live)),
    overloaded: (is) => overloaded.set(Number(is)),
    connectionClosed: counter('sallyport_connections_closed_total', ...connectionBounds),
    upstreamUp: upstreams.set,
    retainUpstreams: upstreams.retain,
    storeUp: (up) => store.set(Number(up)),
    redisUp: (up) => redis.set(Number(up)),
    limiterDegraded: (is) => degraded.set(Number(is)),
    limitsUncounted: () => {
      uncounted.count++
    },
    configReloaded: counter('sallyport_config_reloads_total', 'accepted', 'rejected'),
    requestLogQueue: queue.set,
    requestLogDropped: (rows) => {
      dropped.count += rows
    },
    webhookDelivered: counter('sallyport_webhook_deliveries_total', 'delivered', 'retried', 'failed', 'gone'),
    workerEnded: counter('sallyport_worker_exits_total', 'stopped', 'crashed', 'silent'),
    adminLogin: loginCounter(registry),
    spans: counter('sallyport_trace_spans_total', 'exported', 'dropped', 'failed'),
    fault: counter('sallyport_faults_total'),
    inFlightFrom: inFlight.from,
    connectionsFrom: connections.from,
    text: async (others = []) =>
      others.length === 0 ? registry.metrics() : textOf([await reportOf(registry), ...others]),
    report: (names) => (names ? partOf(registry, names) : reportOf(registry)),
    contentType: registry.contentType,
    list: () => registry.getMetricsAsArray().map(describe),
  }
  if (nodeDefaults) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 })
  return metrics
}

const authFailures = [
  'missing',
  'malformed',
  'unknown',
  'revoked',
  'expired',
  'inactive_owner',
  'limited',
] as const satisfies readonly AuthFailure[]

/** All of them from the start, as above. */
function loginCounter(registry: Registry): Metrics['adminLogin'] {
  const counter = new CellCounter(registry, 'sallyport_admin_logins_total')
  const cells = new Map(
    loginMethods.flatMap((method) =>
      loginResults.map((result) => [`${method} ${result}`, counter.cell(method, result)] as const),
    ),
  )
  return (method, result) => {
    const cell = cells.get(`${method} ${result}`)
    if (cell) cell.count++
  }
}

const loginMethods = ['password', 'link', 'oidc'] as const satisfies readonly LoginMethod[]
const loginResults = ['succeeded', 'refused', 'throttled'] as const satisfies readonly LoginResult[]

const beyond = 'OTHER'

/** Counts by one label. */
function boundedCounter(
  counter: CellCounter,
  seriesMax: number,
  first: readonly string[],
): (label: string, by?: number) => void {
  const cells = new Map<string, CounterCell>()
  const find = (label: string): CounterCell => {
    const name = cells.size < seriesMax - 1 ? label : beyond
    const cell = cells.get(name) ?? counter.cell(name)
    cells.set(name, cell)
    return cell
  }
  for (const label of first) find(label)
  return (label, by = 1) => {
    const cell = cells.get(label) ?? find(label)
    cell.count += by
  }
}

function shadowCounter(registry: Registry, seriesMax: number): (route: string, code: string) => void {
  const counter = new CellCounter(registry, 'sallyport_shadow_denials_total')
  const cells = new Map<string, CounterCell>()
  return (route, code) => {
    const labels: [string, string] =
      cells.has(`${route} ${code}`) || cells.size < seriesMax - 1 ? [route, code] : [beyond, beyond]
    const key = labels.join(' ')
    const cell = cells.get(key) ?? counter.cell(...labels)
    cells.set(key, cell)
    cell.count++
  }
}

/** One number, read when somebody scrapes. `undefined`: nothing is known, so nothing is shown. */
function stateGauge(registry: Registry, name: MetricNameOf<'gauge'>, initial: number | undefined) {
  let known = initial
  let read = () => known
  new Gauge({
    name,
    help: definitions[name].help,
    aggregator: aggregators[name] ?? 'sum',
    registers: [registry],
    collect() {
      const value = read()
      if (value === undefined) this.remove()
      else this.set(value)
    },
  })
  return {
    set: (value: number) => {
      known = value
    },
    from: (source: () => number) => {
      read = source
    },
  }
}

function upstreamGauge(registry: Registry, seriesMax: number) {
  const gauge = labelledGauge(registry, 'sallyport_upstream_up')
  const targets = new Map<string, { upstream: string; target: string }>()
  return {
    set: (upstream: string, target: string, up: boolean) => {
      const key = `${upstream} ${target}`
      if (!targets.has(key) && targets.size >= seriesMax) return
      targets.set(key, { upstream, target })
      gauge.set({ upstream, target }, Number(up))
    },
    retain: (keep: (upstream: string, target: string) => boolean) => {
      for (const [key, labels] of targets) {
        if (keep(labels.upstream, labels.target)) continue
        targets.delete(key)
        gauge.remove(labels)
      }
    },
  }
}

const labelledGauge = (registry: Registry, name: MetricNameOf<'gauge'>) =>
  new Gauge<string>({
    ...{ name, help: definitions[name].help, labelNames: definitions[name].labels },
    aggregator: aggregators[name] ?? 'sum',
    registers: [registry],
  })

/** How the states of several processes become one; what is not here is a number of things, and summed up. */
const aggregators: Partial<Record<MetricNameOf<'gauge'>, 'min' | 'max' | 'first'>> = {
  sallyport_upstream_up: 'min',
  sallyport_store_up: 'min',
  sallyport_redis_up: 'min',
  sallyport_limiter_degraded: 'max',
  sallyport_overloaded: 'max',
  sallyport_build_info: 'first',
}

const ours: Readonly<Record<string, MetricDefinition>> = definitions

const describe = (metric: { name: string; help: string; type: unknown }): MetricInfo => {
  const { name, help, type } = metric
  const own = Object.hasOwn(ours, name) ? ours[name] : undefined
  if (own) return { name, ...own }
  const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : []
  return { name, help, type: String(type), labels }
}
