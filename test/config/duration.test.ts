import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/config/duration.ts'

describe('durations', () => {
  it('reads back every duration it writes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999_999_999 }), (ms) => parseDuration(formatDuration(ms)) === ms))
  })

  it.each([
    [60_000, '1m'],
    [90_000, '90s'],
    [86_400_000, '1d'],
    [3_600_000, '1h'],
    [1500, '1500ms'],
    [0, '0ms'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it.each(['', '1', 'm', '-1m', '1.5h', '1M', ' 1m', '1m ', '1 m', '1w', '١m', '1e3s'])('does not read %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})
