import fc from 'fast-check'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Charge } from '../../src/limiter/limiter.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import { testClock } from '../helpers/clock.ts'
import { limiterContract } from './limiter.ts'

limiterContract('the memory limiter', () => {
  const clock = testClock()
  const limiter = createMemoryLimiter({ clock })
  return { limiter, advance: clock.advance, close: () => limiter.close() }
})

const hour = 3_600_000
const day = 24 * hour
const charge = (changed: Partial<Charge> = {}): Charge => ({
  limit: 'address',
  bucket: '192.0.2.1',
  requests: 3,
  windowMs: hour,
  cost: 1,
  ...changed,
})

function setUp(countersMax?: number) {
  const clock = testClock()
  const limiter = createMemoryLimiter({ clock, ...(countersMax === undefined ? {} : { countersMax }) })
  const fits = (changed?: Partial<Charge>): boolean =>
    limiter.charge([charge(changed)]).every((state) => !state.exceeded)
  return { clock, limiter, fits }
}

describe('the memory limiter', () => {
  it('answers at once, so that nothing can come between check and charge', () => {
    const { limiter } = setUp()
    expect(limiter.charge([charge()])).toBeInstanceOf(Array)
    expect(limiter.peek([charge()])).toBeInstanceOf(Array)
  })

  it('keeps windows longer than a timer can run', () => {
    const { clock, fits } = setUp()
    const month = { windowMs: 30 * day }
    expect([fits(month), fits(month), fits(month), fits(month)]).toEqual([true, true, true, false])
    clock.advance(30 * day - 1)
    expect(fits(month)).toBe(false)
    clock.advance(1)
    expect(fits(month)).toBe(true)
  })

  it('cuts a window that has begun to the new length when a limit is made shorter', () => {
    const { clock, fits } = setUp()
    for (let count = 0; count < 3; count++) fits({ windowMs: day })
    expect(fits({ windowMs: 60_000 })).toBe(false)
    clock.advance(60_000)
    expect(fits({ windowMs: 60_000 })).toBe(true)
  })

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuses a cost of %s', (cost) => {
    const { limiter, fits } = setUp()
    expect(fits({ cost })).toBe(false)
    expect(limiter.peek([charge()])[0]?.remaining).toBe(3)
  })

  it('admits what rate-limiter-flexible admits, as long as nothing is refused', () => {
    const steps = fc.array(
      fc.record({ bucket: fc.constantFrom('a', 'b'), cost: fc.integer({ min: 1, max: 4 }), waitMs: fc.nat(30_000) }),
      { maxLength: 40 },
    )
    return fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        vi.useFakeTimers()
        const { clock, limiter } = setUp()
        const theirs = new RateLimiterMemory({ points: 1_000_000, duration: 60 })
        for (const { bucket, cost, waitMs } of sequence) {
          clock.advance(waitMs)
          vi.advanceTimersByTime(waitMs)
          const [ours] = limiter.charge([charge({ bucket, cost, requests: 1_000_000, windowMs: 60_000 })])
          const { remainingPoints, msBeforeNext } = await theirs.consume(bucket, cost)
          expect([ours?.remaining, ours?.resetMs]).toEqual([remainingPoints, msBeforeNext])
        }
      }),
    )
  })
  afterEach(() => void vi.useRealTimers())
})

describe('a flood of buckets', () => {
  it('neither grows the limiter beyond its bound nor resets a counter that was there', () => {
    const { limiter, fits } = setUp(1000)
    for (let count = 0; count < 3; count++) fits()
    for (let flood = 0; flood < 50_000; flood++) fits({ bucket: `flood ${flood}` })
    expect(limiter.size).toBe(1000)
    expect(fits()).toBe(false)
  })

  it('is refused beyond the bound, with a time to try again, and charges nothing else', () => {
    const { limiter, fits } = setUp(10)
    for (let flood = 0; flood < 10; flood++) expect(fits({ bucket: `flood ${flood}` })).toBe(true)
    const states = limiter.charge([charge({ limit: 'org', bucket: 'org_1' }), charge({ bucket: 'one more' })])
    expect(states.map(({ exceeded, remaining }) => [exceeded, remaining])).toEqual([
      [false, 3],
      [true, 0],
    ])
    expect(states[1]?.resetMs).toBe(1000)
  })

  it('leaves other limits alone', () => {
    const { fits } = setUp(10)
    for (let flood = 0; flood < 100; flood++) fits({ bucket: `flood ${flood}` })
    expect(fits({ limit: 'key', bucket: 'key_1' })).toBe(true)
  })

  it('passes: when its windows have ended there is room again', () => {
    const { clock, limiter, fits } = setUp(1000)
    for (let flood = 0; flood < 1000; flood++) fits({ bucket: `flood ${flood}` })
    expect(fits({ bucket: 'late' })).toBe(false)
    clock.advance(hour)
    for (let fresh = 0; fresh < 1000; fresh++) expect(fits({ bucket: `fresh ${fresh}` })).toBe(true)
    expect(limiter.size).toBeLessThanOrEqual(1000)
  })
})

describe('what has ended', () => {
  it('goes as fast as new counters come', () => {
    const { clock, limiter, fits } = setUp()
    for (let round = 0; round < 100; round++) {
      for (let count = 0; count < 100; count++) fits({ bucket: `${round} ${count}`, windowMs: 1000 })
      clock.advance(1000)
    }
    // 100 are live at a time; the hand that takes out the rest needs one round for it.
    expect(limiter.size).toBeLessThan(400)
  })

  it('is let go with its limit, when a reload took that away', () => {
    const { clock, limiter, fits } = setUp()
    for (let count = 0; count < 500; count++) fits({ limit: 'old', bucket: `${count}` })
    clock.advance(hour)
    fits({ limit: 'new' })
    expect(limiter.size).toBe(1)
  })

  it('does not take a table from under a charge that is being made', () => {
    const { clock, fits, limiter } = setUp()
    fits({ limit: 'a' })
    clock.advance(hour)
    limiter.charge([charge({ limit: 'a' }), charge({ limit: 'b' })])
    expect(limiter.peek([charge({ limit: 'a' }), charge({ limit: 'b' })]).map(({ remaining }) => remaining)).toEqual([
      2, 2,
    ])
  })
})

describe('a restart', () => {
  it('keeps counters of an hour or more, to the millisecond, and no shorter ones', () => {
    const { clock, limiter, fits } = setUp()
    fits()
    fits({ bucket: 'a bucket with blanks', cost: 2 })
    fits({ limit: 'minute', windowMs: 60_000 })
    clock.advance(hour / 4)
    const dumped = limiter.dump()
    expect(dumped).toEqual([
      { key: 'address 192.0.2.1', used: 1, endsAt: clock.now() + 0.75 * hour },
      { key: 'address a bucket with blanks', used: 2, endsAt: clock.now() + 0.75 * hour },
    ])

    const next = createMemoryLimiter({ clock })
    next.restore(dumped)
    const states = next.peek([charge(), charge({ bucket: 'a bucket with blanks' })])
    expect(states.map(({ remaining, resetMs }) => [remaining, resetMs])).toEqual([
      [2, 0.75 * hour],
      [1, 0.75 * hour],
    ])
    expect(next.dump()).toEqual(dumped)
  })

  it('leaves out what ended meanwhile and what makes no sense', () => {
    const { clock, limiter } = setUp()
    const endsAt = clock.now() + hour
    limiter.restore([
      { key: 'address ended', used: 3, endsAt: clock.now() },
      { key: 'nospace', used: 3, endsAt },
      { key: ' nolimit', used: 3, endsAt },
      { key: 'address negative', used: -3, endsAt },
      { key: 'address nan', used: Number.NaN, endsAt },
      { key: 'address never', used: 3, endsAt: Number.NaN },
    ])
    expect(limiter.size).toBe(0)
  })

  it('never gives back what was charged already', () => {
    const { clock, limiter, fits } = setUp()
    for (let count = 0; count < 3; count++) fits()
    limiter.restore([{ key: 'address 192.0.2.1', used: 1, endsAt: clock.now() + hour }])
    expect(fits()).toBe(false)
  })

  it('keeps to the bound', () => {
    const { clock, limiter } = setUp(10)
    const counters = Array.from({ length: 50 }, (_, index) => ({ key: `a ${index}`, used: 1, endsAt: clock.now() + 1 }))
    limiter.restore(counters)
    expect(limiter.size).toBe(10)
  })

  it('finds in takeChanged what was charged since the last time, and only that', () => {
    const { limiter, fits } = setUp()
    const keys = () => limiter.takeChanged().map(({ key, used }) => [key, used])
    fits({ bucket: 'a' })
    fits({ bucket: 'b' })
    fits({ limit: 'minute', windowMs: 60_000 })
    expect(keys()).toEqual([
      ['address a', 1],
      ['address b', 1],
    ])
    fits({ bucket: 'b' })
    limiter.peek([charge({ bucket: 'a' })])
    expect(keys()).toEqual([['address b', 2]])
    expect(keys()).toEqual([])
  })
})
