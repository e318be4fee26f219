import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Collector, type ReceivedSpan, startCollector } from '../helpers/collector.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { createSecretHunt } from '../helpers/secret-hunt.ts'

const parentId = '00f067aa0ba902b7'
const collectorSecret = 'Bearer collector-secret-of-some-length'

let upstream: RawUpstream
let collector: Collector
let gateway: Gateway
let key: TestKey
let lines: Record<string, unknown>[] = []
let traces = 0

const config = (top = '') => `
${top}
log: { level: info, requests: true }
scopes: { items:write: Write }
upstreams:
  api: { targets: ['${upstream.url}'], response_timeout: 300ms }
  dead: { targets: ['http://127.0.0.1:1'] }
routes:
  - { path: /api/*, upstream: api }
  - { path: /dead, upstream: dead }
  - { path: /write, scopes: ['items:write'], upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /stripped/*, upstream: api, strip_prefix: /stripped }
`

/** The environment of a gateway that exports at once. */
const exporting = (more: Record<string, string> = {}) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(collectorSecret)}`,
  OTEL_BSP_SCHEDULE_DELAY: '20',
  ...more,
})

const start = (more: Record<string, string> = {}, top = '') =>
  startGateway(config(top), {
    env: exporting(more),
    logTo: { write: (line) => void lines.push(JSON.parse(line)) },
  })

beforeAll(async () => {
  upstream = await startRawUpstream()
  collector = await startCollector()
  gateway = await start()
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(plainResponse())
  lines = []
})

const newTraceId = (): string => (++traces).toString(16).padStart(32, 'a')
const contextOf = (traceId: string, flags = '01') => ({ traceparent: `00-${traceId}-${parentId}-${flags}` })

/** Server's span first. */
const inOrder = (spans: ReceivedSpan[]): ReceivedSpan[] => spans.toSorted((one, other) => one.kind - other.kind)

/** The id of the trace that the API was told of last. */
const told = (): { traceId: string; spanId: string; flags: string } => {
  const [, traceId = '', spanId = '', flags = ''] = upstream.last().header('traceparent')?.split('-') ?? []
  return { traceId, spanId, flags }
}

describe('a request that is recorded', () => {
  it('is a span of the gateway below the caller’s, and one of the upstream’s part below that', async () => {
    const traceId = newTraceId()
    const answer = await gateway.request('GET', '/api/items/%41?secret=1', {
      key,
      headers: { ...contextOf(traceId), tracestate: 'a=1', 'X-Request-Id': 'mine', 'User-Agent': 'curl/8' },
    })
    expect(answer.status).toBe(200)
    const [server, client] = inOrder(await collector.trace(traceId, 2))
    expect(server).toMatchObject({ name: 'GET /api/*', kind: 2, status: 0, parentSpanId: parentId })
    expect(server?.attributes).toEqual({
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/api/items/A',
      'http.route': '/api/*',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(gateway.dataUrl).port),
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'user_agent.original': 'curl/8',
      'sallyport.request_id': 'mine',
      'sallyport.organization_id': gateway.organization.id,
      'sallyport.key_id': key.record.id,
    })
    expect(client).toMatchObject({ name: 'GET', kind: 3, status: 0, parentSpanId: server?.spanId })
    expect(client?.attributes).toEqual({
      'http.request.method': 'GET',
      'url.full': `${upstream.url}/api/items/A`,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(upstream.url).port),
      'http.response.status_code': 200,
      'sallyport.upstream': 'api',
    })
    expect(told()).toEqual({ traceId, spanId: client?.spanId, flags: '01' })
    expect(upstream.last().header('tracestate')).toBe('a=1')
    expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({ trace_id: traceId, span_id: server?.spanId })
  })

  it('has times that hold one another, and are those of the request log', async () => {
    const traceId = newTraceId()
    await gateway.request('GET', '/api/x', { key, headers: { ...contextOf(traceId), 'X-Request-Id': 'timed' } })
    const [server, client] = inOrder(await collector.trace(traceId, 2))
    const row = (await gateway.requestLog()).find(({ requestId }) => requestId === 'timed')
    if (server === undefined || client === undefined || row === undefined) throw new Error('there must be all three')
    expect(server.startNs).toBe(BigInt(row.at) * 1_000_000n)
    expect(Number(server.endNs - server.startNs) / 1e6).toBeCloseTo(row.durationMs, 1)
    expect(client.startNs).toBeGreaterThanOrEqual(server.startNs)
    expect(client.endNs).toBeLessThanOrEqual(server.endNs)
    expect(client.endNs).toBeGreaterThan(client.startNs)
  })

  it('begins a trace where the caller has none, or none that is valid', async () => {
    for (const headers of [{}, { traceparent: `00-${newTraceId().toUpperCase()}-${parentId}-01`, tracestate: 'a=1' }]) {
      await gateway.request('GET', '/api/x', { key, headers })
      const { traceId, spanId, flags } = told()
      const [server, client] = inOrder(await collector.trace(traceId, 2))
      expect(server?.parentSpanId).toBe('')
      expect([client?.spanId, flags]).toEqual([spanId, '01'])
      expect(upstream.last().header('tracestate')).toBeUndefined()
    }
  })

  it('says of its process what it is', async () => {
    await gateway.request('GET', '/api/x', { key })
    const [span] = await collector.trace(told().traceId, 2)
    expect(span?.resource).toMatchObject({
      'service.name': 'sallyport',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'telemetry.sdk.language': 'nodejs',
      'process.pid': process.pid,
    })
    const { path, headers } = collector.requests.at(-1) ?? {}
    expect(path).toBe('/v1/traces')
    expect(headers).toMatchObject({ authorization: collectorSecret, 'content-type': 'application/x-protobuf' })
  })

  it('tells what went upstream, not what came: a stripped prefix, and the random flag', async () => {
    const traceId = newTraceId()
    await gateway.request('GET', '/stripped/a/b?x=y', { key, headers: contextOf(traceId, '03') })
    const [server, client] = inOrder(await collector.trace(traceId, 2))
    expect(server?.attributes['url.path']).toBe('/stripped/a/b')
    expect(client?.attributes['url.full']).toBe(`${upstream.url}/a/b`)
    expect(told().flags).toBe('03')
  })
})

describe('what went wrong is told', () => {
  const spansOf = async (method: string, path: string, count: number, sent = true): Promise<ReceivedSpan[]> => {
    const traceId = newTraceId()
    await gateway.request(method, path, { headers: contextOf(traceId), ...(sent && { key }) })
    const spans = await collector.trace(traceId, count)
    expect(spans).toHaveLength(count)
    return inOrder(spans)
  }

  it('a refusal: our code, and no failure of the server', async () => {
    const [unknown] = await spansOf('GET', '/api/x', 1, false)
    expect(unknown).toMatchObject({
      name: 'GET /api/*',
      status: 0,
      attributes: { 'http.response.status_code': 401, 'error.type': 'INVALID_API_KEY' },
    })
    expect(unknown?.attributes).not.toHaveProperty('sallyport.key_id')
    const narrow = await gateway.createKey({ scopes: [] })
    const traceId = newTraceId()
    await gateway.request('POST', '/write', { key: narrow, headers: contextOf(traceId) })
    const [refused] = await collector.trace(traceId, 1)
    expect(refused).toMatchObject({
      name: 'POST /write',
      attributes: { 'error.type': 'INSUFFICIENT_SCOPE', 'sallyport.key_id': narrow.record.id },
    })
  })

  it('an unreadable target, a method that is not of HTTP, and what is no request at all', async () => {
    const [target] = await spansOf('GET', '/api/../x', 1)
    expect(target?.attributes).toMatchObject({ 'error.type': 'BAD_REQUEST_TARGET', 'http.response.status_code': 400 })
    const [server, client] = await spansOf('PROPFIND', '/api/x', 2)
    expect([server?.name, client?.name]).toEqual(['HTTP /api/*', 'HTTP'])
    expect(server?.attributes['http.request.method']).toBe('_OTHER')
    const before = collector.spans.length
    expect((await gateway.request('BREW', '/api/x', { key })).status).toBe(400)
    const [unread] = await eventually(
      'its span',
      () => collector.spans.length > before && collector.spans.slice(before),
    )
    expect(unread).toMatchObject({
      ...{ name: 'HTTP', parentSpanId: '' },
      attributes: { 'error.type': 'BAD_REQUEST', 'url.path': '/api/x' },
    })
  })

  it.each(['a:99999999999999999999', 'a:0', 'a:65536', 'a b', 'a%41', ''])(
    'a Host that is refused is not where the server is: %j',
    async (host) => {
      const traceId = newTraceId()
      const answer = await gateway.request('GET', '/api/x', { key, host, headers: contextOf(traceId) })
      expect(answer.status).toBe(400)
      const [span] = await collector.trace(traceId, 1)
      expect(span?.attributes).toMatchObject({ 'error.type': 'BAD_REQUEST' })
      expect(span?.attributes).not.toHaveProperty('server.address')
      expect(span?.attributes).not.toHaveProperty('server.port')
    },
  )

  it('two of them are not either, and capitals in a good one stay', async () => {
    const twice = newTraceId()
    const headers = [['Host', 'b'], ...Object.entries(contextOf(twice))] as [string, string][]
    expect((await gateway.request('GET', '/api/x', { key, host: 'a', headers })).status).toBe(400)
    const [refused] = await collector.trace(twice, 1)
    expect(refused?.attributes).not.toHaveProperty('server.address')
    const traceId = newTraceId()
    await gateway.request('GET', '/api/x', { key, host: 'Api.Example:8443', headers: contextOf(traceId) })
    const [server] = inOrder(await collector.trace(traceId, 2))
    expect(server?.attributes).toMatchObject({ 'server.address': 'Api.Example', 'server.port': 8443 })
  })

  it('an upstream that can’t be reached, that is silent, and that fails', async () => {
    const [dead, deadClient] = await spansOf('GET', '/dead', 2)
    const unavailable = { status: 2, attributes: { 'error.type': 'UPSTREAM_UNAVAILABLE' } }
    expect(dead).toMatchObject(unavailable)
    expect(deadClient).toMatchObject(unavailable)
    expect(deadClient?.attributes).not.toHaveProperty('http.response.status_code')
    upstream.respond(() => {})
    const [late, lateClient] = await spansOf('GET', '/api/x', 2)
    expect([late?.status, late?.attributes['error.type']]).toEqual([2, 'UPSTREAM_TIMEOUT'])
    expect([lateClient?.status, lateClient?.attributes['error.type']]).toEqual([2, 'UPSTREAM_TIMEOUT'])
    upstream.respond('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
    const [failed, failedClient] = await spansOf('GET', '/api/x', 2)
    expect([failed?.status, failed?.attributes['error.type']]).toEqual([2, '500'])
    expect([failedClient?.status, failedClient?.attributes['error.type']]).toEqual([2, '500'])
    upstream.respond('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n')
    const [missing, missingClient] = await spansOf('GET', '/api/x', 2)
    expect([missing?.status, missing?.attributes['error.type']]).toEqual([0, undefined])
    expect([missingClient?.status, missingClient?.attributes['error.type']]).toEqual([2, '404'])
  })

  it('an answer that broke off, and a caller who left', async () => {
    let breakOff = (): void => {}
    upstream.respond((exchange) => {
      exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      breakOff = () => exchange.reset()
    })
    const broken = newTraceId()
    using client = await connectRaw(gateway.dataUrl)
    await client.send(gateway.compose('GET', '/api/x', { key, headers: contextOf(broken) }))
    // A reset may take along what was not read yet.
    await client.until('half')
    breakOff()
    const [server, part] = inOrder(await collector.trace(broken, 2))
    expect(server).toMatchObject({
      status: 2,
      attributes: { 'http.response.status_code': 200, 'error.type': 'UPSTREAM_UNAVAILABLE' },
    })
    expect(part?.attributes).toMatchObject({ 'http.response.status_code': 200, 'error.type': 'UPSTREAM_UNAVAILABLE' })

    upstream.respond(() => {})
    const arrived = upstream.requests.length
    const left = newTraceId()
    const leaver = await connectRaw(gateway.dataUrl)
    await leaver.send(gateway.compose('GET', '/api/x', { key, headers: contextOf(left) }))
    await eventually('the request at the upstream', () => upstream.requests.length > arrived)
    leaver.reset()
    const [gone] = inOrder(await collector.trace(left, 2))
    expect(gone).toMatchObject({ status: 0, attributes: { 'error.type': 'aborted' } })
    expect(gone?.attributes).not.toHaveProperty('http.response.status_code')
  })
})

describe('who decides that a request is recorded', () => {
  it('a caller from outside can keep itself out of the record, but not bring itself in', async () => {
    await using rare = await start({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' })
    const own = await rare.createKey()
    const asked = newTraceId()
    await rare.request('GET', '/api/x', { key: own, headers: { ...contextOf(asked), tracestate: 'a=1' } })
    // In the same trace, but neither recorded here nor to be there.
    expect(told()).toMatchObject({ traceId: asked, flags: '00' })
    expect(upstream.last().header('tracestate')).toBe('a=1')
    const declined = newTraceId()
    await gateway.request('GET', '/api/x', { key, headers: contextOf(declined, '00') })
    expect(told()).toMatchObject({ traceId: declined, flags: '00' })
    const after = newTraceId()
    await gateway.request('GET', '/api/x', { key, headers: contextOf(after) })
    await collector.trace(after, 2)
    expect(collector.spans.filter(({ traceId }) => traceId === asked || traceId === declined)).toEqual([])
  })

  it.each([
    ['a peer in trust_proxy', 'trust_proxy: [127.0.0.1/32]'],
    ['everybody, where the file says so', 'tracing: { accept: always }'],
  ])('%s is recorded when it asks', async (_, top) => {
    await using rare = await start(
      { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
      top,
    )
    const own = await rare.createKey()
    const asked = newTraceId()
    await rare.request('GET', '/api/x', { key: own, headers: contextOf(asked) })
    expect(await collector.trace(asked, 2)).toHaveLength(2)
    expect(told()).toMatchObject({ traceId: asked, flags: '01' })
  })

  it('whoever knows how the ratio is taken from the trace id gains nothing by choosing one', async () => {
    await using half = await start({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' })
    const own = await half.createKey()
    // The SDK adds the four words up: this id is below every ratio.
    const chosen = '00000001000000010000000100000001'
    const flags: string[] = []
    for (let sent = 0; sent < 60; sent++) {
      await half.request('GET', '/api/x', { key: own, headers: contextOf(chosen) })
      flags.push(told().flags)
    }
    // All alike by chance: once in 10^18.
    expect(new Set(flags)).toEqual(new Set(['00', '01']))
    const recorded = 2 * flags.filter((flag) => flag === '01').length
    expect(await collector.trace(chosen, recorded)).toHaveLength(recorded)
  })

  it('tracing.accept: never begins a trace of its own', async () => {
    await using closed = await start({}, 'tracing: { accept: never }')
    const own = await closed.createKey()
    const sent = newTraceId()
    await closed.request('GET', '/api/x', { key: own, headers: { ...contextOf(sent), tracestate: 'a=1' } })
    const { traceId } = told()
    expect(traceId).not.toBe(sent)
    expect(upstream.last().header('tracestate')).toBeUndefined()
    expect((await collector.trace(traceId, 2)).map(({ parentSpanId }) => parentSpanId)).toContain('')
  })
})

describe('how it is sent', () => {
  it('as JSON, packed, with a name and attributes of the environment’s', async () => {
    await using other = await start({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SERVICE_NAME: 'edge',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.instance.id=one',
    })
    const own = await other.createKey()
    const traceId = newTraceId()
    await other.request('GET', '/api/x', { key: own, headers: contextOf(traceId) })
    const [server, client] = inOrder(await collector.trace(traceId, 2))
    expect(server).toMatchObject({ name: 'GET /api/*', parentSpanId: parentId })
    expect(server?.attributes['http.response.status_code']).toBe(200)
    expect(client?.parentSpanId).toBe(server?.spanId)
    expect(server?.resource).toMatchObject({
      'service.name': 'edge',
      'deployment.environment.name': 'test',
      'service.instance.id': 'one',
    })
    expect(collector.requests.at(-1)?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    })
  })

  it('and counted: what was exported is in the metrics, and one line of the log says where to', async () => {
    await using other = await start()
    const own = await other.createKey()
    expect(lines.filter(({ msg }) => msg === 'traces are exported')).toEqual([
      expect.objectContaining({ endpoint: collector.url, protocol: 'http/protobuf' }),
    ])
    await other.request('GET', '/api/x', { key: own })
    await collector.trace(told().traceId, 2)
    await eventually('the count', async () =>
      (await other.metrics()).includes('sallyport_trace_spans_total{result="exported"} 2'),
    )
  })

  it('what stops it is told, and the gateway runs without', async () => {
    await using other = await start({ OTEL_EXPORTER_OTLP_CERTIFICATE: '/does/not/exist.pem' })
    const own = await other.createKey()
    expect((await other.request('GET', '/api/x', { key: own })).status).toBe(200)
    expect(upstream.last().header('traceparent')).toBeUndefined()
    expect(lines.find(({ msg }) => msg === 'fault')).toMatchObject({
      where: 'tracing',
      error: { message: expect.stringContaining('/does/not/exist.pem') },
    })
  })
})

it('no secret and nothing of a query is in a span or in a line about it, wherever a caller puts it', async () => {
  const hunt = createSecretHunt()
  const raw = key.raw
  hunt.add('a key', raw, { first: 12, last: 4 })
  hunt.add('what the collector asks for', collectorSecret)
  const before = collector.received().length
  const traceId = newTraceId()
  const places: [target: string, headers: Record<string, string>, host?: string][] = [
    ['/api/x?q=Query-Of-The-Caller-1', { Authorization: `Bearer ${raw}` }],
    [`/api/${raw}`, {}],
    [`/api/x?access_token=${raw}`, {}],
    ['/api/x', { 'User-Agent': `curl ${raw}`, Referer: `https://x/?${raw}`, Cookie: `s=${raw}` }],
    ['/api/x', { tracestate: `a=${raw},b=Query-Of-The-Caller-1` }],
    ['/api/x', { traceparent: `00-${raw}-${parentId}-01` }],
    ['/api/x', { 'X-Request-Id': raw, 'X-Forwarded-For': raw, 'X-Forwarded-Host': raw }],
    ['/api/x', { Baggage: `k=${raw}` }],
    [`/api/${raw}`, {}, `${raw}.example`],
    ['/open/x', {}, `${raw}.example`],
    ['/stripped/a/b?q=Query-Of-The-Caller-1', {}],
    ['/open/x', { Authorization: `Basic ${raw}` }],
  ]
  hunt.add('a query', 'Query-Of-The-Caller-1')
  for (const [target, headers, host] of places) {
    for (const auth of [{}, { Authorization: `Bearer ${raw}` }]) {
      const all = { ...contextOf(traceId), ...auth, ...headers }
      await gateway.request('GET', target, { headers: all, ...(host !== undefined && { host }) })
    }
  }
  const last = newTraceId()
  await gateway.request('GET', '/api/last', { key, headers: contextOf(last) })
  await collector.trace(last, 2)
  hunt.place('spans', collector.received().subarray(before))
  hunt.place('the log', lines.map((line) => JSON.stringify(line)).join('\n'))
  expect(hunt.holds('spans', '/api/last')).toBe(true)
  expect(hunt.holds('spans', '[secret]')).toBe(true)
  expect(hunt.findings()).toEqual([])
})
