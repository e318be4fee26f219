import { RateLimiterMemory } from 'rate-limiter-flexible'
import { systemClock } from '../../src/clock.ts'
import type { Charge } from '../../src/limiter/limiter.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import type { Case, Scenario } from './scenario.ts'

/** Charging limits in memory; the library's own promise-based call beside it. */
export const scenario: Scenario = {
  about: 'memory limiter: one charge, nanoseconds',
  async open() {
    const limiter = createMemoryLimiter({ clock: systemClock })
    return { cases: casesOf(limiter), [Symbol.asyncDispose]: () => limiter.close() }
  },
}

const bucketCount = 100_000
const buckets = Array.from({ length: bucketCount }, (_, i) => `key_${i}`)
const minute = 60_000
const plenty = 1_000_000_000

function casesOf(limiter: ReturnType<typeof createMemoryLimiter>): Case[] {
  const charge = (limit: string, bucket: string, requests = plenty): Charge => ({
    ...{ limit, bucket, requests, windowMs: minute, cost: 1 },
  })
  const run = (times: number, chargesFor: (i: number) => readonly Charge[], exceeded: boolean): number => {
    let remaining = 0
    for (let i = 0; i < times; i++) {
      const [state] = limiter.charge(chargesFor(i))
      if (state?.exceeded !== exceeded) throw new Error(`charge ${i} was ${exceeded ? 'admitted' : 'refused'}`)
      remaining += state.remaining
    }
    return remaining
  }
  const bucketOf = (i: number): string => buckets[i % bucketCount] ?? ''
  limiter.charge([charge('full', 'one', 1)])
  const library = new RateLimiterMemory({ points: plenty, duration: 60 })
  return [
    { name: 'one limit, one key', run: (times) => run(times, () => [charge('one', 'key')], false) },
    { name: 'one limit, 100,000 keys', run: (times) => run(times, (i) => [charge('many', bucketOf(i))], false) },
    {
      name: 'three limits, 100,000 keys',
      run: (times) => run(times, (i) => ['a', 'b', 'c'].map((limit) => charge(limit, bucketOf(i))), false),
    },
    { name: 'refused', run: (times) => run(times, () => [charge('full', 'one', 1)], true) },
    {
      name: 'rate-limiter-flexible consume, one key',
      async run(times) {
        let remaining = 0
        for (let i = 0; i < times; i++) remaining += (await library.consume('key')).remainingPoints
        return remaining
      },
    },
  ]
}
