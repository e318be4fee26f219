import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/config/duration.ts'
import { nearest } from '../../src/config/nearest.ts'

describe('nearest', () => {
  const keys = ['listen', 'routes', 'upstreams', 'limits', 'log', 'me']

  it.each([
    ['listn', 'listen'],
    ['ROUTES', 'routes'],
    ['rotues', 'routes'],
    ['upstream', 'upstreams'],
    ['log-level', undefined],
    ['logs', 'log'],
    ['xyz', undefined],
    ['', undefined],
  ])('takes %j for %j', (text, meant) => {
    expect(nearest(text, keys)).toBe(meant)
  })

  it('is quick with texts of any length', () => {
    const long = 'x'.repeat(100_000)
    const start = performance.now()
    nearest(
      long,
      Array.from({ length: 50 }, () => long),
    )
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('durations', () => {
  it('are read in every unit, and nothing else is', () => {
    expect(['500ms', '30s', '5m', '1h', '30d', '0s'].map(parseDuration)).toEqual([
      500, 30_000, 300_000, 3_600_000, 2_592_000_000, 0,
    ])
    for (const text of ['', '5', '5 m', '5min', '-5s', '1.5h', '1h30m', '5M', '1e3s'])
      expect(parseDuration(text)).toBeUndefined()
  })

  it('are written so that they are read back', () => {
    fc.assert(fc.property(fc.nat(999_999_999), (ms) => void expect(parseDuration(formatDuration(ms))).toBe(ms)))
    expect(formatDuration(60_000)).toBe('1m')
  })
})
