import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'
import { type Node, startNode } from './node.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** Too many connections, slow queries, and the loss of the one connection on which a node hears of changes. */

const connectionsMax = 40
let server: PostgresServer
let proxy: FaultProxy
let upstream: HttpUpstream
let first: Node
let second: Node
const clients: pg.Client[] = []

beforeAll(async () => {
  server = await startPostgresServer({ settings: [`max_connections = ${connectionsMax}`] })
  proxy = await startFaultProxy(server.port)
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
  const yaml = (url: string) => `
store: ${JSON.stringify(url)}
keys: { cache: { ttl: 1s, stale_if_store_down: 30s } }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /things/*, upstream: api }]
`
  first = await startNode({ yaml: yaml(server.url()) })
  second = await startNode({ yaml: yaml(proxy.urlOf(server.url())), organizationId: first.organizationId })
}, 60_000)
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => undefined)
})
afterAll(async () => {
  await first?.[Symbol.asyncDispose]()
  await second?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
})

/** @returns undefined when the server takes no more. */
async function connect(): Promise<pg.Client | undefined> {
  const client = new pg.Client({ connectionString: server.url() })
  client.on('error', () => undefined)
  const connected = await client.connect().then(
    () => true,
    () => false,
  )
  if (!connected) return undefined
  clients.push(client)
  return client
}

const revoke = (node: Node, id: string) =>
  node.api('POST', `/organizations/${first.organizationId}/api-keys/${id}/revoke`)

describe('a server whose connections others have taken', () => {
  it('is down for a node that has to connect anew, whose known keys go on, and is used again when there is room', async () => {
    const { raw } = await first.makeKey()
    expect((await second.ask('/things/1', raw)).status).toBe(200)
    // Whoever is quicker gets a place that has become free: until the node has none.
    await eventually(
      'all places to be taken',
      async () => {
        while ((await connect()) !== undefined);
        proxy.cut()
        while ((await connect()) !== undefined);
        return (await second.ready()).status === 503
      },
      { withinMs: 10_000 },
    )
    for (let tries = 0; tries < 3; tries++) expect((await second.ask('/things/1', raw)).status).toBe(200)
    await eventually(
      'the reason to be told',
      () => /the server has no connection left|too many clients/.test(second.gateway.output()),
      { withinMs: 10_000 },
    )
    for (const client of clients.splice(0)) await client.end()
    await eventually('the node to be ready', async () => (await second.ready()).status === 200, { withinMs: 10_000 })
    await eventually('a change', async () => (await second.api('GET', '/organizations')).status === 200, {
      withinMs: 10_000,
    })
  }, 40_000)
})

describe('a storm of slow queries on the admin plane', () => {
  it('takes nothing from the data plane, is answered in seconds, and is over when it is over', async () => {
    const { raw } = await first.makeKey()
    const locking = await connect()
    await locking?.query('begin; lock table admin_events in access exclusive mode')
    const slow = Promise.all(
      Array.from({ length: 40 }, () =>
        first.api('GET', `/organizations/${first.organizationId}/events`).then(({ status }) => status),
      ),
    )
    const fresh = await second.ask('/things/1', raw)
    expect(fresh.status).toBe(200)
    for (let tries = 0; tries < 20; tries++) {
      const { status, tookMs } = await first.ask('/things/1', raw)
      expect(status).toBe(200)
      expect(tookMs).toBeLessThan(2000)
    }
    expect(await eventually('readiness', async () => (await first.ready()).status === 200)).toBe(true)
    // Those that wait for a connection are told after five seconds; then the lock goes, and those that have one are answered.
    const tooSoon = await Promise.race([slow, pause(6000, 'later')])
    expect(tooSoon).toBe('later')
    await locking?.end()
    const statuses = await slow
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect((await first.api('GET', `/organizations/${first.organizationId}/events`)).status).toBe(200)
  }, 40_000)
})

describe('a thin line to the server', () => {
  it('is slow and nothing else: keys are looked up and made over five kilobytes a second', async () => {
    const { raw } = await first.makeKey()
    proxy.throttle(5000)
    const { id, raw: made } = await second.makeKey()
    for (const one of [raw, made]) {
      const { status, tookMs } = await second.ask('/things/1', one)
      expect(status).toBe(200)
      expect(tookMs).toBeLessThan(2600)
    }
    expect((await second.ready()).status).toBe(200)
    expect((await revoke(second, id)).status).toBe(200)
    expect((await second.ask('/things/1', made)).status).toBe(401)
    proxy.pass()
  }, 30_000)
})

describe('the connection on which a node hears of changes', () => {
  it.each([
    [
      'ended by the server',
      async () => {
        const client = await connect()
        await client?.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' or query = 'select 1'",
        )
      },
    ],
    [
      'lost without a word',
      async () => {
        const before = proxy.accepted
        proxy.halfOpen()
        // In touch with the store again, and deaf for seconds to come: only the change log tells it.
        await eventually(
          'the node to connect anew',
          async () => proxy.accepted > before && (await second.ready()).status === 200,
          { withinMs: 10_000 },
        )
      },
    ],
  ])(
    '%s: a revocation holds on the other node within a second all the same',
    async (_, lose) => {
      const { id, raw } = await first.makeKey()
      expect((await second.ask('/things/1', raw)).status).toBe(200)
      await lose()
      expect((await revoke(first, id)).status).toBe(200)
      const at = performance.now()
      await eventually('the other node to refuse it', async () => (await second.ask('/things/1', raw)).status === 401)
      expect(performance.now() - at).toBeLessThan(1000)
    },
    30_000,
  )
})
