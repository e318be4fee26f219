import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { type RedisServer, startRedis } from '../helpers/redis.ts'
import { type Answer, type Node, startNode } from './node.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** Two nodes as processes that count on one Redis, which goes away in every manner and comes back. */

const limit = 40
/** What a request may wait for Redis, and what a busy machine adds to it. */
const waitMs = 500 + 400
const keysToLoad = 1000
let redis: RedisServer
let proxy: FaultProxy
let upstream: HttpUpstream
let nodes: Node[]
let arrived: Map<string, number>

beforeAll(async () => {
  // It loads so slowly that it can be watched: a millisecond for each key.
  const settings = ['loading-process-events-interval-bytes 1024', 'key-load-delay 1000']
  redis = await startRedis({ tcp: true, settings })
  proxy = await startFaultProxy(redis.port)
  arrived = new Map()
  upstream = await startHttpUpstream((request, response) => {
    const path = request.url ?? ''
    arrived.set(path, (arrived.get(path) ?? 0) + 1)
    response.end('ok')
  })
}, 30_000)
afterAll(async () => {
  await upstream?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

const yaml = (failure: string): string => `
store: sqlite:s.db
redis: ${JSON.stringify(proxy.urlOf(redis.url))}
redis_failure: ${failure}
upstreams: { api: { targets: ['${upstream.url}'] } }
limits:
${faults.map((_, index) => `  limit-${index}: { by: route, requests: ${limit}, per: 5m }`).join('\n')}
  wide: { by: route, requests: 1000000, per: 5m }
routes:
${faults.map((_, index) => `  - { path: /limited/${index}, public: true, limits: [limit-${index}], upstream: api }`).join('\n')}
  - { path: /wide, public: true, limits: [wide], upstream: api }
  - { path: /free, public: true, upstream: api }
`

interface Fault {
  readonly name: string
  begin(): void | Promise<void>
  end(): void | Promise<void>
}

const faults: readonly Fault[] = [
  { name: 'is killed', begin: () => redis.kill(), end: () => redis.restart() },
  { name: 'hangs', begin: () => redis.hang(), end: () => redis.resume() },
  { name: 'vanishes without a word', begin: () => proxy.blackHole(), end: () => proxy.pass() },
  { name: 'answers two seconds late', begin: () => proxy.delay(1000), end: () => proxy.pass() },
  {
    name: 'has become a replica that takes no writes',
    begin: async () => void (await redis.client.call('REPLICAOF', '127.0.0.1', '1')),
    end: async () => void (await redis.client.call('REPLICAOF', 'NO', 'ONE')),
  },
  {
    name: 'is full',
    begin: async () => void (await redis.client.config('SET', 'maxmemory', '1')),
    end: async () => void (await redis.client.config('SET', 'maxmemory', '0')),
  },
]

const degraded = (value: 0 | 1) =>
  eventually(
    value === 1 ? 'the nodes to count by themselves' : 'shared limits',
    async () => {
      const values = await Promise.all(nodes.map((node) => node.metric('sallyport_limiter_degraded')))
      return values.every((one) => one === value)
    },
    { withinMs: 8000, everyMs: 20 },
  )

/** Both nodes in turn, some at a time. */
async function storm(path: string, count: number): Promise<Answer[]> {
  const answers: Answer[] = []
  let sent = 0
  const lane = async (): Promise<void> => {
    while (sent < count) answers.push(await (nodes[sent++ % nodes.length] as Node).ask(path))
  }
  await Promise.all(Array.from({ length: 4 }, lane))
  return answers
}

const worstMs = (answers: readonly Answer[]): number => Math.max(...answers.map(({ tookMs }) => tookMs))
const logLines = (message: string): number[] => nodes.map((node) => node.logged(message))
const lostLine = 'Redis does not answer: limits are not shared with other nodes'
const backLine = 'Redis answers again: limits are shared with other nodes'

async function open(failure: string): Promise<void> {
  nodes = await Promise.all([startNode({ yaml: yaml(failure) }), startNode({ yaml: yaml(failure) })])
}
const close = () => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))

describe('redis_failure: local', () => {
  beforeAll(() => open('local'), 30_000)
  afterAll(() => close())

  it.each(faults.map((fault, index) => ({ ...fault, index })))(
    'no request waits for a Redis that $name, and each node admits one extra limit at most',
    async ({ begin, end, index }) => {
      await degraded(0)
      const path = `/limited/${index}`
      const before = { lost: logLines(lostLine), back: logLines(backLine) }
      const half = await storm(path, limit / 2)
      expect(new Set(half.map(({ status }) => status))).toEqual(new Set([200]))
      await begin()
      let ended = false
      try {
        const deciding: Answer[] = []
        const decided = degraded(1)
        let over = false
        void decided.finally(() => {
          over = true
        })
        while (!over) deciding.push(...(await storm('/wide', 8)))
        await decided
        for (const answer of deciding) {
          if (answer.status !== 200) expect(answer).toMatchObject({ status: 503, code: 'LIMITER_UNAVAILABLE' })
        }
        expect(worstMs(deciding)).toBeLessThan(waitMs)
        const alone = await storm(path, 4 * limit)
        expect(new Set(alone.map(({ status }) => status))).toEqual(new Set([200, 429]))
        expect(worstMs(alone)).toBeLessThan(waitMs)
        expect(await Promise.all(nodes.map((node) => node.metric('sallyport_redis_up')))).toEqual([0, 0])
        await end()
        ended = true
      } finally {
        if (!ended) await end()
      }
      await degraded(0)
      await storm(path, 2 * limit)
      // One limit that they share, anew where Redis has lost it, and one of each node.
      const lostCounters = index === 0 ? limit : 0
      expect(arrived.get(path)).toBeLessThanOrEqual(limit + 2 * limit + lostCounters)
      expect(arrived.get(path)).toBeGreaterThanOrEqual(limit / 2 + 2 * limit)
      // Told once; later, when there have been many within some seconds, with the next line.
      for (const [lines, earlier] of [
        [logLines(lostLine), before.lost],
        [logLines(backLine), before.back],
      ] as const) {
        for (const [at, count] of lines.entries()) {
          expect(count - (earlier[at] ?? 0)).toBeLessThanOrEqual(1)
          if (index === 0) expect(count - (earlier[at] ?? 0)).toBe(1)
        }
      }
    },
    30_000,
  )

  it('a Redis that is still loading counts as one that is not there, and is used when it is done', async () => {
    await degraded(0)
    const pipeline = redis.client.pipeline()
    for (let index = 0; index < keysToLoad; index++) pipeline.set(`load-${index}`, 'x'.repeat(100))
    await pipeline.exec()
    await redis.client.save()
    await redis.kill()
    await degraded(1)
    const restarted = redis.restart()
    const answers: Answer[] = []
    let loading = true
    void restarted.finally(() => {
      loading = false
    })
    while (loading) answers.push(...(await storm('/wide', 8)))
    await restarted
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(worstMs(answers)).toBeLessThan(waitMs)
    await degraded(0)
  }, 30_000)

  it('a Redis that has lost everything (FLUSHALL) starts the counters anew, and nothing else', async () => {
    await degraded(0)
    const before = logLines(lostLine)
    await redis.client.flushall()
    const first = await storm('/limited/0', 2 * limit)
    await redis.client.flushall()
    const second = await storm('/limited/0', 2 * limit)
    for (const answers of [first, second]) {
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(limit)
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(limit)
    }
    expect(logLines(lostLine)).toEqual(before)
  }, 20_000)
})

describe.each([
  ['closed', 503],
  ['open', 200],
] as const)('redis_failure: %s', (failure, status) => {
  beforeAll(async () => {
    proxy.refuse()
    await open(failure)
  }, 30_000)
  afterAll(async () => {
    proxy.pass()
    await close()
  })

  it('starts without Redis, is used when it is there, and decides within half a second when it vanishes', async () => {
    await degraded(1)
    expect((await storm('/limited/1', 4)).map((answer) => answer.status)).toEqual(Array(4).fill(status))
    expect((await storm('/free', 4)).map((answer) => answer.status)).toEqual(Array(4).fill(200))
    proxy.pass()
    await degraded(0)
    await redis.client.flushall()
    expect((await storm('/limited/1', 4)).map((answer) => answer.status)).toEqual(Array(4).fill(200))

    for (const fault of [() => proxy.blackHole(), () => redis.hang()]) {
      fault()
      const deciding: Answer[] = []
      let over = false
      const decided = degraded(1)
      void decided.finally(() => {
        over = true
      })
      while (!over) deciding.push(...(await storm('/wide', 8)))
      await decided
      const later = await storm('/wide', 20)
      expect(later.map((answer) => answer.status)).toEqual(Array(20).fill(status))
      expect(worstMs([...deciding, ...later])).toBeLessThan(waitMs)
      if (failure === 'closed') expect(later[0]).toMatchObject({ code: 'LIMITER_UNAVAILABLE', retryAfter: '1' })
      else expect(await nodes[0]?.metric('sallyport_limiter_uncounted_total')).toBeGreaterThan(0)
      expect((await storm('/free', 4)).map((answer) => answer.status)).toEqual(Array(4).fill(200))
      proxy.pass()
      redis.resume()
      await degraded(0)
    }
  }, 30_000)
})
