import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { items:write: Write }
auth_failures: { requests: 10000, per: 1m }
routes:
  - { path: /api/*, upstream: api, methods: [GET, POST] }
  - { path: /scoped/*, upstream: api, scopes: [items:write] }
  - { path: /open/*, upstream: api, public: true }
`)
  key = await gateway.createKey({ scopes: [] })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(({ request, body, send }) => {
    void body().then(() => send(plainResponse(request.target)))
  })
})

it('answers mixed verdicts in the order of the requests, however slow one of them is', async () => {
  const slow = Promise.withResolvers<void>()
  upstream.respond(async ({ request, body, send }) => {
    await body()
    if (request.target === '/api/slow') await slow.promise
    send(plainResponse(request.target))
  })
  using client = await gateway.connect()
  await client.send(
    Buffer.concat([
      gateway.compose('GET', '/api/slow', { key }),
      gateway.compose('GET', '/api/1'),
      gateway.compose('POST', '/api/2', { key, body: 'two' }),
      gateway.compose('GET', '/scoped/3', { key }),
      gateway.compose('GET', '/open/4'),
      gateway.compose('GET', '/nowhere', { key }),
      gateway.compose('DELETE', '/api/5', { key }),
      gateway.compose('GET', '/api/../x', { key }),
    ]),
  )
  await eventually('the slow request to arrive', () => upstream.requests.some(({ target }) => target === '/api/slow'))
  expect(client.bytesReceived).toBe(0)
  slow.resolve()
  const seen: unknown[] = []
  for (let i = 0; i < 8; i += 1) {
    const response = await client.response()
    seen.push(response.status === 200 ? response.text() : response.json().code)
  }
  expect(seen).toEqual([
    '/api/slow',
    'INVALID_API_KEY',
    '/api/2',
    'INSUFFICIENT_SCOPE',
    '/open/4',
    'NOT_FOUND',
    'METHOD_NOT_ALLOWED',
    'BAD_REQUEST_TARGET',
  ])
})

it('judges each request of a connection by its own credentials', async () => {
  const other = await gateway.createKey({ scopes: ['*'] })
  using client = await gateway.connect()
  const verdicts: number[] = []
  for (const options of [{ key: other }, {}, { key }, { key: gateway.unknownKey() }, { key: other }]) {
    await client.send(gateway.compose('GET', '/scoped/x', options))
    verdicts.push((await client.response()).status)
  }
  expect(verdicts).toEqual([200, 401, 403, 401, 200])
  expect(upstream.requests.map((request) => request.header('x-key-id'))).toEqual([other.record.id, other.record.id])
})

it('runs nothing after a framing error, and answers what came before it first', async () => {
  using client = await gateway.connect()
  await client.send(
    Buffer.concat([
      gateway.compose('GET', '/api/first', { key }),
      Buffer.from(`POST /api/bad HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx`),
      gateway.compose('GET', '/api/after', { key }),
    ]),
  )
  expect((await client.response()).text()).toBe('/api/first')
  expectProblem(await client.response(), 400, 'BAD_REQUEST')
  await client.closed()
  expect(client.unread.length).toBe(0)
  await gateway.request('GET', '/api/witness', { key })
  expect(upstream.requests.map(({ target }) => target)).toEqual(['/api/first', '/api/witness'])
})

it('reads the body of a refused request to its end before the next one, or closes', async () => {
  using client = await gateway.connect()
  const inner = gateway.compose('GET', '/api/hidden', { key })
  await client.send(gateway.compose('POST', '/api/x', { body: inner }))
  expectProblem(await client.response(), 401, 'INVALID_API_KEY')
  await client.send(gateway.compose('GET', '/api/visible', { key }))
  const next = await client.response().catch(() => undefined)
  if (next) expect(next.text()).toBe('/api/visible')
  else expect(client.isOpen).toBe(false)
  expect(upstream.requests.map(({ target }) => target)).not.toContain('/api/hidden')
})

it('closes after the answer when the client asks for it, and runs nothing more', async () => {
  using client = await gateway.connect()
  const closing = gateway.compose('GET', '/api/last', { key, headers: { Connection: 'close' } })
  await client.send(Buffer.concat([closing, gateway.compose('GET', '/api/more', { key })]))
  const response = await client.response()
  expect([response.text(), response.header('connection')]).toEqual(['/api/last', 'close'])
  await client.closed()
  await gateway.request('GET', '/api/witness', { key })
  expect(upstream.requests.map(({ target }) => target)).not.toContain('/api/more')
})

it.each([1, 7, 30])('answers a request of which %i bytes came with the end of a chunked body', async (bytes) => {
  using client = await gateway.connect()
  const second = gateway.compose('GET', '/api/second', { key })
  await client.send(gateway.compose('POST', '/api/first', { key, headers: { 'Transfer-Encoding': 'chunked' } }))
  await client.send('5\r\nhello\r\n')
  await eventually('the first to arrive', () => upstream.requests.length === 1)
  await client.send(Buffer.concat([Buffer.from('0\r\n\r\n'), second.subarray(0, bytes)]))
  expect((await client.response()).text()).toBe('/api/first')
  await client.send(second.subarray(bytes, 60))
  await client.send(second.subarray(60))
  expect((await client.response()).text()).toBe('/api/second')
})

it('takes no line inside of a chunked body for the next request', async () => {
  using client = await gateway.connect()
  const chunked = { key, headers: { 'Transfer-Encoding': 'chunked' } }
  const decoy = '\r\n\r\nGET /api/next HTTP/1.1\r\nHost: x\r\n\r\n'
  for (let round = 0; round < 3; round += 1) {
    await client.send(gateway.compose('POST', '/api/batch', chunked))
    await client.send(`${decoy.length.toString(16)}\r\n${decoy}\r\n0\r\n\r\n`)
    expect((await client.response()).text()).toBe('/api/batch')
    await client.send(gateway.compose('GET', '/api/next', { key }))
    expect((await client.response()).text()).toBe('/api/next')
  }
  expect(upstream.requests.length).toBe(6)
})
