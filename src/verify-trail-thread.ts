import { parentPort, workerData } from 'node:worker_threads'
import { openEventReads } from './open-store.ts'
import { StoreUnavailable } from './store/store.ts'
import { type ChainVerdict, type Checkpoint, verifyEvents } from './store/verify-events.ts'

export interface TrailQuestion {
  readonly store: string
  readonly checkpoint: Checkpoint | undefined
}
export type TrailAnswer = ChainVerdict | { readonly unavailable: string }

/** The thread of verify-trail.ts: one trail, one answer. */
async function answer({ store, checkpoint }: TrailQuestion): Promise<TrailAnswer> {
  try {
    const reads = await openEventReads(store)
    try {
      return await verifyEvents(reads.listEventChain, checkpoint)
    } finally {
      await reads.close()
    }
  } catch (error) {
    if (error instanceof StoreUnavailable) return { unavailable: error.message }
    throw error
  }
}

parentPort?.postMessage(await answer(workerData))
