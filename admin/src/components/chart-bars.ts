/** Lengths of time that people count in, in seconds. */
const steps = [
  ...[60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400],
  ...[2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400],
]

export interface Bars {
  /** How long a bar stands for, in seconds. */
  readonly step: number
  readonly times: readonly number[]
  /** Of each series its sums, as many as there are times. */
  readonly values: readonly (readonly number[])[]
}

/**
 * Counts over time as bars that are wide enough to be seen: neighbours are added up until there are at most so many. The first
 * and the last may stand for less than a whole step.
 * @param times seconds since 1970, ascending, equally far apart
 */
export function barsOf(
  times: readonly number[],
  series: readonly (readonly (number | null)[])[],
  countMax: number,
): Bars {
  const [first = 0, second = first + 60] = times
  const given = second - first
  const span = (times.at(-1) ?? first) + given - first
  const step = steps.find((one) => one >= given && one % given === 0 && span / one <= countMax) ?? given
  const begins = [...new Set(times.map((time) => begin(time, step)))]
  const places = new Map(begins.map((time, place) => [time, place]))
  const values = series.map((counts) => {
    const sums = begins.map(() => 0)
    for (const [index, count] of counts.entries()) {
      const place = places.get(begin(times[index] ?? 0, step)) ?? 0
      sums[place] = (sums[place] ?? 0) + (count ?? 0)
    }
    return sums
  })
  return { step, times: begins, values }
}

/** Each series with those before it beneath: what is drawn first is the last, which stands on all of the others. */
export function stacked(values: readonly (readonly number[])[]): number[][] {
  const tops: number[][] = []
  for (const series of values) {
    const below = tops.at(-1)
    tops.push(series.map((value, index) => value + (below?.[index] ?? 0)))
  }
  return tops
}

const begin = (time: number, step: number): number => Math.floor(time / step) * step
