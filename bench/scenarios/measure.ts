import { type Spread, spread } from '../summary.ts'
import type { Case } from './scenario.ts'

export interface CaseResult {
  readonly name: string
  /** Nanoseconds of wall time per call. */
  readonly ns: Spread
}

const rounds = 7
const roundMs = 200

/** Each case in turn, round by round, so that a slow moment of the machine does not hit one case alone. */
export async function measureCases(cases: readonly Case[]): Promise<CaseResult[]> {
  const sized = []
  for (const one of cases) sized.push({ ...one, run: one.run, times: await timesFor(one), ns: [] as number[] })
  for (let round = 0; round < rounds; round++) {
    for (const { run, times, ns } of sized) {
      const startedAt = process.hrtime.bigint()
      kept += await run(times)
      ns.push(Number(process.hrtime.bigint() - startedAt) / times)
    }
  }
  if (Number.isNaN(kept)) throw new Error('a case gave no number')
  return sized.map(({ name, ns }) => ({ name, ns: spread(ns) }))
}

/** Results end up here, where the compiler must suppose that somebody reads them. */
let kept = 0

/** Doubles until one round is long enough to be measured; warms the code up as well. */
async function timesFor({ run }: Case): Promise<number> {
  for (let times = 64; ; times *= 2) {
    const startedAt = performance.now()
    kept += await run(times)
    if (performance.now() - startedAt > roundMs / 2 || times >= 2 ** 28) return times
  }
}
