import { beside } from './beside.ts'
import { askThread } from './config/ask-thread.ts'
import { StoreUnavailable } from './store/store.ts'
import type { ChainVerdict, Checkpoint } from './store/verify-events.ts'
import type { TrailAnswer, TrailQuestion } from './verify-trail-thread.ts'

/** Whether the audit trail is whole, asked while the gateway runs. */
export interface TrailCheck {
  /**
   * Goes through all of it, each time anew. Whoever asks while it is under way gets the verdict that comes of that.
   * @throws StoreUnavailable when the trail can't be read, or not in the time there is.
   */
  verify(): Promise<ChainVerdict>
  /** Ends what is under way. */
  close(): Promise<void>
}

export interface TrailCheckOptions {
  readonly store: string
  /** Rejects where the store can't answer: another file in its place is not asked instead. */
  readonly ping: () => Promise<void>
  /** The newest that is known from elsewhere. */
  readonly checkpoint: () => Promise<Checkpoint | undefined>
  readonly limitMs?: number
}

/**
 * A million events take seconds of a processor. That is done in a thread of its own, which reads them on a connection of its
 * own: neither traffic nor the store has a part in it.
 */
export function createTrailCheck({ store, ping, checkpoint, limitMs = trailLimitMs }: TrailCheckOptions): TrailCheck {
  let running: Promise<ChainVerdict> | undefined
  let end: (() => Promise<unknown>) | undefined
  let closed = false

  const check = async (): Promise<ChainVerdict> => {
    await ping()
    const data: TrailQuestion = { store, checkpoint: await checkpoint() }
    if (closed) throw new StoreUnavailable('the gateway is shutting down')
    const entry = beside(import.meta.url, './verify-trail-thread')
    const started = (by: () => Promise<unknown>): void => {
      end = by
    }
    const came = await askThread<TrailAnswer>({ entry, data, limitMs, started })
    end = undefined
    if (typeof came !== 'object') throw new StoreUnavailable(`the audit trail was not verified: ${ended[came]}`)
    if ('unavailable' in came.answer) throw new StoreUnavailable(came.answer.unavailable)
    return came.answer
  }

  return {
    verify() {
      running ??= check().finally(() => {
        running = undefined
      })
      return running
    },
    async close() {
      closed = true
      await end?.()
    },
  }
}

const trailLimitMs = 30 * 60_000
const ended = {
  slow: 'it takes too long; "sallyport verify-events" has no limit',
  memory: 'it took too much memory',
  ended: 'the gateway is shutting down',
}
