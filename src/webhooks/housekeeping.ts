import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Store } from '../store/store.ts'

export interface Housekeeping {
  close(): Promise<void>
}

export interface HousekeepingOptions {
  readonly store: Pick<Store, 'noticeExpiringKeys' | 'pruneDeliveries'>
  readonly clock: Clock
  readonly events: Pick<Events, 'fault'>
  /** Called when there may be new deliveries. */
  readonly wake: () => void
  readonly everyMs?: number
}

/**
 * Announces keys that are about to expire, and deletes deliveries after 30 days. Looks once an hour by the clock, and at
 * the start: what a process that was down has missed is made up for. In small chunks, each a transaction of its own.
 */
export function startHousekeeping({ store, clock, events, wake, everyMs = 10_000 }: HousekeepingOptions): Housekeeping {
  let closed = false
  let lastAt: number | undefined
  let running: Promise<void> | undefined

  const round = async (): Promise<void> => {
    const now = clock.now()
    if (lastAt !== undefined && Math.abs(now - lastAt) < roundMs) return
    while (!closed && (await store.noticeExpiringKeys(chunkMax)) >= chunkMax) wake()
    wake()
    while (!closed && (await store.pruneDeliveries(now - keptMs, chunkMax)) >= chunkMax) {}
    lastAt = now
  }

  const run = (): void => {
    running ??= round()
      .catch((error: unknown) => events.fault('webhooks', error))
      .finally(() => {
        running = undefined
      })
  }

  const timer = setInterval(run, everyMs).unref()
  run()
  return {
    async close() {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}

const roundMs = 3_600_000
const keptMs = 30 * 86_400_000
const chunkMax = 100
