import { describe, expect, it } from 'vitest'
import { barsOf, stacked } from '../../admin/src/components/chart-bars.ts'

const from = Date.parse('2026-01-15T10:00:00Z') / 1000
const every = (seconds: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index * seconds)

describe('bars of a chart', () => {
  it('are the intervals themselves while there is room for them', () => {
    const times = every(60, 60)
    const counts = times.map((_, index) => index)
    expect(barsOf(times, [counts], 60)).toEqual({ step: 60, times, values: [counts] })
  })

  it('add neighbours up to times that people count in, and lose nothing', () => {
    const times = every(300, 288)
    const { step, times: begins, values } = barsOf(times, [times.map(() => 1), times.map(() => 2)], 100)
    expect(step).toBe(900)
    expect(begins).toHaveLength(96)
    expect(begins.every((time) => time % 900 === 0)).toBe(true)
    expect(values.map((sums) => sums.reduce((sum, count) => sum + count, 0))).toEqual([288, 576])
  })

  it('begin on the clock where the range does not: the first and the last stand for less', () => {
    const times = every(60, 12).map((time) => time + 180)
    const { step, times: begins, values } = barsOf(times, [times.map(() => 1)], 3)
    expect(step).toBe(300)
    expect(begins).toEqual([from, from + 300, from + 600])
    expect(values).toEqual([[2, 5, 5]])
  })

  it('are as wide as they must be and no wider, and what was not counted is nothing', () => {
    const { step, times, values } = barsOf(every(86_400, 6), [[1, null, 3, null, 5, 1]], 3)
    expect([step, times.length, values.flat().reduce((sum, count) => sum + count, 0)]).toEqual([172_800, 3, 10])
    expect(barsOf([], [[]], 100)).toEqual({ step: 60, times: [], values: [[]] })
  })
})

it('stand on one another: each series reaches as far as it and those beneath it', () => {
  expect(
    stacked([
      [1, 0, 2],
      [3, 4, 0],
      [0, 1, 1],
    ]),
  ).toEqual([
    [1, 0, 2],
    [4, 4, 2],
    [4, 5, 3],
  ])
})
