import { describe, expect, it } from 'vitest'
import { nextAttemptAt } from '../../src/webhooks/schedule.ts'

const waits = (random: number): number[] => {
  const all: number[] = []
  for (let attempts = 1; ; attempts++) {
    const next = nextAttemptAt(attempts, 0, random)
    if (next === undefined) return all
    all.push(next)
  }
}
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

describe('when a webhook is tried again', () => {
  it('takes a day in all, ever longer, and then it is enough', () => {
    const all = waits(0.5)
    expect(all[0]).toBe(5000)
    expect(sum(all)).toBe(24 * 3_600_000)
    expect(all).toEqual(all.toSorted((a, b) => a - b))
    expect(nextAttemptAt(all.length + 1, 0, 0.5)).toBeUndefined()
  })

  it('is spread by a tenth in both directions', () => {
    expect([nextAttemptAt(1, 1000, 0), nextAttemptAt(1, 1000, 1)]).toEqual([1000 + 4500, 1000 + 5500])
  })
})
