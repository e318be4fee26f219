import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { breakStore } from '../helpers/store-outage.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway
let cached: TestKey
let uncached: TestKey
let repair: () => void

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(
    `
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 10000, per: 1m }
keys: { cache: { ttl: 30s, stale_if_store_down: 60s } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
`,
    { clock },
  )
  cached = await gateway.createKey()
  uncached = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(async () => {
  // The clock may have leapt in the test before: until the next poll the node trusts nothing that it holds.
  await eventually('the store to be heard of', async () => {
    return (await gateway.request('GET', '/api/x', { key: cached })).status === 200
  })
  upstream.forget()
  repair = breakStore(gateway.storeFile)
  return () => repair()
})

const readiness = async () => (await fetch(`${gateway.adminUrl}/readyz`)).status

describe('while the key store can not answer', () => {
  it('a key that is not cached is 503 KEY_STORE_UNAVAILABLE: never 401, never a pass', async () => {
    for (const key of [uncached.raw, gateway.unknownKey()]) {
      const response = await gateway.request('GET', '/api/x', { key })
      expectProblem(response, 503, 'KEY_STORE_UNAVAILABLE')
      expect(Number(response.header('retry-after'))).toBeGreaterThan(0)
    }
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('what fails the format is 401 as ever, with no look-up', async () => {
    const wrongChecksum = `${cached.raw.slice(0, -6)}000000`
    for (const key of ['nonsense', wrongChecksum]) {
      expectProblem(await gateway.request('GET', '/api/x', { key }), 401, 'INVALID_API_KEY')
    }
    expectProblem(await gateway.request('GET', '/api/x'), 401, 'INVALID_API_KEY')
  })

  it('public routes go on', async () => {
    expect((await gateway.request('GET', '/open/x')).status).toBe(200)
  })

  it('cached keys go on past their time in the cache, for stale_if_store_down and no longer', async () => {
    expect((await gateway.request('GET', '/api/x', { key: cached })).status).toBe(200)
    clock.advance(31_000)
    expect((await gateway.request('GET', '/api/x', { key: cached })).status).toBe(200)
    clock.advance(30_000)
    expectProblem(await gateway.request('GET', '/api/x', { key: cached }), 503, 'KEY_STORE_UNAVAILABLE')
  })

  it('a cached key that expires meanwhile is refused at its time', async () => {
    repair()
    const brief = await gateway.createKey({ expiresAt: clock.now() + 10_000 })
    expect((await gateway.request('GET', '/api/x', { key: brief })).status).toBe(200)
    repair = breakStore(gateway.storeFile)
    clock.advance(10_000)
    expectProblem(await gateway.request('GET', '/api/x', { key: brief }), 401, 'INVALID_API_KEY')
  })

  it('readiness is 503, and everything is as before when the store is back', async () => {
    await eventually('readiness to end', async () => (await readiness()) === 503)
    repair()
    await eventually('readiness to come back', async () => (await readiness()) === 200)
    expect((await gateway.request('GET', '/api/x', { key: uncached })).status).toBe(200)
    expectProblem(await gateway.request('GET', '/api/x', { key: gateway.unknownKey() }), 401, 'INVALID_API_KEY')
    uncached = await gateway.createKey()
    repair = () => {}
  })
})

it('requests of the outage are in the log when the store is back', async () => {
  const headers = { 'X-Request-Id': 'during-the-outage' }
  expectProblem(await gateway.request('GET', '/api/x', { key: uncached, headers }), 503, 'KEY_STORE_UNAVAILABLE')
  repair()
  repair = () => {}
  await eventually(
    'the row to be written',
    async () =>
      (await gateway.store.listRequests({}, { limit: 200 })).rows.find(
        ({ requestId, code }) => requestId === 'during-the-outage' && code === 'KEY_STORE_UNAVAILABLE',
      ),
    { withinMs: 15_000 },
  )
})
