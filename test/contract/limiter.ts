import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Charge, ChargeState, Limiter } from '../../src/limiter/limiter.ts'

export interface LimiterUnderTest {
  readonly limiter: Limiter
  /** Lets so much time pass for the limiter: by its clock, or by waiting. */
  advance(ms: number): void | Promise<void>
  close(): Promise<void>
}

/** What limiter.ts promises, held against one adapter. Windows are short, so that an adapter with real time can be waited for. */
export function limiterContract(name: string, open: () => LimiterUnderTest | Promise<LimiterUnderTest>): void {
  describe(`${name} keeps the limiter contract`, () => {
    let subject: LimiterUnderTest
    beforeEach(async () => {
      subject = await open()
    })
    afterEach(() => subject.close())

    const charge = async (...charges: Charge[]): Promise<readonly ChargeState[]> => subject.limiter.charge(charges)
    const peek = async (...charges: Charge[]): Promise<readonly ChargeState[]> => subject.limiter.peek(charges)
    const one = async (charged: Charge): Promise<ChargeState> => only(await charge(charged))

    it('admits exactly the limit, however many race for it', async () => {
      const states = await Promise.all(Array.from({ length: 5000 }, () => one(limit({ requests: 120 }))))
      const admitted = states.filter(({ exceeded }) => !exceeded)
      expect(admitted).toHaveLength(120)
      expect(new Set(admitted.map(({ remaining }) => remaining)).size).toBe(120)
    })

    it('admits exactly what the tightest of several limits has room for, when charges with different limits race', async () => {
      const states = await Promise.all(
        Array.from({ length: 2000 }, (_, index) =>
          charge(
            limit({ limit: 'key', bucket: `key_${index % 3}`, requests: 50 }),
            limit({ limit: 'org', bucket: 'org_1', requests: 100 }),
          ),
        ),
      )
      expect(states.filter((state) => state.every(({ exceeded }) => !exceeded))).toHaveLength(100)
      const used = await peek(...[0, 1, 2].map((key) => limit({ limit: 'key', bucket: `key_${key}`, requests: 50 })))
      expect(used.reduce((sum, { remaining }) => sum + 50 - remaining, 0)).toBe(100)
    })

    it('charges none of several limits when one does not fit, whichever it is', async () => {
      const [wide, tight] = [limit({ limit: 'wide', requests: 10 }), limit({ limit: 'tight', requests: 1 })]
      await charge(wide, tight)
      for (const charges of [
        [wide, tight],
        [tight, wide],
      ]) {
        const states = await charge(...charges)
        expect(states.map(({ limit, exceeded }) => [limit, exceeded])).toEqual(
          charges.map((charged) => [charged.limit, charged === tight]),
        )
      }
      expect(only(await peek(wide)).remaining).toBe(9)
    })

    it('charges nothing for a refused request: a smaller one still fits', async () => {
      await one(limit({ requests: 10, cost: 7 }))
      for (let tries = 0; tries < 20; tries++) expect((await one(limit({ requests: 10, cost: 4 }))).exceeded).toBe(true)
      expect(await one(limit({ requests: 10, cost: 3 }))).toMatchObject({ exceeded: false, remaining: 0 })
    })

    it('takes the cost from each limit', async () => {
      const states = await charge(
        limit({ limit: 'a', requests: 10, cost: 5 }),
        limit({ limit: 'b', requests: 7, cost: 5 }),
      )
      expect(states.map(({ remaining }) => remaining)).toEqual([5, 2])
    })

    it('refuses a cost above the whole limit, and begins no window for it', async () => {
      expect(await one(limit({ requests: 4, cost: 5 }))).toMatchObject({
        exceeded: true,
        remaining: 4,
        resetMs: windowMs,
      })
    })

    it('answers in the order asked, with the facts of each limit', async () => {
      const states = await charge(
        limit({ limit: 'b', requests: 5 }),
        limit({ limit: 'a', requests: 9, windowMs: 2 * windowMs, cost: 2 }),
      )
      expect(states).toEqual([
        { limit: 'b', requests: 5, windowMs, remaining: 4, resetMs: expect.closeTo(windowMs, -2), exceeded: false },
        {
          limit: 'a',
          requests: 9,
          windowMs: 2 * windowMs,
          remaining: 7,
          resetMs: expect.closeTo(2 * windowMs, -2),
          exceeded: false,
        },
      ])
      expect(await charge()).toEqual([])
    })

    it('counts buckets apart, and limits apart that have the same bucket', async () => {
      await one(limit({ requests: 1 }))
      expect((await one(limit({ requests: 1 }))).exceeded).toBe(true)
      expect((await one(limit({ requests: 1, bucket: 'key_2' }))).exceeded).toBe(false)
      expect((await one(limit({ requests: 1, limit: 'other' }))).exceeded).toBe(false)
    })

    it('does not confuse limits and buckets whose names run into each other', async () => {
      await one(limit({ limit: 'a', bucket: 'b c', requests: 1 }))
      for (const bucket of ['b', 'c', 'b  c', '__proto__', '', 'b\nc', 'é']) {
        expect((await one(limit({ limit: 'a', bucket, requests: 1 }))).exceeded, bucket).toBe(false)
      }
    })

    it('adds up when the same counter is named twice in one call', async () => {
      const states = await charge(limit({ requests: 5, cost: 2 }), limit({ requests: 5, cost: 2 }))
      expect(states.map(({ remaining, exceeded }) => [remaining, exceeded])).toEqual([
        [1, false],
        [1, false],
      ])
      const refused = await charge(limit({ requests: 5, cost: 1 }), limit({ requests: 5, cost: 1 }))
      expect(refused.some(({ exceeded }) => exceeded)).toBe(true)
      expect(only(await peek(limit({ requests: 5 }))).remaining).toBe(1)
    })

    it('starts the window with the first charge, not on the stroke of the minute', async () => {
      await subject.advance(windowMs * 0.7)
      await one(limit({ requests: 2 }))
      await subject.advance(windowMs * 0.7)
      const second = await one(limit({ requests: 2 }))
      expect(second).toMatchObject({ exceeded: false, remaining: 0 })
      expect(second.resetMs).toBeLessThanOrEqual(windowMs * 0.3)
      expect((await one(limit({ requests: 2 }))).exceeded).toBe(true)
      await subject.advance(windowMs * 0.35)
      expect(await one(limit({ requests: 2 }))).toMatchObject({ exceeded: false, remaining: 1 })
    })

    it('does not prolong a window by charging or by refusing', async () => {
      await one(limit({ requests: 1 }))
      for (let part = 0; part < 4; part++) {
        await subject.advance(windowMs / 5)
        expect((await one(limit({ requests: 1 }))).exceeded).toBe(true)
      }
      await subject.advance(windowMs / 4)
      expect((await one(limit({ requests: 1 }))).exceeded).toBe(false)
    })

    it('tells the whole window until the first charge, and then what is left of it', async () => {
      expect(only(await peek(limit({})))).toMatchObject({ remaining: 10, resetMs: windowMs, exceeded: false })
      await one(limit({}))
      await subject.advance(windowMs / 2)
      const { resetMs } = only(await peek(limit({})))
      expect(resetMs).toBeGreaterThan(0)
      expect(resetMs).toBeLessThanOrEqual(windowMs / 2)
    })

    it('charges nothing on peek, and tells whether the cost would fit', async () => {
      for (let tries = 0; tries < 20; tries++) {
        expect(only(await peek(limit({ requests: 2 })))).toMatchObject({ remaining: 2, exceeded: false })
      }
      await one(limit({ requests: 2 }))
      expect(only(await peek(limit({ requests: 2, cost: 2 })))).toMatchObject({ remaining: 1, exceeded: true })
    })

    it('goes by the limit as it is asked for, when a reload has changed it', async () => {
      await one(limit({ requests: 10, cost: 6 }))
      expect(await one(limit({ requests: 5 }))).toMatchObject({ exceeded: true, remaining: 0, requests: 5 })
      expect(await one(limit({ requests: 20 }))).toMatchObject({ exceeded: false, remaining: 13 })
    })
  })
}

const windowMs = 1000

const limit = (changed: Partial<Charge>): Charge => ({
  limit: 'key-minute',
  bucket: 'key_1',
  requests: 10,
  windowMs,
  cost: 1,
  ...changed,
})

function only([state]: readonly ChargeState[]): ChargeState {
  if (state === undefined) throw new Error('no state')
  return state
}
