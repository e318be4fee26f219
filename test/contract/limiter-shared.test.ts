import { afterAll, beforeAll, beforeEach } from 'vitest'
import { createLeasingLimiter } from '../../src/limiter/leasing.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import { createMemoryAuthority } from '../../src/limiter/memory-authority.ts'
import { testClock } from '../helpers/clock.ts'
import { useRedis } from '../helpers/redis.ts'
import { type SharedCounters, shareCounters } from '../helpers/redis-limiter.ts'
import { limiterContract } from './limiter.ts'

limiterContract('leasing from memory', () => {
  const clock = testClock()
  const authority = createMemoryAuthority({ limiter: createMemoryLimiter({ clock }), clock }).connect()
  const limiter = createLeasingLimiter({ authority, clock, leases: () => true })
  return { limiter, advance: clock.advance, close: () => limiter.close() }
})

let counters: SharedCounters<Awaited<ReturnType<typeof useRedis>>>
beforeAll(async () => {
  counters = await shareCounters(await useRedis())
})
afterAll(() => counters[Symbol.asyncDispose]())
beforeEach(() => counters.renew())

limiterContract('the Redis limiter', async () => {
  const limiter = await counters.node()
  return { limiter, advance: counters.advance, close: () => limiter.close() }
})

limiterContract('leasing from Redis', async () => {
  const clock = testClock()
  const limiter = createLeasingLimiter({ authority: await counters.node(), clock, leases: () => true })
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await counters.advance(ms)
  }
  return { limiter, advance, close: () => limiter.close() }
})

limiterContract('a leasing limiter on Redis, for limits that are not leased', async () => {
  const limiter = createLeasingLimiter({ authority: await counters.node(), clock: testClock() })
  return { limiter, advance: counters.advance, close: () => limiter.close() }
})
