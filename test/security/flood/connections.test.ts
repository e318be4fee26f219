import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../../helpers/gateway.ts'
import { connectRaw, RawClient } from '../../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

async function start(yaml: string): Promise<void> {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 1000000, per: 1m }
routes: [{ path: /*, upstream: api }]
${yaml}`)
  key = await gateway.createKey()
}
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const many = (count: number, from?: string): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => (from === undefined ? gateway.connect() : connectFrom(from))))

/** All of 127.0.0.0/8 is this machine: another neighbour. */
async function connectFrom(localAddress: string): Promise<RawClient> {
  const { hostname, port } = new URL(gateway.dataUrl)
  const socket = connect({ host: hostname, port: Number(port), localAddress, allowHalfOpen: true })
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return client
}

const metric = async (name: string): Promise<number> => {
  const line = (await gateway.metrics()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}
const closedFor = (why: string): Promise<number> => metric(`sallyport_connections_closed_total{why="${why}"}`)
const there = (count: number): Promise<boolean> =>
  eventually(`${count} connections`, async () => (await metric('sallyport_connections')) === count, {
    withinMs: 15_000,
  })

it('a peer has as many connections as it may and not one more, and a neighbour does not notice', async () => {
  await start('connections: { per_peer: 20 }')
  const clients = await many(20)
  await there(20)
  for (let more = 0; more < 30; more++) {
    using beyond = await gateway.connect()
    await beyond.closed()
    expect(beyond.bytesReceived).toBe(0)
  }
  expect(await closedFor('peer')).toBe(30)
  expect(await metric('sallyport_connections')).toBe(20)

  using neighbour = await connectFrom('127.0.0.2')
  await neighbour.send(gateway.compose('GET', '/x', { key }))
  expect((await neighbour.response()).status).toBe(200)

  // Those that it has go on, and one that ends makes room for another.
  await clients[0]?.send(gateway.compose('GET', '/x', { key }))
  expect((await clients[0]?.response())?.status).toBe(200)
  clients[1]?.[Symbol.dispose]()
  await there(20)
  expect((await gateway.request('GET', '/x', { key })).status).toBe(200)
  for (const client of clients) client[Symbol.dispose]()
})

it('the default is 4096 of one peer', async () => {
  await start('')
  const clients: RawClient[] = []
  for (let batch = 0; batch < 8; batch++) clients.push(...(await many(512)))
  await there(4096)
  using beyond = await gateway.connect()
  await beyond.closed()
  expect(await closedFor('peer')).toBe(1)
  for (const client of clients) client.reset()
  await there(0)
}, 60_000)

it('a peer in trust_proxy may have as many as there are', async () => {
  await start("connections: { per_peer: 5 }\ntrust_proxy: ['127.0.0.3']")
  const clients = await many(40, '127.0.0.3')
  await there(40)
  for (const client of clients) {
    await client.send(gateway.compose('GET', '/x', { key }))
    expect((await client.response()).status).toBe(200)
    client[Symbol.dispose]()
  }
  expect(await closedFor('peer')).toBe(0)
})

it('when all places are taken the connection that idles longest makes room, and nobody is refused', async () => {
  await start('connections: { total: 16 }')
  const idle = await many(16)
  for (const client of idle) {
    await client.send(gateway.compose('GET', '/x', { key }))
    await client.response()
  }
  const more: RawClient[] = []
  for (let count = 0; count < 10; count++) {
    const client = await connectRaw(gateway.dataUrl)
    await client.send(gateway.compose('GET', '/x', { key }))
    expect((await client.response()).status).toBe(200)
    more.push(client)
  }
  await Promise.all(idle.slice(0, 10).map((client) => client.closed()))
  expect(idle.slice(10).every((client) => client.isOpen)).toBe(true)
  expect([await closedFor('idle'), await closedFor('unfinished'), await closedFor('full')]).toEqual([10, 0, 0])
  for (const client of [...idle, ...more]) client[Symbol.dispose]()
})

it('of heads that do not end the oldest makes room; a request that is under way never does', async () => {
  await start('connections: { total: 16 }')
  const answer = Promise.withResolvers<void>()
  upstream.respond(async ({ send }) => {
    await answer.promise
    send(plainResponse())
  })
  const busy = await many(10)
  for (const client of busy) await client.send(gateway.compose('GET', '/slow', { key }))
  await eventually('them to be under way', () => upstream.requests.length === 10)
  const slow: RawClient[] = []
  for (let count = 0; count < 30; count++) {
    const client = await gateway.connect()
    await client.send('GET / HTTP/1.1\r\nX-A: ')
    slow.push(client)
  }
  await Promise.all(slow.slice(0, 24).map((client) => client.closed()))
  expect(slow.slice(24).every((client) => client.isOpen)).toBe(true)
  expect(await closedFor('unfinished')).toBe(24)

  const others = await many(6)
  for (const client of others) await client.send(gateway.compose('GET', '/slow', { key }))
  await eventually('them to be under way', () => upstream.requests.length === 16)
  using beyond = await gateway.connect()
  await beyond.closed()
  expect(await closedFor('full')).toBe(1)
  answer.resolve()
  for (const client of [...busy, ...others]) expect((await client.response()).status).toBe(200)
  for (const client of [...busy, ...others, ...slow]) client[Symbol.dispose]()
})

it('heads that are not whole take so much memory together, and the oldest of them goes first', async () => {
  await start('connections: { heads: 100kb }')
  const part = `GET / HTTP/1.1\r\nX-A: ${'a'.repeat(30_000)}`
  const clients: RawClient[] = []
  for (let count = 0; count < 10; count++) {
    const client = await gateway.connect()
    await client.send(part)
    clients.push(client)
    await eventually('it to be there', async () => (await closedFor('heads')) === Math.max(0, count - 2))
  }
  await Promise.all(clients.slice(0, 7).map((client) => client.closed()))
  expect(clients.slice(7).every((client) => client.isOpen)).toBe(true)
  // A head that becomes whole does not count any more, and what was sent of the next one behind it does.
  await clients[9]?.send(`\r\nHost: x\r\nAuthorization: Bearer ${key.raw}\r\n\r\n${part}`)
  expect((await clients[9]?.response())?.status).toBe(200)
  using last = await gateway.connect()
  await last.send(part)
  await clients[7]?.closed()
  expect(clients.slice(8).every((client) => client.isOpen)).toBe(true)
  expect((await gateway.request('GET', '/x', { key })).status).toBe(200)
  for (const client of clients) client[Symbol.dispose]()
})

it('a connection whose caller never takes its answers is closed, whatever they are', async () => {
  await start('timeouts: { write_idle: 500ms }')
  using client = await gateway.connect()
  client.socket.pause()
  // More than the kernel keeps for one that does not read.
  const sending = setInterval(() => client.socket.write('GET /x HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000)), 5)
  await eventually('it to be closed', async () => (await closedFor('unread')) === 1, { withinMs: 15_000, everyMs: 50 })
  clearInterval(sending)
  await there(0)
  expect(await metric('sallyport_inflight_requests')).toBe(0)
}, 30_000)

it('a response whose caller stops reading ends, also when the API has long sent all of it', async () => {
  await start('timeouts: { write_idle: 500ms }')
  upstream.respond(plainResponse('x'.repeat(8 * 1024 * 1024)))
  using client = await gateway.connect()
  client.socket.pause()
  await client.send(gateway.compose('GET', '/big', { key }))
  await eventually('it to be closed', async () => (await closedFor('unread')) === 1, { withinMs: 15_000, everyMs: 50 })
  await eventually('it to be over', async () => (await metric('sallyport_inflight_requests')) === 0)
  expect((await gateway.request('GET', '/x', { key })).status).toBe(200)
})

it('a caller that is slow but reads gets everything', async () => {
  await start('timeouts: { write_idle: 2s }')
  const body = 'x'.repeat(8 * 1024 * 1024)
  upstream.respond(plainResponse(body))
  using client = await gateway.connect()
  await client.send(gateway.compose('GET', '/big', { key }))
  const turns = setInterval(() => {
    if (client.socket.isPaused()) client.socket.resume()
    else client.socket.pause()
  }, 20)
  expect((await client.response({ withinMs: 30_000 })).content.length).toBe(body.length)
  clearInterval(turns)
  expect(await closedFor('unread')).toBe(0)
}, 40_000)
