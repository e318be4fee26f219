import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { eventually, settled } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { peakOfBuffers } from '../helpers/memory.ts'
import { expectProblem } from '../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
let release: () => void

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 100000, per: 1m }
routes: [{ path: /*, upstream: api }]
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  const released = Promise.withResolvers<void>()
  release = released.resolve
  upstream.respond(async ({ request, body, send }) => {
    await body()
    if (request.target === '/slow') await released.promise
    send(plainResponse(request.target))
  })
})

const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' }

it('an upgrade behind a request that is not over is answered in its turn, and not upgraded', async () => {
  using client = await gateway.connect()
  await client.send(
    Buffer.concat([gateway.compose('GET', '/slow', { key }), gateway.compose('GET', '/ws', { key, headers: upgrade })]),
  )
  await eventually('the first to arrive', () => upstream.requests.length === 1)
  release()
  expect((await client.response()).text()).toBe('/slow')
  expect((await client.response()).text()).toBe('/ws')
  expect(upstream.last().header('upgrade')).toBeUndefined()
})

it('CONNECT behind a request that is not over is refused in its turn', async () => {
  const connect = Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  using client = await gateway.connect()
  await client.send(Buffer.concat([gateway.compose('GET', '/slow', { key }), connect]))
  await eventually('the first to arrive', () => upstream.requests.length === 1)
  release()
  expect((await client.response()).text()).toBe('/slow')
  expectProblem(await client.response({ to: 'CONNECT' }), 400, 'BAD_REQUEST')
  await client.closed()
})

it.each(['CONNECT', 'GET'])(
  'one packet without any key, with %s to upgrade in it, does not end the process',
  async (method) => {
    using client = await gateway.connect()
    const second = Buffer.from(`${method} a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`)
    await client.send(Buffer.concat([gateway.compose('GET', '/'), second]))
    expectProblem(await client.response(), 401, 'INVALID_API_KEY')
    await client.closed()
    expect((await gateway.request('GET', '/alive', { key })).status).toBe(200)
  },
)

it.each([
  ['a request', 'GET', {}],
  ['an upgrade', 'GET', upgrade],
  ['CONNECT', 'CONNECT', {}],
])(
  '%s behind one whose caller has gone does not begin, and nothing stays in flight',
  async (_what, method, headers) => {
    using client = await gateway.connect()
    await client.send(
      Buffer.concat([gateway.compose('GET', '/slow', { key }), gateway.compose(method, '/behind', { key, headers })]),
    )
    await eventually('the first to arrive', () => upstream.requests.length === 1)
    client.reset()
    await eventually('nothing to be in flight', async () =>
      (await gateway.metrics()).includes('sallyport_inflight_requests 0'),
    )
    await gateway.request('GET', '/witness', { key })
    expect(upstream.requests.map(({ target }) => target)).toEqual(['/slow', '/witness'])
  },
)

it('of requests that wait behind a slow one only so many are read, and all of them are answered in order', async () => {
  using client = await gateway.connect()
  const count = 16_000
  const requests = Array.from({ length: count }, (_, index) =>
    gateway.compose('GET', `/${index}`, { headers: { 'X-Pad': 'x'.repeat(900), 'X-Request-Id': `r${index}` } }),
  )
  await client.send(gateway.compose('GET', '/slow', { key }))
  client.socket.write(Buffer.concat(requests))
  // What the kernel does not take because the gateway does not read.
  expect(await settled('what is sent', () => client.socket.writableLength)).toBeGreaterThan(0)
  release()
  expect((await client.response()).text()).toBe('/slow')
  for (let index = 0; index < count; index += 1) {
    const response = await client.response()
    if (response.status !== 401 || response.header('x-request-id') !== `r${index}`) expect.fail(response.head)
  }
}, 60_000)

it('what an upgraded connection carries is not kept', async () => {
  let carried = 0
  upstream.respond(({ request, send }) => {
    const { socket } = request.connection
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => {
      carried += chunk.length
    })
    send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  using client = await gateway.connect()
  await client.send(gateway.compose('GET', '/ws', { key, headers: upgrade }))
  expect((await client.head()).status).toBe(101)
  const piece = Buffer.alloc(1024 * 1024)
  const peak = await peakOfBuffers(async () => {
    for (let i = 0; i < 200; i += 1) await client.send(piece)
    await eventually('all of it to arrive', () => carried === 200 * piece.length, { withinMs: 20_000 })
  })
  expect(peak).toBeLessThan(100 * 1024 * 1024)
}, 60_000)
