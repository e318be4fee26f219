import type { Turn } from './turn.ts'

/** What the rounds say of one subject. */
export interface Summary {
  readonly name: string
  readonly about: string
  /** Microseconds of CPU (user and system) per request: median, least and most of the rounds. */
  readonly cpuUs: Spread
  /** Its CPU divided by the first subject's in the same round. */
  readonly ratio: Spread
  readonly requestsPerSecond: number
  readonly p99Ms: number
}

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** @param turns one list per subject, in the order of rounds. The first subject is the yardstick. */
export function summarize(turns: readonly { name: string; about: string; turns: readonly Turn[] }[]): Summary[] {
  const yardstick = turns[0]?.turns ?? []
  return turns.map(({ name, about, turns: own }) => ({
    name,
    about,
    cpuUs: spread(own.map((turn) => turn.cpuUsPerRequest)),
    // Pair by pair: what slows the machine for a while slows both of a round, and falls out.
    ratio: spread(own.map((turn, round) => turn.cpuUsPerRequest / (yardstick[round]?.cpuUsPerRequest ?? Number.NaN))),
    requestsPerSecond: median(own.map((turn) => turn.requestsPerSecond)),
    p99Ms: median(own.map((turn) => turn.p99Ms)),
  }))
}

/** A table with a bar for each subject, as wide as a terminal of 100 columns. */
export function picture(summaries: readonly Summary[]): string {
  const nameWidth = Math.max(...summaries.map(({ name }) => name.length))
  const most = Math.max(...summaries.map(({ cpuUs }) => cpuUs.median))
  const lines = [`${''.padEnd(nameWidth)}  µs of CPU per request: median (range)`, '']
  for (const { name, about, cpuUs, ratio, requestsPerSecond, p99Ms } of summaries) {
    const bar = '█'.repeat(Math.max(1, Math.round((cpuUs.median / most) * 50)))
    const range = `(${cpuUs.least.toFixed(0)}–${cpuUs.most.toFixed(0)})`
    lines.push(
      `${name.padEnd(nameWidth)}  ${bar} ${cpuUs.median.toFixed(1)} ${range}`,
      `${''.padEnd(nameWidth)}  ${about}`,
      `${''.padEnd(nameWidth)}  ${times(ratio)} of ${summaries[0]?.name}; ${requestsPerSecond.toFixed(0)} requests/s, p99 ${p99Ms.toFixed(1)} ms`,
      '',
    )
  }
  return lines.join('\n')
}

const times = ({ median, least, most }: Spread): string =>
  `${median.toFixed(2)} × (${least.toFixed(2)}–${most.toFixed(2)})`

export function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}
