import { TimeLimitPassed, withTimeLimit } from '../time-limit.ts'

/** True when all is well; else false, or what is not, in a few words and without anything confidential. */
type Check = boolean | string
/** One member per check, by its name. A check that has to ask somebody is a promise. */
export type Readiness = Readonly<Record<string, Check | Promise<Check>>>
/** What is wrong, by the name of the check; empty: ready. */
export type FailedChecks = Readonly<Record<string, string>>

/**
 * Runs the checks, each for a second at most: one that has not answered by then has failed. An outcome holds for 250 ms, and
 * everyone who asks during a run gets that run, so that a storm of probes is a handful of questions to the store.
 */
export function createReadiness(ready: () => Readiness | Promise<Readiness>): () => Promise<FailedChecks> {
  let latest: Promise<FailedChecks> | undefined
  return () => {
    latest ??= runChecks(ready).finally(() => {
      // A timer, not a comparison of times: it also ends where a clock stands still.
      setTimeout(() => {
        latest = undefined
      }, keepMs).unref()
    })
    return latest
  }
}

async function runChecks(ready: () => Readiness | Promise<Readiness>): Promise<FailedChecks> {
  const asked = await settle(async () => ready())
  if ('problem' in asked) return { readiness: asked.problem }
  const failed = await Promise.all(
    Object.entries(asked.value).map(async ([name, check]): Promise<[string, string][]> => {
      const outcome = await settle(async () => check)
      const result = 'problem' in outcome ? outcome.problem : outcome.value
      return result === true ? [] : [[name, result === false ? 'failed' : result]]
    }),
  )
  return Object.fromEntries(failed.flat())
}

type Outcome<Value> = { readonly value: Value } | { readonly problem: string }

/** Never rejects, and never takes longer than a second. */
async function settle<Value>(ask: () => Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { value: await withTimeLimit(ask(), checkWithinMs) }
  } catch (error) {
    if (error instanceof TimeLimitPassed) return { problem: error.message }
    // Its name alone: a message can quote an address with its password.
    return { problem: `failed: ${error instanceof Error ? error.name : 'unknown'}` }
  }
}

const checkWithinMs = 1000
const keepMs = 250
