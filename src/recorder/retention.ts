import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Store } from '../store/store.ts'
import { createPauses } from './pause.ts'

export interface Retention {
  /** One round. @returns how many rows of the request log went. */
  prune(): Promise<number>
  close(): Promise<void>
}

export interface RetentionOptions {
  readonly store: Pick<Store, 'pruneRequests' | 'pruneAnalytics' | 'pruneChanges' | 'pruneIdempotent'>
  readonly clock: Clock
  readonly events: Pick<Events, 'fault'>
  /** `audit.retention`; asked each time, since a reload can change it. */
  readonly retentionMs: () => number
  readonly everyMs?: number
}

/**
 * Deletes what is older than it has to be, once a minute: rows of the request log after `audit.retention`, the finest sums of
 * analytics with them and the coarser ones after 400 days, rows of the change log after a day, answers that were kept for a
 * repeat of their request after the day that they are kept for. In small chunks, with pauses of four times what the last
 * chunk took, so that the store belongs to others for most of the time; what a round does not get done within a minute the
 * next one does.
 */
export function startRetention({ store, clock, events, retentionMs, everyMs = 60_000 }: RetentionOptions): Retention {
  let closed = false
  const pauses = createPauses()

  const prune = async (): Promise<number> => {
    const startedAt = clock.monotonic()
    await store.pruneChanges(clock.now() - changesKeptMs)
    await store.pruneIdempotent(clock.now(), chunkMax)
    const pruned = await inChunks(startedAt, () => store.pruneRequests(clock.now() - retentionMs(), chunkMax))
    await inChunks(startedAt, () => {
      const coarseMs = Math.max(retentionMs(), coarseSumsKeptMs)
      return store.pruneAnalytics({ fine: clock.now() - retentionMs(), coarse: clock.now() - coarseMs }, chunkMax)
    })
    return pruned
  }

  const inChunks = async (startedAt: number, pruneSome: () => Promise<number>): Promise<number> => {
    let pruned = 0
    while (!closed && clock.monotonic() - startedAt < everyMs) {
      const chunkAt = clock.monotonic()
      const gone = await pruneSome()
      pruned += gone
      if (gone < chunkMax || closed) break
      await pauses.wait(Math.min(Math.max((clock.monotonic() - chunkAt) * 4, pauseMinMs), pauseMaxMs))
    }
    return pruned
  }

  const run = async (): Promise<void> => {
    while (!closed) {
      await pauses.wait(everyMs)
      if (closed) return
      try {
        await prune()
      } catch (error) {
        // The next round is another chance; until then the log only keeps more than it has to.
        events.fault('retention', error)
      }
    }
  }

  const running = run()
  return {
    prune,
    async close() {
      closed = true
      pauses.wake()
      // The chunk in hand, unless the store hangs.
      await Promise.race([running, pauses.wait(closeWithinMs)])
      pauses.wake()
    },
  }
}

const changesKeptMs = 86_400_000
const coarseSumsKeptMs = 400 * 86_400_000
const chunkMax = 500
const pauseMinMs = 20
const pauseMaxMs = 5000
const closeWithinMs = 5000
