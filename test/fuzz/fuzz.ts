import fc from 'fast-check'
import { type Attempt, attempts } from './grammar.ts'
import { startTrial, type Trial } from './trial.ts'

export interface FuzzOptions {
  /** Round n draws its attempts with a seed made of this one and n. */
  readonly seed: number
  /** Asked after each round. */
  goesOn(round: number): boolean
  /** Where a failure was found before. */
  readonly from?: number
  readonly onRound?: (round: number, trial: Trial) => void
}

export interface FuzzResult {
  readonly attempts: number
  readonly verdicts: ReadonlyMap<string, number>
  readonly unanswered: readonly string[]
  readonly failure: { readonly round: number; readonly attempt: Attempt | undefined; readonly error: Error } | undefined
}

export const attemptsPerRound = 300

/** Draws attempts and holds them to the oracles, until something fails or enough was tried. The same seed draws the same. */
export async function fuzz({ seed, goesOn, from = 0, onRound }: FuzzOptions): Promise<FuzzResult> {
  await using trial = startTrial()
  for (let round = from; ; round++) {
    const batch = fc.sample(attempts(), { seed: seed * 10_007 + round, numRuns: attemptsPerRound })
    try {
      await trial.attempt(batch)
    } catch (error) {
      const attempt = await findCulprit(trial, batch)
      const tried = (round - from + 1) * attemptsPerRound
      return { ...seen(trial), attempts: tried, failure: { round, attempt, error: error as Error } }
    }
    onRound?.(round, trial)
    if (!goesOn(round)) {
      return { ...seen(trial), attempts: (round - from + 1) * attemptsPerRound, failure: undefined }
    }
  }
}

const seen = ({ verdicts, unanswered }: Trial) => ({ verdicts, unanswered })

/** The first of a batch that fails by itself; undefined when they fail together alone. */
async function findCulprit(trial: Trial, batch: readonly Attempt[]): Promise<Attempt | undefined> {
  for (const attempt of batch) {
    try {
      await trial.attempt([attempt])
    } catch {
      return attempt
    }
  }
  return undefined
}
