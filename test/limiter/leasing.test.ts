import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { LimitAuthority } from '../../src/limiter/authority.ts'
import { createLeasingLimiter, type LeasingLimiter } from '../../src/limiter/leasing.ts'
import { type Charge, type ChargeState, LimiterUnavailable } from '../../src/limiter/limiter.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import { createMemoryAuthority } from '../../src/limiter/memory-authority.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { type SharedCounters, shareCounters } from '../helpers/redis-limiter.ts'

const minute = 60_000
const charge = (changed: Partial<Charge> = {}): Charge => ({
  ...{ limit: 'key-minute', bucket: 'key_1', requests: 100, windowMs: minute, cost: 1, lease: true },
  ...changed,
})
const admitted = (states: readonly ChargeState[]): boolean => states.every(({ exceeded }) => !exceeded)

/** What happens to messages between a holder and the authority. */
type Wire = (what: string) => Promise<'delivered' | 'lost'>

/** An authority behind a wire that delivers when, and whether, the test says. */
function behind(wire: Wire, authority: LimitAuthority): LimitAuthority {
  const carry = async <T>(what: string, act: () => T | Promise<T>): Promise<T> => {
    if ((await wire(`${what} there`)) === 'lost') throw new LimiterUnavailable('lost on the way there')
    const result = await act()
    if ((await wire(`${what} back`)) === 'lost') throw new LimiterUnavailable('lost on the way back')
    return result
  }
  return {
    take: (wants) => carry('take', () => authority.take(wants)),
    peek: (charges) => carry('peek', () => authority.peek(charges)),
    giveBack: (holdings) => carry('hand-back', () => authority.giveBack(holdings)),
    onRecall: (listener) =>
      authority.onRecall((counters) => {
        void wire('recall').then((how) => how === 'delivered' && listener(counters))
      }),
    close: () => authority.close(),
  }
}

function setUp({ nodes = 1, wire, recallMs = 1000 }: { nodes?: number; wire?: Wire; recallMs?: number } = {}) {
  const clock = testClock()
  const memory = createMemoryLimiter({ clock })
  const authority = createMemoryAuthority({ limiter: memory, clock, recallMs })
  const connect = (): LeasingLimiter => {
    const own = authority.connect()
    return createLeasingLimiter({ authority: wire ? behind(wire, own) : own, clock })
  }
  return { clock, memory, authority, connect, nodes: Array.from({ length: nodes }, connect) }
}

/** Asks until the node answers at once: then it holds tokens. */
async function warmUp(node: LeasingLimiter, charged = charge()): Promise<number> {
  for (let spent = 1; spent < 50; spent++) {
    const states = node.charge([charged])
    if (!(states instanceof Promise)) return spent
    expect(admitted(await states)).toBe(true)
  }
  throw new Error('nothing is held')
}

describe('a leasing limiter', () => {
  it('answers most requests at once when there are many, and tells what is left without a gap', async () => {
    let calls = 0
    const counting: Wire = async () => {
      calls++
      return 'delivered'
    }
    const { nodes } = setUp({ wire: counting })
    const left: number[] = []
    for (let count = 0; count < 100; count++) left.push((await nodes[0]?.charge([charge()]))?.[0]?.remaining ?? -1)
    expect(left).toEqual(Array.from({ length: 100 }, (_, index) => 99 - index))
    expect(calls / 2).toBeLessThan(40)
  })

  it('asks less often for a limit so large that what is held is a thousandth of it at most', async () => {
    const asksFor = async (requests: number): Promise<number> => {
      let calls = 0
      const { nodes } = setUp({
        wire: async (what) => {
          if (what === 'take there') calls++
          return 'delivered'
        },
      })
      for (let count = 0; count < 4000; count++) await nodes[0]?.charge([charge({ requests })])
      return calls
    }
    const [many, few] = [await asksFor(10_000), await asksFor(1_000_000)]
    expect(many).toBeGreaterThan(4000 / 51)
    expect(few).toBeLessThan(20)
  })

  it('holds nothing of a counter that is asked for now and then', async () => {
    const { clock, memory, nodes } = setUp()
    for (let count = 1; count <= 5; count++) {
      await nodes[0]?.charge([charge()])
      expect(memory.peek([charge()])[0]?.remaining).toBe(100 - count)
      clock.advance(1500)
    }
  })

  it('gives back after a second what it has not used', async () => {
    const { clock, memory, nodes } = setUp()
    const node = nodes[0] as LeasingLimiter
    const spent = await warmUp(node)
    expect(memory.peek([charge()])[0]?.remaining).toBeLessThan(100 - spent)
    clock.advance(999)
    node.returnIdle()
    expect(memory.peek([charge()])[0]?.remaining).toBeLessThan(100 - spent)
    clock.advance(1)
    node.returnIdle()
    expect(memory.peek([charge()])[0]?.remaining).toBe(100 - spent)
    expect(node.size).toBe(0)
  })

  it('gives back what it holds when it closes', async () => {
    const { memory, nodes } = setUp()
    const spent = await warmUp(nodes[0] as LeasingLimiter)
    await nodes[0]?.close()
    expect(memory.peek([charge()])[0]?.remaining).toBe(100 - spent)
  })

  it('calls back what another node holds before it refuses', async () => {
    const { nodes } = setUp({ nodes: 2 })
    const [holder, other] = nodes as [LeasingLimiter, LeasingLimiter]
    const spent = await warmUp(holder)
    const states = await other.charge([charge({ cost: 100 - spent })])
    expect(states[0]).toMatchObject({ exceeded: false, remaining: 0 })
    expect(admitted(await holder.charge([charge()]))).toBe(false)
  })

  it('gives back at once what arrives after it has been called back', async () => {
    let hold: Promise<void> | undefined
    const wire: Wire = async (what) => {
      if (what === 'take back' && hold) await hold
      return 'delivered'
    }
    const { authority, clock, connect } = setUp({ wire, recallMs: 2000 })
    const [holder, other] = [connect(), createLeasingLimiter({ authority: authority.connect(), clock })]
    await holder.charge([charge()])
    const arrives = Promise.withResolvers<void>()
    hold = arrives.promise
    const late = Promise.resolve(holder.charge([charge()]))
    await new Promise((resolve) => setImmediate(resolve))
    // Two are spent, and what came along with the second is on its way.
    const states = Promise.resolve(other.charge([charge({ cost: 98 })]))
    await new Promise((resolve) => setImmediate(resolve))
    arrives.resolve()
    expect(admitted(await late)).toBe(true)
    expect((await states)[0]).toMatchObject({ exceeded: false, remaining: 0 })
  })

  it('serves those who wait with what arrives after it has been called back, and gives back the rest', async () => {
    const arrives = Promise.withResolvers<void>()
    let taken = 0
    let answered = 0
    const wire: Wire = async (what) => {
      if (what === 'take there') taken++
      if (what === 'take back' && ++answered === 3) await arrives.promise
      return 'delivered'
    }
    const { authority, clock, connect } = setUp({ wire, recallMs: 2000 })
    const [holder, other] = [connect(), createLeasingLimiter({ authority: authority.connect(), clock })]
    await holder.charge([charge()])
    // The first of them brings four, the sixth asks for the other 33 and some more.
    const many = Array.from({ length: 39 }, async () => holder.charge([charge()]))
    await eventually('the third answer to be on its way', () => answered === 3)
    const states = Promise.resolve(other.charge([charge({ cost: 60 })]))
    await new Promise((resolve) => setImmediate(resolve))
    arrives.resolve()
    expect((await Promise.all(many)).every(admitted)).toBe(true)
    expect(taken).toBe(3)
    expect((await states)[0]).toMatchObject({ exceeded: false, remaining: 0 })
  })

  it('loses what a node held that died, until the window ends, and does not wait for it again and again', async () => {
    const { clock, authority, nodes } = setUp({ nodes: 1, recallMs: 20 })
    const holder = authority.connect()
    const [grant] = await holder.take([{ ...charge(), extra: 12, waiting: 0, window: '', covered: 0, spent: 0 }])
    expect(grant?.granted).toBe(12)
    const node = nodes[0] as LeasingLimiter
    expect(admitted(await node.charge([charge({ cost: 88 })]))).toBe(false)
    const before = performance.now()
    for (let tries = 0; tries < 20; tries++) expect(admitted(await node.charge([charge({ cost: 88 })]))).toBe(false)
    expect(performance.now() - before).toBeLessThan(20 * 20)
    await holder.close()
    expect(admitted(await node.charge([charge({ cost: 87 })]))).toBe(true)
    clock.advance(minute)
    expect(admitted(await node.charge([charge({ cost: 100 })]))).toBe(true)
  })

  it('spends nothing of a window that has ended', async () => {
    const { clock, nodes } = setUp()
    const node = nodes[0] as LeasingLimiter
    await warmUp(node)
    clock.advance(minute)
    expect(node.charge([charge()])).toBeInstanceOf(Promise)
    expect((await node.charge([charge({ cost: 98 })]))[0]?.exceeded).toBe(false)
    expect((await node.charge([charge({ cost: 2 })]))[0]?.exceeded).toBe(true)
  })

  it('asks again after a reload has made the limit smaller, and admits no more than that', async () => {
    const { nodes } = setUp()
    const spent = await warmUp(nodes[0] as LeasingLimiter)
    const states = await nodes[0]?.charge([charge({ requests: spent })])
    expect(states?.[0]).toMatchObject({ exceeded: true, remaining: 0 })
  })

  it('charges a limit that is not leased and one that is together, or neither', async () => {
    const { nodes, memory } = setUp()
    const node = nodes[0] as LeasingLimiter
    const plain = charge({ limit: 'org-day', requests: 6, lease: false })
    const counts = { admitted: 0, refused: 0 }
    for (let count = 0; count < 20; count++) {
      counts[admitted(await node.charge([charge(), plain])) ? 'admitted' : 'refused']++
    }
    expect(counts).toEqual({ admitted: 6, refused: 14 })
    await node.close()
    expect(memory.peek([charge(), plain]).map(({ remaining }) => remaining)).toEqual([94, 0])
  })

  it('keeps no more counters in mind than it may', async () => {
    const { authority, clock } = setUp()
    const node = createLeasingLimiter({ authority: authority.connect(), clock, countersMax: 10 })
    for (let flood = 0; flood < 100; flood++) await node.charge([charge({ bucket: `key_${flood}` })])
    expect(node.size).toBe(10)
  })

  it('refuses without asking where nobody holds anything that could come back', async () => {
    let calls = 0
    const counting: Wire = async () => {
      calls++
      return 'delivered'
    }
    const { clock, nodes } = setUp({ wire: counting })
    const node = nodes[0] as LeasingLimiter
    await node.charge([charge({ cost: 100 })])
    expect(admitted(await node.charge([charge()]))).toBe(false)
    const before = calls
    for (let tries = 0; tries < 100; tries++)
      expect(node.charge([charge()])).toMatchObject([{ exceeded: true, remaining: 0 }])
    expect(calls).toBe(before)
    clock.advance(250)
    expect(node.charge([charge()])).toBeInstanceOf(Promise)
  })
})

describe('whatever the order of messages', () => {
  const demand = fc.array(
    fc.record({
      node: fc.nat(2),
      cost: fc.integer({ min: 1, max: 3 }),
      both: fc.boolean(),
      pause: fc.boolean(),
    }),
    { minLength: 30, maxLength: 90 },
  )
  const chargesOf = (cost: number, both: boolean): Charge[] => [
    charge({ requests: 40, cost }),
    ...(both ? [charge({ limit: 'org-day', bucket: 'org_1', requests: 25, cost })] : []),
  ]

  it('admits exactly the limit when there is demand for it and nothing is lost', () =>
    fc.assert(
      fc.asyncProperty(demand, fc.scheduler(), async (steps, scheduler) => {
        const wire: Wire = async (what) => {
          await scheduler.schedule(Promise.resolve(), what)
          return 'delivered'
        }
        const { nodes } = setUp({ nodes: 3, wire })
        const states: Promise<readonly ChargeState[]>[] = []
        for (const { node, pause } of steps) {
          states.push(Promise.resolve(nodes[node]?.charge([charge({ requests: 25 })]) ?? []))
          if (pause && scheduler.count() > 0) await scheduler.waitOne()
        }
        const done = await scheduler.waitFor(Promise.all(states))
        expect(done.filter(admitted)).toHaveLength(25)
      }),
      { numRuns: 500 },
    ))

  it('never admits more than a limit, though messages are lost and nodes die', () =>
    fc.assert(
      fc.asyncProperty(demand, fc.scheduler(), fc.infiniteStream(fc.nat(99)), async (steps, scheduler, luck) => {
        const next = (): number => luck.next().value ?? 0
        const wire: Wire = async (what) => {
          await scheduler.schedule(Promise.resolve(), what)
          return next() < 12 ? 'lost' : 'delivered'
        }
        const { nodes, connect, memory, clock } = setUp({ nodes: 3, wire, recallMs: 5 })
        const total = { key: 0, org: 0 }
        const asked: Promise<void>[] = []
        for (const { node, cost, both, pause } of steps) {
          const charges = chargesOf(cost, both)
          const count = (states: readonly ChargeState[]): void => {
            if (!admitted(states)) return
            total.key += cost
            if (both) total.org += cost
          }
          asked.push((async () => count((await nodes[node]?.charge(charges)) ?? []))().catch(() => {}))
          if (pause && scheduler.count() > 0) await scheduler.waitOne()
          if (next() < 5) nodes[node] = connect()
          if (next() < 10) nodes[node]?.returnIdle()
          if (next() < 3) clock.advance(900)
        }
        await scheduler.waitFor(Promise.all(asked))
        expect(total.key).toBeLessThanOrEqual(40)
        expect(total.org).toBeLessThanOrEqual(25)
        expect(memory.peek(chargesOf(1, true)).map(({ remaining }) => remaining >= 0)).toEqual([true, true])
      }),
      { numRuns: 100 },
    ))

  it('admits at once no more than a limit in any window of the authority, though the clock runs on', () =>
    fc.assert(
      fc.asyncProperty(demand, fc.scheduler(), fc.infiniteStream(fc.nat(99)), async (steps, scheduler, luck) => {
        const next = (): number => luck.next().value ?? 0
        const wire: Wire = async (what) => {
          await scheduler.schedule(Promise.resolve(), what)
          return next() < 5 ? 'lost' : 'delivered'
        }
        const { nodes, memory, clock } = setUp({ nodes: 3, wire, recallMs: 5 })
        const atOnce = new Map<object, number>()
        const windows = new Set<object>()
        let all = 0
        const look = (): object | undefined => {
          const window = memory.windowOf('key-minute', 'key_1')
          if (window) windows.add(window)
          return window
        }
        const asked: Promise<void>[] = []
        for (const { node, cost, pause } of steps) {
          const states = nodes[node]?.charge([charge({ requests: 40, cost, windowMs: 1000 })]) ?? []
          if (states instanceof Promise) {
            asked.push(
              states.then(
                (later) => {
                  look()
                  if (admitted(later)) all += cost
                },
                () => {},
              ),
            )
          } else if (admitted(states)) {
            all += cost
            const window = look()
            expect(window, 'a lease has outlived its window').toBeDefined()
            if (window) atOnce.set(window, (atOnce.get(window) ?? 0) + cost)
          }
          if (pause && scheduler.count() > 0) {
            await scheduler.waitOne()
            look()
          }
          if (next() < 20) clock.advance(next() * 10)
        }
        await scheduler.waitFor(Promise.all(asked))
        look()
        for (const spent of atOnce.values()) expect(spent).toBeLessThanOrEqual(40)
        expect(all).toBeLessThanOrEqual(40 * Math.max(1, windows.size))
      }),
      { numRuns: 100 },
    ))
})

describe('on a real Redis', () => {
  let counters: SharedCounters
  beforeAll(async () => {
    counters = await shareCounters(await startRedis())
  })
  afterAll(() => counters[Symbol.asyncDispose]())
  beforeEach(() => counters.redis.client.flushall())

  const open = async ({ recallMs = 5000 } = {}) => {
    // Long enough for nodes that share a busy machine; the one that is dead is waited for in vain.
    const authority = await counters.node({ recallMs })
    return { authority, limiter: createLeasingLimiter({ authority, clock: systemClock }) }
  }

  it('calls back what a node holds also when its connection was lost and is there again', async () => {
    const [holder, asker] = (await Promise.all([1, 2].map(() => open()))) as [
      Awaited<ReturnType<typeof open>>,
      Awaited<ReturnType<typeof open>>,
    ]
    const listening = async (): Promise<number> =>
      String(await counters.redis.client.client('LIST'))
        .split('\n')
        .filter((line) => / sub=[1-9]/.test(line)).length
    for (let times = 0; times < 3; times++) {
      await eventually('both to listen', async () => (await listening()) === 2)
      expect(await counters.redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(2)
    }
    await eventually('both to listen', async () => (await listening()) === 2)
    for (let count = 0; count < 20; count++) await holder.limiter.charge([charge({ requests: 100 })])
    const taken = []
    for (let count = 0; count < 81; count++) taken.push(await asker.limiter.charge([charge({ requests: 100 })]))
    expect(taken.filter(admitted)).toHaveLength(80)
    await Promise.all([holder, asker].map(({ limiter }) => limiter.close()))
  })

  it('admits exactly the limit when four nodes race for it, on a fraction of the round trips', async () => {
    const nodes = await Promise.all([1, 2, 3, 4].map(() => open()))
    const states = await Promise.all(
      Array.from(
        { length: 5000 },
        async (_, index) => nodes[index % 4]?.limiter.charge([charge({ requests: 1000 })]) ?? [],
      ),
    )
    expect(states.filter(admitted)).toHaveLength(1000)
    const info = await counters.redis.client.info('commandstats')
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1])).toBeLessThan(2500)
    await Promise.all(nodes.map(({ limiter }) => limiter.close()))
  })

  it('admits exactly the limit when nodes take turns and one of them holds what another needs', async () => {
    const nodes = await Promise.all([1, 2].map(() => open()))
    let count = 0
    for (let round = 0; round < 60; round++) if (admitted((await nodes[0]?.limiter.charge([charge()])) ?? [])) count++
    for (let round = 0; round < 60; round++) if (admitted((await nodes[1]?.limiter.charge([charge()])) ?? [])) count++
    expect(count).toBe(100)
    await Promise.all(nodes.map(({ limiter }) => limiter.close()))
  })

  it('never exceeds the limit when a node dies with tokens in its hands', async () => {
    const [dying, living] = (await Promise.all([1, 2].map(() => open({ recallMs: 50 })))) as [
      Awaited<ReturnType<typeof open>>,
      Awaited<ReturnType<typeof open>>,
    ]
    let count = 0
    for (let round = 0; round < 20; round++) if (admitted(await dying.limiter.charge([charge()]))) count++
    const held = count
    counters.cutOff(dying.authority)
    for (let round = 0; round < 200; round++) if (admitted(await living.limiter.charge([charge()]))) count++
    expect(count).toBeLessThanOrEqual(100)
    expect(count).toBeGreaterThan(80)
    expect(held).toBe(20)
    await living.limiter.close()
    await dying.limiter.close()
  })

  it('gives back on Redis what it has not used for a second', async () => {
    const node = await open()
    let spent = 0
    for (; spent < 20; spent++) await node.limiter.charge([charge()])
    const left = async () => (await node.authority.peek([charge()]))[0]?.remaining
    expect(await left()).toBeLessThan(100 - spent)
    await eventually('the tokens to be back', async () => (await left()) === 100 - spent)
    await node.limiter.close()
  })
})

it.each([Number.NaN, -5])(
  'takes a cost of %s for one that does not fit, and hands out nothing for it',
  async (cost) => {
    const { memory, nodes } = setUp()
    const node = nodes[0] as LeasingLimiter
    const asked = [charge(), charge(), charge({ cost }), charge({ cost }), charge(), charge()].map((one) =>
      node.charge([one]),
    )
    const states = await Promise.all(asked)
    expect(states.map(admitted)).toEqual([true, true, false, false, true, true])
    await node.close()
    expect(memory.peek([charge()])[0]?.remaining).toBe(96)
  },
)
