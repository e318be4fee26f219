import type { Events } from '../events.ts'
import type { Store } from '../store/store.ts'
import type { MemoryLimiter } from './memory.ts'

export interface CounterSaving {
  /** Saves all once more, unless the store does not take them in time: what is lost then admits a little too much. */
  close(): Promise<void>
}

export interface CounterSavingOptions {
  readonly limiter: Pick<MemoryLimiter, 'dump' | 'takeChanged'>
  readonly store: Pick<Store, 'saveCounters'>
  readonly events: Pick<Events, 'fault'>
}

/** Saves the counters that outlive a restart, once a second. One save at a time: those for a store that hangs would pile up. */
export function startCounterSaving({ limiter, store, events }: CounterSavingOptions): CounterSaving {
  let complete = true
  let saving: Promise<void> | undefined

  const save = async (): Promise<void> => {
    try {
      await store.saveCounters(complete ? limiter.takeChanged() : limiter.dump())
      complete = true
    } catch (error) {
      complete = false
      events.fault('saving counters', error)
    }
    saving = undefined
  }

  const timer = setInterval(() => {
    saving ??= save()
  }, everyMs).unref()

  const finish = async (): Promise<void> => {
    await saving
    complete = false
    await save()
  }

  return {
    async close() {
      clearInterval(timer)
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const deadline = setTimeout(resolve, closeWithinMs)
      await Promise.race([finish(), late])
      clearTimeout(deadline)
    },
  }
}

const everyMs = 1000
const closeWithinMs = 2000
