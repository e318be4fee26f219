import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuardedLimiter, type GuardedLimiter } from '../../src/limiter/guarded.ts'
import type { Charge, ChargeState } from '../../src/limiter/limiter.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { type SharedCounters, shareCounters, unconnected } from '../helpers/redis-limiter.ts'

const charge: Charge = { limit: 'key-minute', bucket: 'key_1', requests: 50, windowMs: 60_000, cost: 1 }

let counters: SharedCounters
const open: GuardedLimiter[] = []
beforeEach(async () => {
  counters = await shareCounters(await startRedis())
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((limiter) => limiter.close()))
  await counters[Symbol.asyncDispose]()
})

async function guard(failure: 'local' | 'closed' | 'open' = 'local') {
  const shared = await counters.node()
  const told: string[] = []
  let uncounted = 0
  const limiter = createGuardedLimiter({
    shared,
    probe: () => shared.probe(),
    local: createMemoryLimiter({ clock: testClock() }),
    failure: () => failure,
    events: {
      fault: () => {},
      limiterDegraded: (degraded) => told.push(degraded ? 'degraded' : 'shared'),
      limitsUncounted: () => uncounted++,
    },
  })
  open.push(limiter)
  await limiter.ready()
  const ask = async (): Promise<{ outcome: string; tookMs: number }> => {
    const before = performance.now()
    const outcome = await Promise.resolve(limiter.charge([charge])).then(outcomeOf, (error: Error) => error.name)
    return { outcome, tookMs: performance.now() - before }
  }
  return { limiter, ask, told, uncounted: () => uncounted }
}

const outcomeOf = (states: readonly ChargeState[]): string =>
  states.length === 0 ? 'uncounted' : states.some(({ exceeded }) => exceeded) ? 'refused' : 'admitted'

describe.each(['hangs', 'dies'] as const)('when Redis %s', (how) => {
  const fail = async (): Promise<void> => (how === 'hangs' ? counters.redis.hang() : await counters.redis.kill())
  const mend = async (): Promise<void> => (how === 'hangs' ? counters.redis.resume() : await counters.redis.restart())

  it('lets no request wait for longer than half a second, and then counts on this node alone', async () => {
    const { ask, told } = await guard()
    expect((await ask()).outcome).toBe('admitted')
    await fail()
    const asked: ReturnType<typeof ask>[] = []
    await eventually('it to be decided', () => {
      asked.push(ask())
      return told.includes('degraded')
    })
    const before = await Promise.all(asked)
    expect(Math.max(...before.map(({ tookMs }) => tookMs))).toBeLessThan(500)
    expect(new Set(before.map(({ outcome }) => outcome)).has('LimiterUnavailable')).toBe(true)

    const after = []
    for (let count = 0; count < 100; count++) after.push(await ask())
    const local = [...before, ...after].filter(({ outcome }) => outcome === 'admitted')
    expect(local).toHaveLength(50)
    expect(Math.max(...after.map(({ tookMs }) => tookMs))).toBeLessThan(100)
    expect(told.filter((what) => what === 'degraded')).toHaveLength(1)
  })

  it('notices it without any request, and comes back by itself', async () => {
    const { ask, told } = await guard()
    await fail()
    await eventually('it to be decided', () => told.includes('degraded'), { withinMs: 1500 })
    await mend()
    await eventually('limits to be shared again', () => told.at(-1) === 'shared', { withinMs: 5000 })
    expect((await ask()).outcome).toBe('admitted')
    const [state] = await eventually('the shared counter', async () => (await counters.node()).peek([charge]))
    expect(state?.remaining).toBe(49)
  })
})

describe('redis_failure', () => {
  it('closed: refuses at once', async () => {
    const { ask, told } = await guard('closed')
    await counters.redis.kill()
    await eventually('it to be decided', () => told.includes('degraded'))
    const { outcome, tookMs } = await ask()
    expect(outcome).toBe('LimiterUnavailable')
    expect(tookMs).toBeLessThan(50)
  })

  it('open: lets everything pass, and counts how often', async () => {
    const { ask, told, uncounted } = await guard('open')
    await counters.redis.kill()
    await eventually('it to be decided', () => told.includes('degraded'))
    const before = uncounted()
    for (let count = 0; count < 60; count++) expect((await ask()).outcome).toBe('uncounted')
    expect(uncounted() - before).toBe(60)
  })

  it('local: admits one extra limit in a window at most, though Redis comes and goes', async () => {
    const { ask, told } = await guard('local')
    let admitted = 0
    const spend = async (): Promise<void> => {
      for (let count = 0; count < 60; count++) if ((await ask()).outcome === 'admitted') admitted++
    }
    await spend()
    for (let outage = 1; outage <= 2; outage++) {
      counters.redis.hang()
      await eventually('it to be decided', () => told.at(-1) === 'degraded')
      await spend()
      counters.redis.resume()
      await eventually('limits to be shared again', () => told.at(-1) === 'shared', { withinMs: 5000 })
      await spend()
    }
    expect(admitted).toBe(100)
  })
})

it('starts without Redis within half a second or so, and shares limits once it is there', async () => {
  await counters.redis.kill()
  const shared = unconnected(counters.redis.url)
  const told: boolean[] = []
  const limiter = createGuardedLimiter({
    shared,
    probe: () => shared.probe(),
    local: createMemoryLimiter({ clock: testClock() }),
    failure: () => 'local',
    events: { fault: () => {}, limiterDegraded: (degraded) => told.push(degraded), limitsUncounted: () => {} },
  })
  open.push(limiter)
  const before = performance.now()
  await limiter.ready()
  expect(performance.now() - before).toBeLessThan(900)
  expect(told).toEqual([true])
  expect(outcomeOf(await limiter.charge([charge]))).toBe('admitted')
  await counters.redis.restart()
  await eventually('limits to be shared', () => told.at(-1) === false, { withinMs: 5000 })
})

it('is down for a server that takes no writes, though it answers', async () => {
  const { told } = await guard()
  await counters.redis.client.config('SET', 'maxmemory', '1')
  await eventually('it to be decided', () => told.at(-1) === 'degraded')
  await counters.redis.client.config('SET', 'maxmemory', '0')
  await eventually('limits to be shared again', () => told.at(-1) === 'shared')
})

it('is down for a server that answers everything too late', async () => {
  const shared = await counters.node()
  let lateMs = 0
  const late = async <T>(answer: () => T | Promise<T>): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, lateMs))
    return answer()
  }
  const told: boolean[] = []
  const limiter = createGuardedLimiter({
    shared: {
      charge: (charges) => late(() => shared.charge(charges)),
      peek: (charges) => late(() => shared.peek(charges)),
      close: () => shared.close(),
    },
    probe: () => late(() => shared.probe()),
    local: createMemoryLimiter({ clock: testClock() }),
    failure: () => 'local',
    events: { fault: () => {}, limiterDegraded: (degraded) => told.push(degraded), limitsUncounted: () => {} },
  })
  open.push(limiter)
  await limiter.ready()
  lateMs = 300
  const asked: Promise<unknown>[] = []
  await eventually('it to be decided', () => {
    asked.push(Promise.resolve(limiter.charge([charge])).catch(() => {}))
    return told.at(-1) === true
  })
  await Promise.all(asked)
  lateMs = 0
  await eventually('limits to be shared again', () => told.at(-1) === false)
})
