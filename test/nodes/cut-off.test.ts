import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { type Cluster, type ClusterNode, makeKey, makeOrganization, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { warm } from './watched-change.ts'

/** Two nodes, of which one reaches PostgreSQL and Redis by ways that can be cut. */

const staleMs = 3000
let cluster: Cluster
let here: ClusterNode
let remote: ClusterNode
let postgres: FaultProxy
let redis: FaultProxy
let organizationId: string

beforeAll(async () => {
  cluster = await startCluster({ settings: `keys: { cache: { ttl: 30s, stale_if_store_down: ${staleMs}ms } }\n` })
  postgres = await startFaultProxy(cluster.postgres.port)
  redis = await startFaultProxy(cluster.redis?.port ?? 0)
  here = await cluster.start()
  remote = await cluster.start({
    store: postgres.urlOf(cluster.postgres.url()),
    redis: redis.urlOf(cluster.redis?.url ?? ''),
  })
  organizationId = await makeOrganization(here)
}, 90_000)
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

// A test that fails in the middle must not fail the next one.
afterEach(() => {
  for (const proxy of [postgres, redis]) {
    proxy.pass()
    proxy.cut()
  }
})

const newKey = () => makeKey(here, organizationId)
const revoke = async (id: string) => {
  const { status, body } = await here.api<{ nodes: { live: number; acknowledged: number } }>(
    'POST',
    `/organizations/${organizationId}/api-keys/${id}/revoke`,
    {},
  )
  expect(status).toBe(200)
  return body.nodes
}

/** Asks without a pause. @returns when the last request was sent that was accepted, in milliseconds from now, and all statuses. */
async function watch(raw: string, forMs: number) {
  const startedAt = performance.now()
  const statuses = new Set<number>()
  let lastAcceptedMs = 0
  while (performance.now() - startedAt < forMs) {
    const sentMs = performance.now() - startedAt
    const status = await remote.ask('/free', raw)
    statuses.add(status)
    if (status === 200) lastAcceptedMs = sentMs
  }
  return { lastAcceptedMs, statuses: [...statuses].sort() }
}

/** And both know of all that was changed before: what has been looked up since then stays in the cache. */
const connected = () =>
  eventually('both nodes to hear of each other', async () => (await revoke((await newKey()).id)).acknowledged === 2, {
    withinMs: 15_000,
  })

describe.each([
  ['cut', (proxy: FaultProxy) => [proxy.refuse(), proxy.cut()]],
  ['silent', (proxy: FaultProxy) => [proxy.blackHole()]],
])('a node whose ways to PostgreSQL and Redis are both %s', (_how, breaks) => {
  it('accepts a key revoked meanwhile for stale_if_store_down at most, and not once it is back', {
    timeout: 60_000,
  }, async () => {
    const [revoked, kept] = [await newKey(), await newKey()]
    await connected()
    for (const { raw } of [revoked, kept]) await warm([here, remote], '/free', raw)
    for (const proxy of [postgres, redis]) breaks(proxy)
    const cutAt = performance.now()
    expect((await revoke(revoked.id)).acknowledged).toBe(1)
    const passedMs = performance.now() - cutAt
    const [{ lastAcceptedMs, statuses }, others] = await Promise.all([
      watch(revoked.raw, staleMs + 1500),
      watch(kept.raw, staleMs + 1500),
    ])
    // Measured from the last time that it was in touch, which is no later than the cut.
    expect(passedMs + lastAcceptedMs).toBeLessThanOrEqual(staleMs + 100)
    expect(statuses).toEqual([200, 503])
    // That one goes on so long too, and is not refused for anything else.
    expect(others.statuses).toEqual([200, 503])
    for (const proxy of [postgres, redis]) {
      proxy.pass()
      proxy.cut()
    }
    const answers: number[] = []
    await eventually(
      'it to be back',
      async () => {
        answers.push(await remote.ask('/free', revoked.raw))
        return (await remote.ask('/free', kept.raw)) === 200
      },
      { withinMs: 15_000, everyMs: 20 },
    )
    expect(answers).not.toContain(200)
    expect(await remote.ask('/free', revoked.raw)).toBe(401)
  })
})

describe('a node that has lost what tells it of changes for five seconds', () => {
  it('finds a revocation within a second when Redis is silent and PostgreSQL is not', { timeout: 60_000 }, async () => {
    await connected()
    redis.blackHole()
    const key = await newKey()
    await warm([here, remote], '/free', key.raw)
    expect((await revoke(key.id)).acknowledged).toBe(2)
    expect(await watch(key.raw, 300)).toEqual({ lastAcceptedMs: 0, statuses: [401] })
    redis.pass()
    redis.cut()
  })

  it('knows of all that was changed meanwhile when it is back', {
    timeout: 60_000,
  }, async () => {
    const keys = await Promise.all(Array.from({ length: 30 }, newKey))
    await connected()
    for (const { raw } of keys) await warm([here, remote], '/free', raw)
    for (const proxy of [postgres, redis]) proxy.blackHole()
    const startedAt = performance.now()
    await Promise.all(keys.slice(0, 20).map(({ id }) => revoke(id)))
    await new Promise((resolve) => setTimeout(resolve, 5000 - (performance.now() - startedAt)))
    for (const proxy of [postgres, redis]) {
      proxy.pass()
      proxy.cut()
    }
    await eventually('it to be back', async () => (await remote.ask('/free', keys[29]?.raw)) === 200, {
      withinMs: 15_000,
      everyMs: 20,
    })
    const statuses = await Promise.all(keys.map(({ raw }) => remote.ask('/free', raw)))
    expect(statuses).toEqual(keys.map((_, index) => (index < 20 ? 401 : 200)))
  })
})
