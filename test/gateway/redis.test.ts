import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { type RedisServer, startRedis } from '../helpers/redis.ts'

let redis: RedisServer
let upstream: RawUpstream
beforeAll(async () => {
  redis = await startRedis()
  upstream = await startRawUpstream()
})
afterAll(async () => {
  await upstream[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})
beforeEach(() => redis.client.flushall())

const open = (more = ''): Promise<Gateway> =>
  startGateway(`
redis: ${redis.url}
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { items:read: Read }
denials: { requests: 5, per: 1m }
limits:
  whole-route: { by: route, requests: 20, per: 1m }
  leased: { by: route, requests: 60, per: 1m, lease: true }
  by-key: { by: key, requests: 3, per: 1m }
routes:
  - { path: /open/*, public: true, limits: [whole-route], upstream: api }
  - { path: /leased/*, public: true, limits: [leased, whole-route], upstream: api }
  - { path: /both/*, public: true, limits: [leased], upstream: api }
  - { path: /mine/*, limits: [by-key], upstream: api }
  - { path: /scoped/*, scopes: [items:read], upstream: api }
${more}`)

const statuses = async (gateways: readonly Gateway[], path: string, count: number): Promise<number[]> => {
  const responses = await Promise.all(
    Array.from({ length: count }, (_, index) => gateways[index % gateways.length]?.request('GET', path)),
  )
  return responses.map((response) => response?.status ?? 0)
}
const count = (all: readonly number[], status: number): number => all.filter((one) => one === status).length

describe('two gateways on one Redis', () => {
  let gateways: Gateway[]
  beforeAll(async () => {
    gateways = await Promise.all([open(), open()])
  })
  afterAll(() => Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]())))

  it.each([
    ['/open/x', 20],
    ['/both/x', 60],
    ['/leased/x', 20],
  ])('admit together exactly what a limit allows: %s', async (path, limit) => {
    const all = await statuses(gateways, path, 120)
    expect([count(all, 200), count(all, 429)]).toEqual([limit, 120 - limit])
  })

  it('tell a caller what is left, in the headers and at /api/v1/me', async () => {
    const gateway = gateways[0] as Gateway
    const key = await gateway.createKey()
    const response = await gateway.request('GET', '/mine/x', { key })
    expect(response.header('ratelimit')).toMatch(/^"by-key";r=2;t=(59|60)$/)
    expect(response.header('ratelimit-policy')).toBe('"by-key";q=3;w=60')
    const me = (await gateway.request('GET', '/api/v1/me', { key })).json()
    expect(me.rate_limits).toContainEqual(expect.objectContaining({ name: 'by-key', limit: 3, remaining: 2 }))
  })

  it('slow down a key that is refused again and again', async () => {
    const gateway = gateways[0] as Gateway
    const key = await gateway.createKey({ scopes: [] })
    const all: number[] = []
    for (let tries = 0; tries < 7; tries++) all.push((await gateway.request('GET', '/scoped/x', { key })).status)
    expect(all).toEqual([403, 403, 403, 403, 403, 429, 429])
  })

  it('keep no raw key in Redis', async () => {
    const gateway = gateways[0] as Gateway
    const key = await gateway.createKey()
    await gateway.request('GET', '/mine/x', { key })
    const names = await redis.client.keys('*')
    expect(names.some((name) => name.includes(key.record.id))).toBe(true)
    expect(names.join(' ')).not.toContain(key.raw.slice(0, 12))
  })
})

describe('when Redis hangs', () => {
  it('requests go on within half a second, on limits of this node, and the metrics tell', async () => {
    await using gateway = await open()
    expect(await gateway.metrics()).toContain('sallyport_redis_up 1')
    redis.hang()
    try {
      const tookMs: number[] = []
      await eventually('limits of this node', async () => {
        const before = performance.now()
        const response = await gateway.request('GET', '/open/x')
        tookMs.push(performance.now() - before)
        if (response.status === 503) expect(response.json().code).toBe('LIMITER_UNAVAILABLE')
        return (await gateway.metrics()).includes('sallyport_limiter_degraded 1')
      })
      expect(Math.max(...tookMs)).toBeLessThan(600)
      // A machine that stood still may have taken Redis for gone a moment before it was, and found it again.
      const all = await eventually('nobody to wait for Redis', async () => {
        const answered = await statuses([gateway], '/open/x', 60)
        return count(answered, 503) === 0 && answered
      })
      expect(count(all, 429)).toBeGreaterThanOrEqual(40)
      expect(await gateway.metrics()).toContain('sallyport_redis_up 0')
    } finally {
      redis.resume()
    }
    await eventually('shared limits', async () => (await gateway.metrics()).includes('sallyport_limiter_degraded 0'), {
      withinMs: 5000,
    })
  })
})

describe('without Redis at the start', () => {
  const without = (text: string) => text.replace(redis.url, 'redis+unix:///nowhere/redis.sock')

  it('closed: 503 LIMITER_UNAVAILABLE for what has a limit, and the rest goes on', async () => {
    await using gateway = await startGateway(
      without(`
redis: ${redis.url}
redis_failure: closed
upstreams: { api: { targets: ['${upstream.url}'] } }
limits: { whole-route: { by: route, requests: 20, per: 1m } }
routes:
  - { path: /open/*, public: true, limits: [whole-route], upstream: api }
  - { path: /free/*, public: true, upstream: api }
`),
    )
    const response = await gateway.request('GET', '/open/x')
    expectProblem(response, 503, 'LIMITER_UNAVAILABLE')
    expect(response.header('retry-after')).toBe('1')
    expect((await gateway.request('GET', '/free/x')).status).toBe(200)
  })

  it('open: lets requests pass without RateLimit headers, and counts them', async () => {
    await using gateway = await startGateway(
      without(`
redis: ${redis.url}
redis_failure: open
upstreams: { api: { targets: ['${upstream.url}'] } }
limits: { whole-route: { by: route, requests: 1, per: 1m } }
routes:
  - { path: /open/*, public: true, limits: [whole-route], upstream: api }
`),
    )
    for (let tries = 0; tries < 3; tries++) {
      const response = await gateway.request('GET', '/open/x')
      expect([response.status, response.header('ratelimit')]).toEqual([200, undefined])
    }
    expect(await gateway.metrics()).toContain('sallyport_limiter_uncounted_total 3')
  })
})
