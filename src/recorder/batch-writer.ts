import type { Events } from '../events.ts'
import { StoreUnavailable } from '../store/store.ts'
import { createPauses } from './pause.ts'

export interface BatchWriter {
  /**
   * Hands items to the store until it has them: a store that does not answer is asked again, less and less often; a batch
   * that it refuses is halved until the item at fault is found, so that one bad row does not hold up all others.
   * @param wanted asked before each attempt; items no longer wanted are given up.
   * @returns the items that did not get in.
   */
  write<Item>(
    items: readonly Item[],
    send: (items: readonly Item[]) => Promise<void>,
    wanted: (item: Item) => boolean,
  ): Promise<Item[]>
  /** Cuts short the wait before the next attempt. */
  hurry(): void
}

export function createBatchWriter({ events }: { events: Pick<Events, 'storeUp' | 'fault'> }): BatchWriter {
  let failuresInRow = 0
  const pauses = createPauses()

  const write: BatchWriter['write'] = async (items, send, wanted) => {
    for (;;) {
      const now = items.filter(wanted)
      const givenUp = () => items.filter((item) => !now.includes(item))
      if (now.length === 0) return [...items]
      try {
        await send(now)
        if (failuresInRow > 0) events.storeUp(true)
        failuresInRow = 0
        return now.length === items.length ? [] : givenUp()
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) {
          return [...givenUp(), ...(await halve(now, send, wanted, error))]
        }
        failuresInRow++
        events.storeUp(false, error.message)
        await pauses.wait(Math.min(pauseFirstMs * 2 ** (failuresInRow - 1), pauseMaxMs))
      }
    }
  }

  const halve = async <Item>(
    items: readonly Item[],
    send: (items: readonly Item[]) => Promise<void>,
    wanted: (item: Item) => boolean,
    error: unknown,
  ): Promise<Item[]> => {
    if (items.length === 1) {
      events.fault('recorder', error)
      return [...items]
    }
    const middle = items.length >>> 1
    const first = await write(items.slice(0, middle), send, wanted)
    return [...first, ...(await write(items.slice(middle), send, wanted))]
  }

  return { write, hurry: pauses.wake }
}

const pauseFirstMs = 100
// Not longer: in strict mode requests wait for the first success after a failure.
const pauseMaxMs = 1000
