import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { testOn } from './make.ts'

export function countersContract(open: OpenStore): void {
  const it = testOn(open)

  describe('rate-limit counters', () => {
    it('outlive a restart until their window ends', async ({ store, opened }) => {
      const now = opened.clock.now()
      const counters = [
        { key: 'org-day:org_a', used: 41, endsAt: now + 5000 },
        { key: 'org-day:org_b', used: 1, endsAt: now + 1 },
      ]
      await store.saveCounters(counters)
      const again = await opened.reopen()
      expect(new Set(await again.loadCounters(now))).toEqual(new Set(counters))
      expect(await again.loadCounters(now + 1)).toEqual([counters[0]])
      expect(await again.loadCounters(now + 5000)).toEqual([])
    })

    it('take the last value saved and leave the others alone', async ({ store, opened: { clock } }) => {
      const endsAt = clock.now() + 5000
      await store.saveCounters([
        { key: 'a', used: 1, endsAt },
        { key: 'b', used: 2, endsAt },
      ])
      await store.saveCounters([{ key: 'a', used: 5, endsAt: endsAt + 1 }])
      await store.saveCounters([])
      expect(new Set(await store.loadCounters(clock.now()))).toEqual(
        new Set([
          { key: 'a', used: 5, endsAt: endsAt + 1 },
          { key: 'b', used: 2, endsAt },
        ]),
      )
    })

    it('are thrown away once their window is over', async ({ store, opened: { clock } }) => {
      await store.saveCounters([{ key: 'a', used: 1, endsAt: clock.now() + 10 }])
      clock.advance(10)
      await store.saveCounters([])
      // Asked for a time when it still counted: it is gone, not only left out.
      expect(await store.loadCounters(0)).toEqual([])
    })
  })
}
