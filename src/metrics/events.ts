import type { Events, TraceIds } from '../events.ts'
import type { Log } from '../log.ts'
import type { RequestRow } from '../store/store.ts'
import { throttleLog } from './log-throttle.ts'
import type { Metrics } from './registry.ts'

export interface EventsOptions {
  readonly log: Log
  readonly metrics: Metrics
  /** One line for each request. */
  readonly requestLines: boolean
}

/**
 * The real events: log line and metric together. Everything is counted; what callers or a failing neighbour can repeat
 * at will is thinned out in the log.
 */
export function createEvents({ log, metrics, requestLines }: EventsOptions): Events {
  const throttled = throttleLog(log)
  const upstreams = new Map<string, boolean>()
  let storeIsUp = true
  let limiterIsDegraded = false
  let rowsDropped = 0
  let spansLost = 0
  const closed = { peer: 0, full: 0, idle: 0, unfinished: 0, heads: 0, unread: 0, pipelined: 0 }

  return {
    requestFinished(row, upstream, overheadMs, trace) {
      metrics.request(row, upstream, overheadMs)
      if (row.shadowCode !== null) metrics.shadowDenied(row.route, row.shadowCode)
      if (requestLines) log.info(requestFields(row, upstream, trace), 'request')
    },

    // Who sends wrong keys decides how many of these there are, so they are no lines at the usual level.
    authFailed(reason) {
      metrics.authFailed(reason)
      if (log.enabled('debug')) log.debug({ reason }, 'authentication failed')
    },

    rateLimited(limit) {
      metrics.rateLimited(limit)
      if (log.enabled('debug')) log.debug({ limit }, 'rate limited')
    },

    keyCache(result) {
      metrics.keyCache(result)
    },

    keyExposed(keyId) {
      metrics.keyExposed(keyId !== null)
      if (keyId !== null) throttled(`exposed ${keyId}`, 'warn', { key_id: keyId }, 'a live key was sent in a URL')
      else if (log.enabled('debug')) log.debug({}, 'something shaped like a key was sent in a URL')
    },

    overloaded(why) {
      metrics.overloaded(why !== undefined)
      if (why === undefined) throttled('overload', 'info', {}, 'requests are no longer turned away')
      else throttled('overload', 'warn', { why }, 'too much to do: requests are turned away')
    },

    connectionClosed(why) {
      metrics.connectionClosed(why)
      closed[why]++
      // Room for others is made all the time where there are more callers than places: that is no news.
      const level = why === 'idle' ? 'info' : 'warn'
      throttled(
        'connections',
        level,
        { why, since_start: { ...closed } },
        'connections were closed to keep within bounds',
      )
    },

    upstreamUp(upstream, target, up, why) {
      metrics.upstreamUp(upstream, target, up)
      const key = `${upstream} ${target}`
      const before = upstreams.get(key) ?? true
      if (upstreams.size < targetsMax || upstreams.has(key)) upstreams.set(key, up)
      if (before === up) return
      if (up) throttled(`upstream ${key}`, 'info', { upstream, target }, 'upstream target is up again')
      else throttled(`upstream ${key}`, 'warn', { upstream, target, why }, 'upstream target is down')
    },

    storeUp(up, why) {
      metrics.storeUp(up)
      if (up && storeIsUp) return
      storeIsUp = up
      if (up) throttled('store', 'info', {}, 'the store answers again')
      else throttled('store', 'error', { why }, 'the store does not answer')
    },

    limiterDegraded(degraded, why) {
      metrics.redisUp(!degraded)
      metrics.limiterDegraded(degraded)
      if (degraded === limiterIsDegraded) return
      limiterIsDegraded = degraded
      if (degraded)
        throttled('redis', 'error', { why }, 'Redis does not answer: limits are not shared with other nodes')
      else throttled('redis', 'info', {}, 'Redis answers again: limits are shared with other nodes')
    },

    limitsUncounted() {
      metrics.limitsUncounted()
    },

    configLoaded(result, detail) {
      metrics.configReloaded(result)
      if (result === 'accepted') log.info({ detail }, 'configuration accepted')
      else log.error({ detail }, 'configuration rejected')
    },

    requestLogQueued(rows) {
      metrics.requestLogQueue(rows)
    },

    requestLogDropped(rows) {
      metrics.requestLogDropped(rows)
      rowsDropped += rows
      throttled('dropped', 'error', { rows, rows_since_start: rowsDropped }, 'rows of the request log were lost')
    },

    webhookDelivered(result, { webhookId, deliveryId, attempts, status, error, durationMs }) {
      metrics.webhookDelivered(result)
      const ids = { webhook_id: webhookId, delivery_id: deliveryId }
      const fields = { result, ...ids, attempts, status, error, duration_ms: durationMs }
      // Who owns a target decides how often it fails.
      if (result === 'failed' || result === 'gone')
        throttled(`webhook ${webhookId}`, 'warn', fields, 'webhook not delivered')
      else if (log.enabled('debug')) log.debug(fields, 'webhook')
    },

    workerStarted(worker, pid) {
      log.info({ worker, pid }, 'worker started')
    },

    workerEnded(worker, why, how) {
      metrics.workerEnded(why)
      if (why === 'stopped') log.info({ worker, how }, 'worker stopped')
      else throttled('worker', 'error', { worker, why, how }, 'worker ended, another takes its place')
    },

    // Who tries passwords decides how many of these there are; of each address the first are told, then how many more.
    adminLogin(method, result, { requestId, ip, operatorId, email = null }) {
      metrics.adminLogin(method, result)
      const fields = { method, result, request_id: requestId, ip, operator_id: operatorId, email }
      if (result === 'succeeded') throttled(`login ${operatorId}`, 'info', fields, 'logged in to the admin plane')
      else throttled(`login ${result} ${ip}`, 'warn', fields, 'log-in to the admin plane refused')
    },

    listening(plane, url) {
      log.info({ plane, address: url }, 'listening')
    },

    draining(step, inFlight) {
      log.info({ step, in_flight: inFlight }, 'shutting down')
    },

    tracing(endpoint, protocol) {
      log.info({ endpoint, protocol }, 'traces are exported')
    },

    spans(result, count, why) {
      metrics.spans(result, count)
      if (result === 'exported') return
      spansLost += count
      const fields = { result, why, spans: count, spans_since_start: spansLost }
      throttled('spans', 'warn', fields, 'spans of traces were lost')
    },

    fault(where, error, request) {
      metrics.fault(where)
      const ids = request && { request_id: request.requestId, ...traceFields(request.trace) }
      throttled(`fault ${where}`, 'error', { where, error, ...ids }, 'fault')
    },
  }
}

const targetsMax = 5000

/** Nothing that a client sent whole: no query, no headers. */
const requestFields = (row: RequestRow, upstream: string | null, trace: TraceIds | undefined) => ({
  request_id: row.requestId,
  method: row.method,
  path: row.path,
  route: row.route,
  status: row.status,
  code: row.code,
  shadow_code: row.shadowCode,
  duration_ms: row.durationMs,
  upstream,
  upstream_ms: row.upstreamMs,
  bytes_in: row.bytesIn,
  bytes_out: row.bytesOut,
  organization_id: row.organizationId,
  key_id: row.keyId,
  ip: row.ip,
  ...traceFields(trace),
})

/** The names that OpenTelemetry gives them in logs of other formats. */
const traceFields = (trace: TraceIds | undefined) => trace && { trace_id: trace.traceId, span_id: trace.spanId }
