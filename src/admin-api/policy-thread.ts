import { Worker } from 'node:worker_threads'
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
  let running: Worker | undefined
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
      await running?.terminate()
    },
  }

  function ask(question: PolicyQuestion): Promise<string | undefined> {
    // Runs from source and compiled alike: the thread's file ends as this one does.
    const entry = new URL(
      import.meta.url.endsWith('.ts') ? './policy-worker.ts' : './policy-worker.js',
      import.meta.url,
    )
    const worker = new Worker(entry, { workerData: question, name: 'policy', env: {}, resourceLimits })
    running = worker
    return new Promise<string | undefined>((resolve, reject) => {
      const timer = setTimeout(() => {
        resolve(refusal(`takes longer than ${limitMs / 1000} s to judge; is there more in it than a gateway needs?`))
        void worker.terminate()
      }, limitMs)
      worker.once('message', (text: string) => resolve(text))
      worker.once('error', (error) => {
        if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
          resolve(refusal('takes more memory to judge than a gateway should need for its configuration'))
        } else reject(error)
      })
      worker.once('exit', () => {
        clearTimeout(timer)
        running = undefined
        resolve(undefined)
      })
    })
  }
}

const refusal = (message: string): string => {
  const problem: PolicyProblem = { line: null, column: null, path: '', message }
  return JSON.stringify(invalid([problem]))
}

const waitingMax = 2
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 }
