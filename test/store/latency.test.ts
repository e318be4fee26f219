import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketCount, bucketOf, percentileMs } from '../../src/store/latency.ts'

const countsOf = (durations: readonly number[]): number[] => {
  const counts = new Array<number>(bucketCount).fill(0)
  for (const duration of durations) counts[bucketOf(duration)] = (counts[bucketOf(duration)] ?? 0) + 1
  return counts
}

describe('percentiles from buckets', () => {
  it('are at most half above the true one, and at most a third below', () => {
    const durations = fc.array(fc.double({ min: 0.26, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 500 })
    const quantile = fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1)
    fc.assert(
      fc.property(durations, quantile, (samples, part) => {
        const sorted = samples.toSorted((one, other) => one - other)
        const exact = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
        const found = percentileMs(countsOf(samples), part) ?? Number.NaN
        // Answers are rounded to a microsecond.
        expect(found).toBeLessThanOrEqual(exact * 1.5 + 0.001)
        expect(found).toBeGreaterThanOrEqual(exact / 1.5 - 0.001)
      }),
    )
  })

  it('are nothing where nothing was', () => {
    expect(percentileMs(countsOf([]), 0.5)).toBeNull()
  })

  it('stay between 0 and the last bound', () => {
    expect(percentileMs(countsOf([0]), 0.5)).toBeLessThanOrEqual(0.25)
    expect(percentileMs(countsOf([10_000_000]), 0.99)).toBeCloseTo(0.25 * 1.5 ** 32, 2)
  })

  it('put a bound into the bucket below it', () => {
    expect([0, 0.25, 0.2501, 0.375, 0.376].map(bucketOf)).toEqual([0, 0, 1, 1, 2])
    expect(bucketOf(Number.MAX_VALUE)).toBe(bucketCount - 1)
  })
})
