import type { Store } from '../store/store.ts'
import type { BatchWriter } from './batch-writer.ts'

export interface Touches {
  touch(secretId: string, at: number): void
  /** Resolves when everything from before the call is written. */
  flush(): Promise<void>
}

export interface TouchesOptions {
  readonly store: Pick<Store, 'touchSecrets'>
  readonly writer: Pick<BatchWriter, 'write'>
  /** After `close` nothing is retried. */
  readonly wanted: () => boolean
}

/**
 * Keeps the last use of each secret, and writes at most once per second, at most 2,000 secrets at a time: with more in use
 * the others follow a second later. Beyond 50,000 waiting, further secrets are left out until there is room: the time
 * of the last use is then a little old, which it may be.
 */
export function createTouches({ store, writer, wanted }: TouchesOptions): Touches {
  const waiting = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  const touch = (secretId: string, at: number): void => {
    const before = waiting.get(secretId)
    if (before === undefined ? waiting.size >= secretsMax : before >= at) return
    waiting.set(secretId, at)
    if (timer === undefined && writing === undefined) timer = setTimeout(write, everyMs)
  }

  const write = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    writing ??= writeBatch()
    await writing
  }

  const writeBatch = async (): Promise<void> => {
    const batch = [...takeFirst(waiting, batchMax)]
    await writer.write(batch, (entries) => store.touchSecrets(new Map(entries)), wanted)
    writing = undefined
    if (waiting.size > 0) timer ??= setTimeout(write, everyMs)
  }

  const flush = async (): Promise<void> => {
    await writing
    for (let left = waiting.size; left > 0; left -= batchMax) await write()
  }

  return { touch, flush }
}

function* takeFirst(waiting: Map<string, number>, count: number): Generator<[string, number]> {
  for (const entry of waiting) {
    if (count-- <= 0) return
    waiting.delete(entry[0])
    yield entry
  }
}

const everyMs = 1000
const batchMax = 2000
const secretsMax = 50_000
