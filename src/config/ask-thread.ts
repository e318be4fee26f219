import { Worker } from 'node:worker_threads'

/** What came of a question to a thread. `'slow'`, `'memory'`: it was ended for taking too much. `'ended'`: by somebody else. */
export type ThreadAnswer<T> = { readonly answer: T } | 'slow' | 'memory' | 'ended'

export interface ThreadQuestion {
  /** The thread's file, which reads `workerData` and posts one message. */
  readonly entry: URL
  readonly data: unknown
  readonly limitMs: number
  /** Called with what ends it. */
  readonly started?: (end: () => Promise<unknown>) => void
}

/** Asks one question in a thread made for it, with an environment and a heap of its own. Rejects when the thread fails. */
export function askThread<T>({ entry, data, limitMs, started }: ThreadQuestion): Promise<ThreadAnswer<T>> {
  const worker = new Worker(entry, { workerData: data, name: 'policy', env: {}, resourceLimits })
  started?.(() => worker.terminate())
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve('slow')
      void worker.terminate()
    }, limitMs)
    worker.once('message', (answer: T) => resolve({ answer }))
    worker.once('error', (error) => {
      if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve('memory')
      else reject(error)
    })
    worker.once('exit', () => {
      clearTimeout(timer)
      resolve('ended')
    })
  })
}

const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 }

/** In words, for whoever wrote the text that took too much. */
export const tookTooMuch = (what: 'slow' | 'memory' | 'ended', limitMs: number): string =>
  what === 'memory'
    ? 'takes more memory to judge than a gateway should need for its configuration'
    : what === 'slow'
      ? `takes longer than ${limitMs / 1000} s to judge; is there more in it than a gateway needs?`
      : 'could not be judged, since the gateway is shutting down'
