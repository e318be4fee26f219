import type { RedisClient } from '../redis/connect.ts'
import type { Counter } from './authority.ts'

/** What nodes tell each other of tokens that are held in advance. */
export interface Recalls {
  /** Called with the counters whose tokens another node needs. */
  listen(listener: (counters: readonly Counter[]) => void): void
  /** False when what is held there did not come the last time either, or nobody can be heard. */
  worthWaiting(keys: readonly string[]): boolean
  /** Waits, for a bounded time, until all that was held of these keys has come back. */
  wait(keys: readonly string[]): Promise<void>
  /** It did not come. */
  gaveUp(keys: readonly string[]): void
  close(): void
}

export interface RecallsOptions {
  readonly subscriber: RedisClient | undefined
  readonly channels: { readonly recall: string; readonly back: string }
  /** What comes before `limit:bucket` in a key. */
  readonly keyStart: string
  readonly waitMs: number
}

export function createRecalls({ subscriber, channels, keyStart, waitMs }: RecallsOptions): Recalls {
  let listener: ((counters: readonly Counter[]) => void) | undefined
  const waiting = new Map<string, Waiting>()
  /** Keys whose holders have not answered, and until when they are not asked again. */
  const silent = new Map<string, number>()
  /** Keys of which everything has just come back, and until when that counts as just. */
  const back = new Map<string, number>()

  const onMessage = (channel: string, key: string): void => {
    if (channel === channels.back) {
      // It may be here before the answer that says that it is missing: the two come over different connections.
      note(back, key, backMs)
      waiting.get(key)?.done()
    } else if (key.startsWith(keyStart)) {
      const colon = key.indexOf(':', keyStart.length)
      if (colon !== -1) listener?.([{ limit: key.slice(keyStart.length, colon), bucket: key.slice(colon + 1) }])
    }
  }

  const waitFor = (key: string): Promise<void> => {
    const there = waiting.get(key)
    if (there !== undefined) return there.over
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const done = (): void => {
      clearTimeout(timer)
      waiting.delete(key)
      resolve()
    }
    const timer = setTimeout(done, waitMs)
    waiting.set(key, { over, done })
    return over
  }

  // Where it fails the connection is gone again, and will be back.
  const subscribe = (): void => void subscriber?.subscribe(channels.recall, channels.back).catch(() => {})
  subscriber?.on('message', onMessage)
  subscriber?.on('ready', subscribe)
  if (subscriber?.status === 'ready') subscribe()

  return {
    listen(next) {
      listener = next
    },
    worthWaiting(keys) {
      const now = performance.now()
      if (subscriber?.status !== 'ready' || waiting.size + keys.length > keysMax) return false
      return keys.every((key) => (silent.get(key) ?? 0) <= now)
    },
    async wait(keys) {
      const now = performance.now()
      await Promise.all(keys.filter((key) => (back.get(key) ?? 0) <= now).map(waitFor))
    },
    gaveUp(keys) {
      for (const key of keys) note(silent, key, silentMs)
    },
    close() {
      subscriber?.off('message', onMessage)
      subscriber?.off('ready', subscribe)
      for (const { done } of [...waiting.values()]) done()
    },
  }
}

interface Waiting {
  readonly over: Promise<void>
  readonly done: () => void
}

function note(notes: Map<string, number>, key: string, forMs: number): void {
  const now = performance.now()
  if (notes.size >= keysMax) for (const [old, until] of notes) if (until <= now) notes.delete(old)
  if (notes.size < keysMax) notes.set(key, now + forMs)
}

/** A node that has not answered is dead or cut off, and what it holds is lost until the window ends. */
const silentMs = 1000
const backMs = 100
const keysMax = 10_000
