import { beside } from '../beside.ts'
import { askThread, tookTooMuch } from '../config/ask-thread.ts'
import { invalid, type PolicyProblem, type PolicyQuestion } from './policy-validate.ts'

export interface PolicyThread {
  /**
   * The verdict on a text, as JSON. The work is done in a thread of its own, since a large file takes a second and one made
   * for the purpose a minute: the thread that carries traffic has no part in it.
   * @returns undefined when too many wait already.
   */
  validate(question: PolicyQuestion): Promise<string | undefined>
  /** Ends what is under way. */
  close(): Promise<void>
}

/** @param limitMs what takes longer is not valid: the gateway would be as long about it when it is reloaded. */
export function createPolicyThread({ limitMs = 30_000 } = {}): PolicyThread {
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()
  let end: (() => Promise<unknown>) | undefined
  let closed = false
  return {
    async validate(question) {
      if (closed || waiting >= waitingMax) return undefined
      waiting++
      const answer = turn.then(() => (closed ? undefined : ask(question)))
      turn = answer.catch(() => {})
      try {
        return await answer
      } finally {
        waiting--
      }
    },
    async close() {
      closed = true
      await end?.()
    },
  }

  async function ask(question: PolicyQuestion): Promise<string | undefined> {
    const entry = beside(import.meta.url, './policy-worker')
    const started = (by: () => Promise<unknown>): void => {
      end = by
    }
    const came = await askThread<string>({ entry, data: question, limitMs, started })
    end = undefined
    if (typeof came === 'object') return came.answer
    return came === 'ended' ? undefined : refusal(tookTooMuch(came, limitMs))
  }
}

const refusal = (message: string): string => {
  const problem: PolicyProblem = { line: null, column: null, path: '', message }
  return JSON.stringify(invalid([problem]))
}

const waitingMax = 2
