import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { peakOfBuffers } from '../helpers/memory.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 1000000, per: 1m }
routes: [{ path: /api/*, upstream: api }]
timeouts: { head: 1s, body_idle: 1s }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

it('a thousand connections that never finish their head keep nobody out, and are all closed in time', async () => {
  const clients = await Promise.all(Array.from({ length: 1000 }, () => gateway.connect()))
  await Promise.all(clients.map((client) => client.send('GET /api/x HTTP/1.1\r\nX-A: ')))
  expect((await gateway.request('GET', '/api/x', { key, withinMs: 1000 })).status).toBe(200)
  await Promise.all(clients.map((client) => client.closed(5000)))
  for (const client of clients) client[Symbol.dispose]()
}, 20_000)

it('heads without end are cut off before they fill the memory', async () => {
  const peak = await peakOfBuffers(async () => {
    const clients = await Promise.all(Array.from({ length: 25 }, () => gateway.connect()))
    await Promise.all(
      clients.map(async (client) => {
        void client.send(`GET /api/x HTTP/1.1\r\nX-A: ${'a'.repeat(1_000_000)}`)
        expect((await client.response({ withinMs: 10_000 })).status).toBe(431)
      }),
    )
    for (const client of clients) client[Symbol.dispose]()
  })
  expect(peak).toBeLessThan(60_000_000)
}, 20_000)

it('bodies of anonymous callers are not read: a hundred uploads are refused while they are still being sent', async () => {
  upstream.forget()
  const clients = await Promise.all(Array.from({ length: 100 }, () => gateway.connect()))
  await Promise.all(
    clients.map(async (client) => {
      await client.send(`POST /api/x HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Length: 1000000000\r\n\r\n`)
      expect((await client.response()).status).toBe(401)
      await client.closed(5000)
    }),
  )
  expect(upstream.bytesReceived()).toBe(0)
})
