/**
 * Every metric of ours: what it is called, what it counts, how it is split. docs/reference/metrics.md is generated from
 * this table; a metric that is not in it can't be made. No label ever holds a key, a path or a query value.
 */
export const definitions = {
  sallyport_requests_total: {
    type: 'counter',
    labels: ['route', 'method', 'status', 'code'],
    help: 'Requests on the data plane, refused and aborted ones included. Status 0: the caller left before there was an answer. A code beside a status below 400: the answer had begun, and was broken off.',
  },
  sallyport_request_duration_seconds: {
    type: 'histogram',
    labels: ['route'],
    help: 'Time from the request head to the end of the answer.',
  },
  sallyport_upstream_duration_seconds: {
    type: 'histogram',
    labels: ['upstream'],
    help: 'Time that the upstream took.',
  },
  sallyport_gateway_overhead_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Time spent in the gateway itself.',
  },
  sallyport_auth_failures_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Requests without a valid key, by what was wrong.',
  },
  sallyport_rate_limited_total: {
    type: 'counter',
    labels: ['limit'],
    help: 'Times that a limit had no room for a request.',
  },
  sallyport_key_cache_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Look-ups of a key: hit, miss, or stale when the cache stood in for a store that was down.',
  },
  sallyport_inflight_requests: {
    type: 'gauge',
    labels: [],
    help: 'Requests on the data plane that are not finished.',
  },
  sallyport_overloaded: {
    type: 'gauge',
    labels: [],
    help: '1 while requests are turned away with 503 OVERLOADED, since too many are in flight or the event loop is late.',
  },
  sallyport_connections: {
    type: 'gauge',
    labels: [],
    help: 'Connections of callers on the data plane.',
  },
  sallyport_connections_closed_total: {
    type: 'counter',
    labels: ['why'],
    help: 'Connections closed to keep within a bound. New ones: peer (too many of one address), full (no place left). Others: idle or unfinished (made room for a new one), heads (too many bytes of unfinished heads), unread (the caller did not take its answer), pipelined (it sent more requests at once than may wait).',
  },
  sallyport_upstream_up: {
    type: 'gauge',
    labels: ['upstream', 'target'],
    help: 'Whether requests are sent to this target: 1 yes, 0 no.',
  },
  sallyport_store_up: {
    type: 'gauge',
    labels: [],
    help: 'Whether the store answers: 1 yes, 0 no.',
  },
  sallyport_redis_up: {
    type: 'gauge',
    labels: [],
    help: 'Whether Redis answers: 1 yes, 0 no. No value where none is configured.',
  },
  sallyport_limiter_degraded: {
    type: 'gauge',
    labels: [],
    help: '1 while Redis does not answer and limits are not shared with other nodes; redis_failure says what happens meanwhile.',
  },
  sallyport_limiter_uncounted_total: {
    type: 'counter',
    labels: [],
    help: 'Requests that passed uncounted because Redis did not answer and redis_failure is open.',
  },
  sallyport_request_log_queue: {
    type: 'gauge',
    labels: [],
    help: 'Rows of the request log that are not committed yet.',
  },
  sallyport_request_log_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Rows of the request log that were lost because the store could not keep up.',
  },
  sallyport_config_reloads_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Configurations read, at the start and at each reload: accepted or rejected.',
  },
  sallyport_webhook_deliveries_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Attempts to deliver a webhook: delivered, retried (to be tried again), failed (given up), or gone (the target answered 410).',
  },
  sallyport_admin_logins_total: {
    type: 'counter',
    labels: ['method', 'result'],
    help: 'Log-ins to the admin plane by password, link or oidc: succeeded, refused, or throttled after too many refused ones.',
  },
  sallyport_build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels say what is running.',
  },
  sallyport_shadow_denials_total: {
    type: 'counter',
    labels: ['route', 'code'],
    help: 'Requests that a route in shadow mode let through and would have refused.',
  },
  sallyport_keys_exposed_total: {
    type: 'counter',
    labels: ['live'],
    help: 'Keys that came in a URL; live says whether it was one in use.',
  },
  sallyport_worker_exits_total: {
    type: 'counter',
    labels: ['why'],
    help: 'Worker processes that have ended: stopped as they should, crashed, or silent and therefore ended.',
  },
  sallyport_trace_spans_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Spans for the collector of traces: exported, dropped since the queue was full, or failed since the collector has not taken them.',
  },
  sallyport_faults_total: {
    type: 'counter',
    labels: ['where'],
    help: 'Faults of the gateway itself, by the part that met them.',
  },
} as const satisfies Record<string, MetricDefinition>

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

type MetricName = keyof typeof definitions
/** The names of the metrics of one type. */
export type MetricNameOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: (typeof definitions)[Name]['type'] extends Type ? Name : never
}[MetricName]
