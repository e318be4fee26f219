import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startGateway } from '../helpers/gateway.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { type RedisServer, startRedis } from '../helpers/redis.ts'

/** Workers each have a connection to Redis, and one memory between them for when it does not answer. */

let redis: RedisServer
let upstream: HttpUpstream
let open = 0
let openMost = 0

beforeAll(async () => {
  redis = await startRedis()
  upstream = await startHttpUpstream((request, response) => {
    if (!request.url?.startsWith('/slow')) return void response.end('carried')
    openMost = Math.max(openMost, ++open)
    setTimeout(() => {
      open--
      response.end('carried')
    }, 300)
  })
})
afterAll(async () => {
  await upstream[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

const start = (connections: number) =>
  startGateway(`
workers: 3
redis: ${redis.url}
upstreams: { api: { targets: ['${upstream.url}'], max_connections: ${connections} } }
limits: { whole: { by: route, requests: 30, per: 1h } }
routes:
  - { path: /limited, public: true, limits: [whole], upstream: api }
  - { path: /free/*, public: true, upstream: api }
  - { path: /slow/*, public: true, upstream: api }
`)

describe('several workers on one Redis', () => {
  it('admit what a limit allows, and one more limit on the whole node when Redis hangs, not one each', async () => {
    await using gateway = await start(1000)
    const ask = async (count: number, path = '/limited'): Promise<number[]> => {
      const statuses: number[] = []
      for (let at = 0; at < count; at += 4) {
        const four = await Promise.all(Array.from({ length: 4 }, () => gateway.request('GET', path)))
        statuses.push(...four.map(({ status }) => status))
      }
      return statuses
    }
    const passed = (statuses: readonly number[]) => statuses.filter((status) => status === 200).length
    expect(passed(await ask(80))).toBe(30)
    redis.hang()
    try {
      let extra = 0
      // Each worker finds out by itself, in half a second from its own first call.
      await eventually(
        'all workers to count by themselves',
        async () => {
          const statuses = await ask(24)
          extra += passed(statuses)
          return !statuses.includes(503)
        },
        { withinMs: 10_000 },
      )
      extra += passed(await ask(120))
      expect(extra).toBe(30)
    } finally {
      redis.resume()
    }
  })

  it('open no more connections to a target than the file says', async () => {
    await using gateway = await start(6)
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => (await gateway.request('GET', '/slow/x')).status),
    )
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect(openMost).toBeGreaterThan(0)
    expect(openMost).toBeLessThanOrEqual(6)
  })
})
