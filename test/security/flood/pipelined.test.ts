import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 1000000, per: 1m }
routes: [{ path: /*, upstream: api }]
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

async function cutOff(): Promise<number> {
  const [, count] = /^sallyport_connections_closed_total\{why="pipelined"\} (\d+)$/m.exec(await gateway.metrics()) ?? []
  return Number(count)
}

it('somebody who asks while thousands of requests wait in other connections is answered before they are', async () => {
  const each = 1500
  const clients = await Promise.all(Array.from({ length: 2 }, () => gateway.connect()))
  const flood = gateway.compose('GET', '/none').toString('latin1').repeat(each)
  using good = await gateway.connect()
  await good.send(gateway.compose('GET', '/first', { key }))
  await good.response()
  let answered = 0
  const counting = clients.map(async (client) => {
    for (let count = 0; count < each; count++) {
      expect((await client.response({ withinMs: 30_000 })).status).toBe(401)
      answered++
    }
  })
  for (const client of clients) client.socket.write(flood)
  await eventually('them to be answered', () => answered > 0, { everyMs: 1 })
  await good.send(gateway.compose('GET', '/good', { key }))
  expect((await good.response()).status).toBe(200)
  expect(answered).toBeLessThan(clients.length * each)
  await Promise.all(counting)
  for (const client of clients) client[Symbol.dispose]()
}, 60_000)

it('what waits behind slow requests is bounded over all connections: who sends more than a few then is cut off', async () => {
  const release = Promise.withResolvers<void>()
  upstream.respond(async ({ request, body, send }) => {
    await body()
    if (request.target.startsWith('/slow')) await release.promise
    send(plainResponse(request.target))
  })
  upstream.forget()
  const slow = gateway.compose('GET', '/slow', { key })
  const small = Buffer.from('GET /s HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000))
  const clients = await Promise.all(Array.from({ length: 20 }, () => gateway.connect()))
  using polite = await gateway.connect()
  const before = await cutOff()
  for (const client of clients) await client.send(Buffer.concat([slow, small]))
  await eventually('some to be cut off', () => clients.some((client) => !client.isOpen))
  // One that has a few behind its own is heard all the same.
  await polite.send(
    Buffer.concat([
      gateway.compose('GET', '/slow-too', { key }),
      gateway.compose('GET', '/a', { key }),
      gateway.compose('GET', '/b', { key }),
    ]),
  )
  await eventually('it to arrive', () => upstream.requests.some(({ target }) => target === '/slow-too'))
  release.resolve()
  for (const target of ['/slow-too', '/a', '/b']) expect((await polite.response()).text()).toBe(target)
  const left = clients.filter((client) => client.isOpen)
  expect(left.length).toBeLessThan(clients.length)
  expect((await cutOff()) - before).toBe(clients.length - left.length)
  for (const client of clients) client[Symbol.dispose]()
  await eventually('nothing to be in flight', async () =>
    (await gateway.metrics()).includes('sallyport_inflight_requests 0'),
  )
}, 60_000)

it('while thousands wait, another heap of requests is not even parsed, and single ones are answered', async () => {
  const release = Promise.withResolvers<void>()
  upstream.respond(async ({ request, body, send }) => {
    await body()
    if (request.target === '/slow') await release.promise
    send(plainResponse(request.target))
  })
  const heap = (id: string): Buffer =>
    Buffer.from(`GET /${id} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`.repeat(1000))
  const countBefore = await cutOff()
  const before = await Promise.all(Array.from({ length: 6 }, () => gateway.connect()))
  for (const client of before) {
    await client.send(Buffer.concat([gateway.compose('GET', '/slow', { key }), heap('before')]))
  }
  await eventually(
    'the slow ones to arrive',
    () => upstream.requests.filter(({ target }) => target === '/slow').length >= 5,
  )
  using late = await gateway.connect()
  await late.send(heap('late'))
  await late.closed()
  const cut = [...before, late].filter((client) => !client.isOpen).length
  await eventually('each to be counted', async () => (await cutOff()) - countBefore === cut)
  expect(late.bytesReceived).toBe(0)
  expect((await gateway.request('GET', '/single', { key })).status).toBe(200)
  release.resolve()
  for (const client of before) client[Symbol.dispose]()
  expect((await gateway.requestLog()).some(({ requestId }) => requestId === 'late')).toBe(false)
})

it('a head that comes byte by byte is answered like any other', async () => {
  using client = await gateway.connect()
  const bytes = gateway.compose('GET', '/bytes', { key, headers: { 'X-Pad': 'x'.repeat(2000) } }).toString('latin1')
  for (const byte of bytes) await client.send(byte)
  expect((await client.response()).text()).toBe('/bytes')
})
