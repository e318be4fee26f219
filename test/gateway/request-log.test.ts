import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RequestRow } from '../../src/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, type RequestOptions, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream, type UpstreamExchange } from '../helpers/raw-upstream.ts'
import { breakStore } from '../helpers/store-outage.ts'

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
let suspended: TestKey

const config = (more = '') => `
upstreams: { api: { targets: ['${upstream.url}'], response_timeout: 200ms, idle_timeout: 300ms } }
scopes: { items:read: Read }
limits: { one: { by: key, requests: 1, per: 1h } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /api/items/:id, upstream: api, methods: [GET] }
  - { path: /scoped/*, upstream: api, scopes: [items:read] }
  - { path: /limited, upstream: api, limits: [one] }
  - { path: /denied/*, deny: true }
  - { path: /open/*, upstream: api, public: true }
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config())
  key = await gateway.createKey({ scopes: [] })
  const organization = await gateway.createOrg({ name: 'Suspended' })
  suspended = await gateway.createKey({ organizationId: organization.id })
  await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testActor)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

type Expected = Partial<RequestRow>
const decisions: [
  what: string,
  method: string,
  target: string,
  options: () => RequestOptions,
  expected: () => Expected,
][] = [
  [
    'a forwarded request',
    'POST',
    '/api/a%20b?secret=1',
    () => ({ key, body: 'four', headers: { 'User-Agent': 'tester/1' } }),
    () => ({
      path: '/api/a%20b',
      route: '/api/*',
      status: 200,
      code: null,
      keyId: key.record.id,
      bytesIn: 4,
      bytesOut: 2,
      userAgent: 'tester/1',
    }),
  ],
  [
    'a canonical path',
    'GET',
    '/api/items/%41',
    () => ({ key }),
    () => ({ path: '/api/items/A', route: '/api/items/:id', status: 200 }),
  ],
  [
    'a public route',
    'GET',
    '/open/x',
    () => ({}),
    () => ({ route: '/open/*', status: 200, keyId: null, organizationId: null }),
  ],
  [
    'the endpoint of the caller',
    'GET',
    '/api/v1/me',
    () => ({ key }),
    () => ({ path: '/api/v1/me', status: 200, code: null, upstreamMs: null }),
  ],
  [
    'a missing key',
    'GET',
    '/api/x',
    () => ({}),
    () => ({ status: 401, code: 'INVALID_API_KEY', keyId: null, organizationId: null, upstreamMs: null }),
  ],
  [
    'an unknown key',
    'GET',
    '/api/x',
    () => ({ key: gateway.unknownKey() }),
    () => ({ status: 401, code: 'INVALID_API_KEY', keyId: null }),
  ],
  ['a bad target', 'GET', '/api/../x', () => ({ key }), () => ({ status: 400, code: 'BAD_REQUEST_TARGET' })],
  [
    'a key in the query',
    'GET',
    '/api/x?api_key=1',
    () => ({ key }),
    () => ({ path: '/api/x', status: 400, code: 'QUERY_TOKEN_REJECTED' }),
  ],
  [
    'a suspended organization',
    'GET',
    '/api/x',
    () => ({ key: suspended }),
    () => ({
      status: 403,
      code: 'ORGANIZATION_SUSPENDED',
      keyId: suspended.record.id,
      organizationId: suspended.record.organizationId,
    }),
  ],
  [
    'a missing scope',
    'GET',
    '/scoped/x',
    () => ({ key }),
    () => ({ route: '/scoped/*', status: 403, code: 'INSUFFICIENT_SCOPE', keyId: key.record.id }),
  ],
  [
    'a denied route',
    'GET',
    '/denied/x',
    () => ({ key }),
    () => ({ route: '/denied/*', status: 403, code: 'ROUTE_DENIED' }),
  ],
  [
    'no route',
    'GET',
    '/nowhere',
    () => ({ key }),
    () => ({
      path: '/nowhere',
      route: null,
      status: 404,
      code: 'NOT_FOUND',
      organizationId: key.record.organizationId,
    }),
  ],
  [
    'another method',
    'DELETE',
    '/api/items/1',
    () => ({ key }),
    () => ({ method: 'DELETE', status: 405, code: 'METHOD_NOT_ALLOWED' }),
  ],
  ['the request that fits the limit', 'GET', '/limited', () => ({ key }), () => ({ status: 200, code: null })],
  [
    'the one that does not',
    'GET',
    '/limited',
    () => ({ key }),
    () => ({ status: 429, code: 'RATE_LIMITED', upstreamMs: null }),
  ],
  ['an error of the upstream', 'GET', '/api/teapot', () => ({ key }), () => ({ status: 418, code: null })],
  ['a slow upstream', 'GET', '/api/silent', () => ({ key }), () => ({ status: 504, code: 'UPSTREAM_TIMEOUT' })],
  [
    'a broken upstream',
    'GET',
    '/api/garbage',
    () => ({ key }),
    () => ({ status: 502, code: 'UPSTREAM_PROTOCOL_ERROR' }),
  ],
]

describe('every decision is one row', () => {
  const rows = new Map<string, RequestRow[]>()
  const since = Date.now()

  beforeAll(async () => {
    upstream.respond(async ({ request, body, send }) => {
      await body()
      if (request.target === '/api/garbage') send('garbage\r\n\r\n')
      else if (request.target === '/api/teapot') send('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n')
      else if (request.target !== '/api/silent') send(plainResponse())
    })
    for (const [index, [, method, target, options]] of decisions.entries()) {
      const { headers, ...rest } = options()
      await gateway.request(method, target, {
        ...rest,
        headers: { ...(headers ?? {}), 'X-Request-Id': `row-${index}` },
      })
    }
    for (const row of await gateway.requestLog()) {
      rows.set(row.requestId, [...(rows.get(row.requestId) ?? []), row])
    }
    upstream.respond(plainResponse())
  })

  it.each(decisions.map(([what, method, , , expected], index) => ({ what, method, expected, index })))(
    '$what',
    ({ index, method, expected }) => {
      const found = rows.get(`row-${index}`) ?? []
      expect(found).toHaveLength(1)
      expect(found[0]).toMatchObject({ method, ip: '127.0.0.1', shadowCode: null, ...expected() })
      expect(found[0]?.id).toMatch(uuidV7)
      expect(found[0]?.at).toBeGreaterThanOrEqual(since)
      expect(found[0]?.durationMs).toBeGreaterThanOrEqual(0)
    },
  )

  it('with the time that the upstream took where there was one', () => {
    const [forwarded] = rows.get('row-0') ?? []
    expect(forwarded?.upstreamMs).toBeGreaterThanOrEqual(0)
    expect(forwarded?.upstreamMs).toBeLessThanOrEqual(forwarded?.durationMs ?? -1)
  })

  it('of its own organization', async () => {
    const { rows: own } = await gateway.store.listRequests({ organizationId: gateway.organization.id })
    expect(own.length).toBeGreaterThan(0)
    expect(own.every(({ organizationId }) => organizationId === gateway.organization.id)).toBe(true)
    const { rows: nobodys } = await gateway.store.listRequests({ organizationId: null })
    expect(nobodys.map(({ requestId }) => requestId)).toContain('row-4')
  })
})

it('a message that is refused for its framing is in the log too', async () => {
  const before = (await gateway.requestLog()).filter(({ code }) => code === 'BAD_REQUEST').length
  using client = await gateway.connect()
  await client.send('GET /api/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
  expect((await client.response()).status).toBe(400)
  const rows = (await gateway.requestLog()).filter(({ code }) => code === 'BAD_REQUEST')
  expect(rows).toHaveLength(before + 1)
})

it('a request whose caller left is in the log, without an answer', async () => {
  upstream.respond(() => {})
  using leaving = await gateway.connect()
  upstream.forget()
  await leaving.send(gateway.compose('GET', '/api/left', { key, headers: { 'X-Request-Id': 'left' } }))
  await eventually('the request to arrive', () => upstream.requests.length === 1)
  leaving.reset()
  expect(await rowOf('left')).toMatchObject({ status: 0, code: null })
})

describe('a request whose answer had begun', () => {
  const half = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'
  const closing = half.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  const thenEnd =
    (bytes: string) =>
    ({ send, end }: UpstreamExchange): void => {
      send(bytes)
      end()
    }
  const thenReset = ({ send, reset }: UpstreamExchange): void => {
    send(half)
    setImmediate(reset)
  }
  const breaks: [id: string, code: string, script: (exchange: UpstreamExchange) => void][] = [
    ['ended', 'UPSTREAM_UNAVAILABLE', thenEnd(half)],
    ['reset', 'UPSTREAM_UNAVAILABLE', thenReset],
    ['closed-as-it-said', 'UPSTREAM_UNAVAILABLE', thenEnd(closing)],
    ['ended-in-chunks', 'UPSTREAM_UNAVAILABLE', thenEnd(chunked)],
    ['went-on-without-a-chunk', 'UPSTREAM_PROTOCOL_ERROR', ({ send }) => send(`${chunked}no chunk\r\n`)],
    ['left-in-silence', 'UPSTREAM_TIMEOUT', ({ send }) => send(half)],
  ]

  it.each(breaks)('and that the upstream %s is in the log and the metrics with %s', async (id, code, script) => {
    upstream.respond(script)
    await cutOff(id)
    expect(await rowOf(id)).toMatchObject({ status: 200, code })
    expect(await gateway.metrics()).toMatch(
      new RegExp(`^sallyport_requests_total\\{route="/api/\\*",method="GET",status="200",code="${code}"\\} [1-9]`, 'm'),
    )
  })

  it('is in the log with what ended its key', async () => {
    const own = await gateway.createKey({ scopes: [] })
    upstream.respond(({ send }) => send(half))
    const cut = cutOff('revoked', own)
    await eventually('the request to arrive', () => upstream.last().target === '/api/revoked')
    await gateway.store.revokeKey(own.record.organizationId, own.record.id, null, testActor)
    await cut
    expect(await rowOf('revoked')).toMatchObject({ status: 200, code: 'INVALID_API_KEY' })
  })

  it('is in the log without a code where the caller left', async () => {
    upstream.respond(({ send }) => send(half))
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/api/enough', { key, headers: { 'X-Request-Id': 'enough' } }))
    await client.until('half')
    client.reset()
    expect(await rowOf('enough')).toMatchObject({ status: 200, code: null })
  })

  const cutOff = async (id: string, by = key): Promise<void> => {
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', `/api/${id}`, { key: by, headers: { 'X-Request-Id': id } }))
    await client.closed()
  }
})

const rowOf = async (id: string): Promise<RequestRow> => {
  try {
    return await eventually(`the row of ${id}`, async () => {
      return (await gateway.requestLog()).find(({ requestId }) => requestId === id)
    })
  } finally {
    upstream.respond(plainResponse())
  }
}

it('no column of any row, and no page of the database, holds a query or a secret', async () => {
  const marked = { 'User-Agent': `x ${key.raw}`, Referer: key.raw, Cookie: `a=${key.raw}`, 'X-Request-Id': key.raw }
  await gateway.request('GET', '/api/x?marker-in-query=1', { key, headers: marked })
  await gateway.request('GET', `/api/x?q=${key.raw}`, { key })
  await gateway.request('GET', `/api/${key.raw}`, { key })
  await gateway.request('POST', '/api/x', { key, body: 'marker-in-body', headers: { 'X-Custom': 'marker-in-header' } })
  const text = JSON.stringify(await gateway.requestLog())
  const pages = await Promise.all([
    readFile(gateway.storeFile, 'latin1'),
    readFile(`${gateway.storeFile}-wal`, 'latin1').catch(() => ''),
  ])
  for (const held of [text, ...pages]) {
    for (const marker of ['marker-in', key.raw.slice(12)]) expect(held.includes(marker)).toBe(false)
  }
})

describe('with audit.durability: strict', () => {
  it('the row with the decision is in the store before the upstream hears of the request', async () => {
    await using strict = await startGateway(config('audit: { durability: strict }'))
    const strictKey = await strict.createKey()
    const outside = await strict.openSecondStore()
    const found: number[] = []
    upstream.respond(async ({ request, body, send }) => {
      const { rows } = await outside.listRequests()
      found.push(rows.filter(({ requestId }) => requestId === request.header('x-request-id')).length)
      await body()
      send(plainResponse())
    })
    for (let i = 0; i < 5; i += 1) {
      const headers = { 'X-Request-Id': `strict-${i}` }
      expect((await strict.request('GET', '/api/x', { key: strictKey, headers })).status).toBe(200)
    }
    expect(found).toEqual([1, 1, 1, 1, 1])
    const rows = await eventually('status and times to follow', async () => {
      const all = await strict.requestLog()
      return all.every(({ status }) => status !== 0) && all
    })
    expect(rows.filter(({ requestId }) => requestId.startsWith('strict-')).map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200,
    ])
    await outside.close()
    upstream.respond(plainResponse())
  })

  it('a request is 503 and not forwarded when the row can not be written', async () => {
    await using strict = await startGateway(config('audit: { durability: strict }'))
    const strictKey = await strict.createKey()
    expect((await strict.request('GET', '/api/x', { key: strictKey })).status).toBe(200)
    upstream.forget()
    const repair = breakStore(strict.storeFile)
    try {
      const response = await strict.request('GET', '/api/x', { key: strictKey })
      expect(response.status).toBe(503)
      expect(Number(response.header('retry-after'))).toBeGreaterThan(0)
      expect(upstream.bytesReceived()).toBe(0)
    } finally {
      repair()
    }
    await eventually('requests to pass again', async () => {
      return (await strict.request('GET', '/api/x', { key: strictKey })).status === 200
    })
  })
})
