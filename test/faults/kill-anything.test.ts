import { expect, it } from 'vitest'
import { killAtRandom } from './kills.ts'

/** As many as there is time for here; `npm run faults` has more of them. */
const rounds = { postgres: 15, sqlite: 5 }

it.each(['postgres', 'sqlite'] as const)(
  'any process killed at any moment loses nothing that was acknowledged, and all recovers by itself (%s)',
  async (store) => {
    const report = await killAtRandom({ store, rounds: rounds[store] })
    expect(report.faults).toEqual([])
    // 200 ms are at risk, and what a busy machine holds the processes up.
    expect(report.lostBeforeKillMs).toBeLessThan(1000 + report.loggedWithinMs)
    expect(report.lostAfterKillMs).toBeLessThan(1000 + report.loggedWithinMs)
    expect(report.keysMade).toBeGreaterThan(rounds[store])
    expect(report.keysRevoked).toBeGreaterThan(0)
    expect(Object.values(report.kills).reduce((sum, count) => sum + count, 0)).toBe(rounds[store])
  },
  300_000,
)
