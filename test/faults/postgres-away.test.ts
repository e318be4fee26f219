import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'
import { type MadeKey, type Node, startNode } from './node.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** A node as a process whose PostgreSQL goes away in every manner, and comes back. */

const staleMs = 4000
let server: PostgresServer
let proxy: FaultProxy
let upstream: HttpUpstream
let node: Node
let known: MadeKey
let fresh: MadeKey

beforeAll(async () => {
  server = await startPostgresServer()
  proxy = await startFaultProxy(server.port)
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
}, 60_000)
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
})

const yaml = (): string => `
store: ${JSON.stringify(proxy.urlOf(server.url()))}
keys: { cache: { ttl: 1s, stale_if_store_down: ${staleMs}ms } }
auth_failures: { requests: 10000, per: 1m }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /things/*, upstream: api }
  - { path: /open, public: true, upstream: api }
`

const unknownKey = (): string =>
  compileKeyFormats({ prefix: 'sk', environments: ['live'], accept: [] } as never)
    .generate('live')
    .secret.reveal()

const down = (): Promise<unknown> =>
  eventually('the node to notice', async () => (await node.metric('sallyport_store_up')) === 0, {
    withinMs: 6000,
    everyMs: 50,
  })

const up = (): Promise<unknown> =>
  eventually('the node to be ready', async () => (await node.ready()).status === 200, { withinMs: 15_000, everyMs: 50 })

interface Outage {
  readonly name: string
  /** It does answer: changes get there, a few seconds for each step. */
  readonly isSlow?: true
  begin(): void | Promise<void>
  end(): void | Promise<void>
}

const outages: readonly Outage[] = [
  { name: 'is killed and started again', begin: () => server.kill(), end: () => server.restart() },
  { name: 'hangs', begin: () => server.freeze(), end: () => server.thaw() },
  { name: 'vanishes without a word', begin: () => proxy.blackHole(), end: () => proxy.pass() },
  { name: 'answers three seconds late', isSlow: true, begin: () => proxy.delay(1500), end: () => proxy.pass() },
]

it('waits at the start for a PostgreSQL that refuses, hangs or is not there, and then serves', async () => {
  proxy.refuse()
  const starting = startNode({ yaml: yaml() })
  await eventually('it to try', () => proxy.accepted >= 2, { withinMs: 10_000 })
  proxy.pass()
  node = await starting
  expect((await node.ready()).status).toBe(200)
  known = await node.makeKey('known')
  expect((await node.ask('/things/1', known.raw)).status).toBe(200)
}, 30_000)

describe.each(outages)('PostgreSQL $name', ({ isSlow, begin, end }) => {
  it('keys that are known go on for stale_if_store_down, all else is 503, nothing is lost, and it recovers by itself', async () => {
    await up()
    fresh = await node.makeKey('fresh')
    expect((await node.ask('/things/1', known.raw)).status).toBe(200)
    const linesBefore = node.logged('the store does not answer')
    const startedAt = performance.now()
    await begin()
    let ended = false
    try {
      // Known, and past its second in the cache: asked for again, in vain, and served as it was.
      const served: number[] = []
      while (performance.now() - startedAt < staleMs - 1500) {
        const { status, tookMs } = await node.ask('/things/1', known.raw)
        served.push(status)
        expect(tookMs).toBeLessThan(2600)
      }
      expect(new Set(served)).toEqual(new Set([200]))
      await down()
      const ready = await node.ready()
      expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('store')])
      expect((await fetch(`${node.gateway.adminUrl}/healthz`)).status).toBe(200)

      // Not known: never a pass, and never told that it is wrong.
      for (const raw of [fresh.raw, unknownKey()]) {
        const answer = await node.ask('/things/1', raw)
        expect(answer).toMatchObject({ status: 503, code: 'KEY_STORE_UNAVAILABLE' })
        expect(Number(answer.retryAfter)).toBeGreaterThan(0)
        expect(answer.tookMs).toBeLessThan(2600)
      }
      expect((await node.ask('/things/1')).status).toBe(401)
      expect((await node.ask('/things/1', `${known.raw.slice(0, -6)}000000`)).status).toBe(401)
      expect((await node.ask('/open')).status).toBe(200)

      if (!isSlow) {
        const adminAt = performance.now()
        const calls = await Promise.all([
          node.api('POST', `/organizations/${node.organizationId}/api-keys`, { name: 'in vain' }),
          node.api('GET', '/organizations'),
          node.api('POST', `/organizations/${node.organizationId}/api-keys/${known.id}/revoke`),
        ])
        expect(performance.now() - adminAt).toBeLessThan(10_000)
        expect(calls.map(({ status }) => status)).toEqual([503, 503, 503])
      }

      // Long enough, and then nobody can vouch for it.
      await eventually(
        'what is known to end',
        async () => (await node.ask('/things/1', known.raw)).code === 'KEY_STORE_UNAVAILABLE',
        { withinMs: 8000, everyMs: 50 },
      )
      expect(performance.now() - startedAt).toBeGreaterThan(staleMs - 400)
      await end()
      ended = true
    } finally {
      if (!ended) await end()
    }
    const endedAt = performance.now()
    await up()
    for (const { raw } of [known, fresh]) {
      await eventually('the key to pass', async () => (await node.ask('/things/1', raw)).status === 200, {
        withinMs: 5000,
      })
    }
    // What was sent on a connection that is dead must not hold up what is sent now.
    expect((await node.makeKey('afterwards')).raw).not.toBe('')
    expect(performance.now() - endedAt).toBeLessThan(10_000)
    expect(await node.ask('/things/1', unknownKey())).toMatchObject({ status: 401, code: 'INVALID_API_KEY' })
    expect(await node.metric('sallyport_store_up')).toBe(1)
    expect(await node.metric('sallyport_request_log_dropped_total')).toBe(0)
    // Told once, and not for each request.
    expect(node.logged('the store does not answer') - linesBefore).toBeLessThanOrEqual(3)
    const { body } = await node.api('GET', '/events/verify')
    expect(body).toMatchObject({ valid: true })
  }, 40_000)
})
