import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { metricsPage } from '../../docs/generate/metrics-page.ts'
import type { Log, LogFields } from '../../src/log.ts'
import { definitions } from '../../src/metrics/definitions.ts'
import { createEvents } from '../../src/metrics/events.ts'
import { createMetrics, type Metrics } from '../../src/metrics/registry.ts'
import { requestRow } from '../helpers/request-row.ts'

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

describe('the registry', () => {
  it('has every metric that the product promises, with exactly these labels', () => {
    const promised = {
      sallyport_requests_total: ['route', 'method', 'status', 'code'],
      sallyport_request_duration_seconds: ['route'],
      sallyport_upstream_duration_seconds: ['upstream'],
      sallyport_gateway_overhead_seconds: [],
      sallyport_auth_failures_total: ['reason'],
      sallyport_rate_limited_total: ['limit'],
      sallyport_key_cache_total: ['result'],
      sallyport_inflight_requests: [],
      sallyport_upstream_up: ['upstream', 'target'],
      sallyport_store_up: [],
      sallyport_redis_up: [],
      sallyport_limiter_degraded: [],
      sallyport_request_log_queue: [],
      sallyport_request_log_dropped_total: [],
      sallyport_config_reloads_total: ['result'],
      sallyport_webhook_deliveries_total: ['result'],
      sallyport_build_info: ['version', 'node'],
    }
    const listed = Object.fromEntries(
      createMetrics({ version: '0' })
        .list()
        .map(({ name, labels }) => [name, labels]),
    )
    expect(listed).toMatchObject(promised)
    expect(listed).toHaveProperty('process_cpu_seconds_total')
    expect(listed).toHaveProperty('nodejs_eventloop_lag_p99_seconds')
  })

  it('makes every metric that the table defines', async () => {
    const metrics = ownMetrics()
    expect(
      metrics
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(definitions).sort())
    const text = await metrics.text()
    for (const [name, { type }] of Object.entries(definitions)) expect(text).toContain(`# TYPE ${name} ${type}\n`)
  })

  it('counts a request once, and puts its times into the right buckets', async () => {
    const metrics = ownMetrics()
    metrics.request(requestRow({ durationMs: 30, upstreamMs: 20 }), 'api', 0.3)
    metrics.request(requestRow({ durationMs: 90_000, upstreamMs: null }), 'api', 0.3)
    expect(await samples(metrics, 'sallyport_requests_total')).toEqual({
      '{route="/api/v1/projects/*",method="GET",status="200",code="none"}': 2,
    })
    const durations = await samples(metrics, 'sallyport_request_duration_seconds_bucket')
    const bucket = (le: string) => durations[`{le="${le}",route="/api/v1/projects/*"}`]
    expect([bucket('0.025'), bucket('0.05'), bucket('60'), bucket('+Inf')]).toEqual([0, 1, 1, 2])
    expect(await samples(metrics, 'sallyport_request_duration_seconds_sum')).toEqual({
      '{route="/api/v1/projects/*"}': 90.03,
    })
    expect(await samples(metrics, 'sallyport_upstream_duration_seconds_count')).toEqual({ '{upstream="api"}': 1 })
    expect(await samples(metrics, 'sallyport_gateway_overhead_seconds_bucket')).toMatchObject({
      '{le="0.00025"}': 0,
      '{le="0.0005"}': 2,
    })
  })

  it('shows the same number however often it is scraped', async () => {
    const metrics = ownMetrics()
    metrics.rateLimited('key-minute')
    metrics.rateLimited('key-minute')
    await metrics.text()
    metrics.rateLimited('key-minute')
    await metrics.text()
    expect(await samples(metrics, 'sallyport_rate_limited_total')).toEqual({ '{limit="key-minute"}': 3 })
  })

  it('counts methods that nobody knows as OTHER, and what matched no route under none', async () => {
    const metrics = ownMetrics()
    for (const method of ['AAAA', 'BBBB', 'M-SEARCH']) {
      metrics.request(requestRow({ route: null, method, status: 401, code: 'INVALID_API_KEY' }), null, 0.1)
    }
    expect(await samples(metrics, 'sallyport_requests_total')).toEqual({
      '{route="none",method="OTHER",status="401",code="INVALID_API_KEY"}': 2,
      '{route="none",method="M-SEARCH",status="401",code="INVALID_API_KEY"}': 1,
    })
  })

  it('keeps to its bound of series, and loses no request beyond it', async () => {
    const metrics = createMetrics({ version: '0', nodeDefaults: false, seriesMax: 100 })
    for (let status = 100; status < 1000; status++) metrics.request(requestRow({ status }), 'api', 0.1)
    for (let round = 0; round < 3000; round++) {
      metrics.request(requestRow({ route: `/r${round}` }), `up${round}`, 0.1)
      metrics.shadowDenied(`/r${round}`, 'INSUFFICIENT_SCOPE')
      metrics.rateLimited(`limit${round}`)
      metrics.fault(`part${round}`)
      metrics.upstreamUp('api', `http://127.0.0.1:${round}`, true)
    }
    const counted = await samples(metrics, 'sallyport_requests_total')
    expect(Object.keys(counted).length).toBeLessThanOrEqual(100)
    expect(sum(counted)).toBe(3900)
    expect(counted['{route="OTHER",method="OTHER",status="5xx",code="OTHER"}']).toBe(100)
    for (const name of ['sallyport_shadow_denials_total', 'sallyport_rate_limited_total', 'sallyport_faults_total']) {
      const values = await samples(metrics, name)
      expect(Object.keys(values).length, name).toBeLessThanOrEqual(100)
      expect(sum(values), name).toBe(3000)
    }
    expect(Object.keys(await samples(metrics, 'sallyport_upstream_up')).length).toBe(100)
    const durations = await samples(metrics, 'sallyport_request_duration_seconds_count')
    expect(Object.keys(durations).length).toBeLessThanOrEqual(1001)
    expect(sum(durations)).toBe(3900)
    const text = await metrics.text()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const series = lines.map((line) => line.slice(0, line.lastIndexOf(' ')))
    expect(new Set(series).size, 'no series twice').toBe(series.length)
  })

  it('starts known series at 0, so that a rate sees the first count', async () => {
    const metrics = ownMetrics()
    expect(await samples(metrics, 'sallyport_auth_failures_total')).toEqual(
      Object.fromEntries(
        ['missing', 'malformed', 'unknown', 'revoked', 'expired', 'inactive_owner', 'limited'].map((reason) => [
          `{reason="${reason}"}`,
          0,
        ]),
      ),
    )
    expect(await samples(metrics, 'sallyport_request_log_dropped_total')).toEqual({ '': 0 })
  })

  it('says nothing of Redis where there is none, and what it knows where there is one', async () => {
    const metrics = ownMetrics()
    expect(await samples(metrics, 'sallyport_redis_up')).toEqual({})
    metrics.redisUp(false)
    expect(await samples(metrics, 'sallyport_redis_up')).toEqual({ '': 0 })
  })

  it('forgets the targets of upstreams that a reload has dropped', async () => {
    const metrics = ownMetrics()
    metrics.upstreamUp('api', 'http://a', true)
    metrics.upstreamUp('old', 'http://b', false)
    metrics.retainUpstreams((upstream) => upstream === 'api')
    expect(await samples(metrics, 'sallyport_upstream_up')).toEqual({ '{upstream="api",target="http://a"}': 1 })
  })

  it('leaves out times that are none, and takes those below zero for zero', async () => {
    const metrics = ownMetrics()
    metrics.request(requestRow({ durationMs: Number.NaN }), null, -0.01)
    expect(sum(await samples(metrics, 'sallyport_request_duration_seconds_count'))).toBe(0)
    expect(await samples(metrics, 'sallyport_gateway_overhead_seconds_sum')).toEqual({ '': 0 })
  })
})

describe('events', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('write a line per request only where that is asked for, and count it either way', async () => {
    for (const requestLines of [true, false]) {
      const { events, lines, metrics } = setUp({ requestLines })
      events.requestFinished(requestRow(), 'api', 1)
      expect(lines.map(({ message }) => message)).toEqual(requestLines ? ['request'] : [])
      expect(sum(await samples(metrics, 'sallyport_requests_total'))).toBe(1)
    }
  })

  it('count what a route in shadow mode would have refused', async () => {
    const { events, metrics } = setUp()
    events.requestFinished(requestRow({ shadowCode: 'INSUFFICIENT_SCOPE' }), 'api', 1)
    expect(await samples(metrics, 'sallyport_shadow_denials_total')).toEqual({
      '{route="/api/v1/projects/*",code="INSUFFICIENT_SCOPE"}': 1,
    })
  })

  it('leave failed authentication and limits out of the log at its usual level, and count them', async () => {
    const { events, lines, metrics } = setUp()
    for (let count = 0; count < 5; count++) {
      events.authFailed('unknown')
      events.rateLimited('key-minute')
      events.keyCache('hit')
      events.keyExposed(null)
    }
    expect(lines).toEqual([])
    expect(await samples(metrics, 'sallyport_auth_failures_total')).toMatchObject({ '{reason="unknown"}': 5 })
    expect(await samples(metrics, 'sallyport_rate_limited_total')).toEqual({ '{limit="key-minute"}': 5 })
    expect(await samples(metrics, 'sallyport_key_cache_total')).toMatchObject({ '{result="hit"}': 5 })
    expect(await samples(metrics, 'sallyport_keys_exposed_total')).toMatchObject({ '{live="false"}': 5 })
  })

  it('thin out repeated bad news in the log, and count all of it', async () => {
    const { events, lines, metrics } = setUp()
    for (let count = 0; count < 1000; count++) {
      events.requestLogDropped(2)
      events.fault('test', new Error(`number ${count}`))
    }
    expect(lines).toHaveLength(6)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(lines.slice(6)).toMatchObject([
      { level: 'error', fields: { rows: 2, rows_since_start: 2000, repeated: 997 } },
      { level: 'error', fields: { where: 'test', error: { message: 'number 999' }, repeated: 997 } },
    ])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(lines).toHaveLength(8)
    expect(await samples(metrics, 'sallyport_request_log_dropped_total')).toEqual({ '': 2000 })
    expect(await samples(metrics, 'sallyport_faults_total')).toEqual({ '{where="test"}': 1000 })
  })

  it('end with how things stand, however often the store went and came', async () => {
    const { events, lines, metrics } = setUp()
    events.storeUp(true)
    expect(lines).toEqual([])
    for (let count = 0; count < 50; count++) {
      events.storeUp(false, 'disk')
      events.storeUp(true)
    }
    await vi.advanceTimersByTimeAsync(10_000)
    expect(lines.at(0)).toMatchObject({ level: 'error', fields: { why: 'disk' } })
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'the store answers again' })
    expect(lines).toHaveLength(4)
    expect(await samples(metrics, 'sallyport_store_up')).toEqual({ '': 1 })
  })

  it('report a target when it changes, not each time it is seen', async () => {
    const { events, lines, metrics } = setUp()
    events.upstreamUp('api', 'http://a', true)
    events.upstreamUp('api', 'http://a', false, 'refused')
    events.upstreamUp('api', 'http://a', false, 'refused')
    events.upstreamUp('api', 'http://a', true)
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info'])
    expect(await samples(metrics, 'sallyport_upstream_up')).toEqual({ '{upstream="api",target="http://a"}': 1 })
  })
})

describe('what is written about metrics', () => {
  const known = new Set(
    createMetrics({ version: '0' })
      .list()
      .flatMap(({ name, type }) =>
        type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
  )
  /** Every word of an expression that looks like one of our metrics, or one of Node's. */
  const namesIn = (expression: string) => expression.match(/\b(sallyport|nodejs|process)_[a-z0-9_]+/g) ?? []

  it('docs/reference/metrics.md is what the table generates (npm run generate:reference)', () => {
    expect(file('docs/reference/metrics.md')).toBe(metricsPage(createMetrics({ version: '0' }).list()))
  })

  it('the dashboard asks for metrics that exist, in every panel', () => {
    const dashboard: { panels: { title: string; type: string; targets?: { expr: string }[] }[] } = JSON.parse(
      file('deploy/grafana/sallyport.json'),
    )
    const panels = dashboard.panels.filter(({ type }) => type !== 'row')
    expect(panels.length).toBeGreaterThan(10)
    for (const { title, targets = [] } of panels) {
      expect(targets.length, title).toBeGreaterThan(0)
      for (const { expr } of targets) {
        expect(namesIn(expr).length, `${title}: ${expr}`).toBeGreaterThan(0)
        expect(
          namesIn(expr).filter((name) => !known.has(name)),
          title,
        ).toEqual([])
      }
    }
  })

  it('the alert rules ask for metrics that exist, and each says what to do', () => {
    const rules: { groups: { rules: AlertRule[] }[] } = parse(file('deploy/prometheus/alerts.yaml'))
    const alerts = rules.groups.flatMap((group) => group.rules)
    expect(alerts.length).toBeGreaterThan(8)
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
    for (const { alert, expr, labels, annotations } of alerts) {
      expect(namesIn(expr).length, alert).toBeGreaterThan(0)
      expect(
        namesIn(expr).filter((name) => !known.has(name)),
        alert,
      ).toEqual([])
      expect(['page', 'ticket'], alert).toContain(labels.severity)
      expect(annotations.summary, alert).toMatch(/\S/)
      expect(annotations.description, alert).toMatch(/\S/)
    }
  })

  it('both ask for labels that the metrics have', () => {
    const dashboard: { panels: { targets?: { expr: string }[] }[] } = JSON.parse(file('deploy/grafana/sallyport.json'))
    const rules: { groups: { rules: AlertRule[] }[] } = parse(file('deploy/prometheus/alerts.yaml'))
    const expressions = [
      ...dashboard.panels.flatMap(({ targets = [] }) => targets),
      ...rules.groups.flatMap((group) => group.rules),
    ].map(({ expr }) => expr)
    expect(expressions.length).toBeGreaterThan(40)
    expect(expressions.flatMap(unknownLabels)).toEqual([])
    expect(
      unknownLabels('sum by (instance, path) (rate(sallyport_requests_total{stauts=~"5..", code!="a"}[5m]))'),
    ).toEqual(['stauts', 'path'])
  })

  it('the names are checked in earnest: one that does not exist is found', () => {
    expect(
      namesIn('rate(sallyport_request_total[5m]) / sallyport_store_up').filter((name) => !known.has(name)),
    ).toEqual(['sallyport_request_total'])
  })
})

/** Labels that an expression selects by, and that the metric does not have; or groups by, and that none in it has. */
function unknownLabels(expression: string): string[] {
  const infos = new Map(
    createMetrics({ version: '0' })
      .list()
      .map((info) => [info.name, info.labels]),
  )
  // Of the scrape, and of histograms.
  const labelsOf = (name: string) => [
    ...['instance', 'job', 'le'],
    ...(infos.get(name) ?? infos.get(name.replace(/_(bucket|sum|count)$/, '')) ?? []),
  ]
  const names = expression.match(/\b(?:sallyport|nodejs|process)_[a-z0-9_]+/g) ?? []
  const selected = [...expression.matchAll(/\b([a-z][a-z0-9_]+)\{([^}]*)\}/g)].flatMap(([, name = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].flatMap(([, label = '']) =>
      labelsOf(name).includes(label) ? [] : [label],
    ),
  )
  const grouped = [...expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)]
    .flatMap(([, list = '']) => list.split(','))
    .map((label) => label.trim())
  return [...selected, ...grouped.filter((label) => !names.some((name) => labelsOf(name).includes(label)))]
}

interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const ownMetrics = () => createMetrics({ version: '0', nodeDefaults: false })

/** The lines of one metric: labels as written → value. */
async function samples(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(name))
  const parsed = lines.map((line) => /^([a-z_]+)(\{.*\})? (\S+)$/.exec(line) ?? [])
  return Object.fromEntries(
    parsed.filter(([, found]) => found === name).map(([, , labels = '', value]) => [labels, Number(value)]),
  )
}

const sum = (values: Record<string, number>) => Object.values(values).reduce((total, value) => total + value, 0)

function setUp({ requestLines = false } = {}) {
  const metrics = ownMetrics()
  const lines: { level: string; fields: LogFields; message: string }[] = []
  const write = (level: string) => (fields: LogFields, message: string) => void lines.push({ level, fields, message })
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    enabled: (level) => level !== 'debug',
    flush: () => {},
  }
  return { metrics, lines, events: createEvents({ log, metrics, requestLines }) }
}
