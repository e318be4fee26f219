import type { Clock } from '../clock.ts'
import type { Counter } from '../store/store.ts'
import type { Charge, ChargeState, Limiter } from './limiter.ts'
import { type Window, WindowTable } from './window-table.ts'

/** Answers at once; counters of an hour or more can be carried over a restart. */
export interface MemoryLimiter extends Limiter {
  charge(charges: readonly Charge[]): readonly ChargeState[]
  peek(charges: readonly Charge[]): readonly ChargeState[]
  /** Counters of windows of an hour or more that have not ended. `endsAt` is wall-clock time. */
  dump(): Counter[]
  /** Of these, those charged since the last call of `dump` or `takeChanged`: what a periodic save needs to write. */
  takeChanged(): Counter[]
  /** Takes dumped counters in; those that have ended, or that make no sense, are left out. */
  restore(counters: readonly Counter[]): void
  /** The window of a counter that is on: the same object as long as it is, however long that is. */
  windowOf(limit: string, bucket: string): object | undefined
  /** Takes tokens back that were charged in a window; nothing happens when that has ended. */
  refund(limit: string, bucket: string, window: object, tokens: number): void
  /** Counters held, ended ones that were not swept yet included. */
  readonly size: number
}

export interface MemoryLimiterOptions {
  readonly clock: Clock
  /** Counters that each limit holds at most. Beyond it, buckets that have none yet are refused. */
  readonly countersMax?: number
}

/**
 * Limits counted in this process. `charge` is one synchronous step, so that nothing comes between check and charge.
 * Windows run on the monotonic clock: setting the machine's clock neither shortens nor prolongs them.
 *
 * Each limit has a table of its own, so that a flood of addresses fills the limits by address and no others. Why this is
 * not rate-limiter-flexible: docs/decisions/0003-memory-limiter.md.
 */
export function createMemoryLimiter({ clock, countersMax = 1_000_000 }: MemoryLimiterOptions): MemoryLimiter {
  const tables = new Map<string, WindowTable>()

  const judge = (charges: readonly Charge[], now: number): Judged[] => {
    const judged: Judged[] = []
    for (const charge of charges) {
      const { limit, bucket, windowMs, requests, cost } = charge
      const table = tables.get(limit)
      const window = table?.get(bucket, now, windowMs)
      const full = window === undefined && table !== undefined && !table.hasRoom(bucket, now)
      const used = (window?.used ?? 0) + costBefore(judged, charge)
      // Written so that a cost which is no number does not fit.
      const fits = !full && cost >= 0 && used + cost <= requests
      judged.push({ charge, window, full, fits })
    }
    return judged
  }

  const take = (judged: Judged, now: number): void => {
    const { limit, bucket, windowMs, cost } = judged.charge
    const table = tables.get(limit) ?? addTable(limit, now)
    // Asked again, since an earlier charge of the same call may have opened it.
    judged.window =
      table.get(bucket, now, windowMs) ?? table.open(bucket, now, now + windowMs, windowMs >= durableFromMs)
    table.charge(bucket, judged.window, cost)
  }

  const addTable = (limit: string, now: number): WindowTable => {
    // A limit that a reload took away leaves nothing behind: when its last window has ended, its table goes.
    for (const [name, table] of tables) if (table.endsAtMax <= now) tables.delete(name)
    const table = new WindowTable(countersMax)
    tables.set(limit, table)
    return table
  }

  const collect = (windowsOf: (table: WindowTable) => Iterable<[string, Window]>): Counter[] => {
    const now = clock.monotonic()
    const toWallClock = clock.now() - now
    const counters: Counter[] = []
    for (const [limit, table] of tables) {
      for (const [bucket, { used, endsAt }] of windowsOf(table)) {
        if (endsAt > now) counters.push({ key: `${limit} ${bucket}`, used, endsAt: Math.ceil(endsAt + toWallClock) })
      }
      table.changed.clear()
    }
    return counters
  }

  return {
    charge(charges) {
      const now = clock.monotonic()
      const judged = judge(charges, now)
      if (judged.every(({ fits }) => fits)) for (const one of judged) take(one, now)
      return judged.map((one) => stateOf(one, now))
    },
    peek(charges) {
      const now = clock.monotonic()
      return judge(charges, now).map((one) => stateOf(one, now))
    },
    dump: () => collect((table) => table.durable()),
    takeChanged: () => collect((table) => table.changed),
    restore(counters) {
      const now = clock.monotonic()
      const toWallClock = clock.now() - now
      for (const { key, used, endsAt } of counters) {
        // The name of a limit holds no space; a bucket may.
        const space = key.indexOf(' ')
        const endsHere = endsAt - toWallClock
        if (space < 1 || !(endsHere > now) || !(used > 0)) continue
        const table = tables.get(key.slice(0, space)) ?? addTable(key.slice(0, space), now)
        const bucket = key.slice(space + 1)
        if (!table.hasRoom(bucket, now)) continue
        const window = table.get(bucket, now, Number.POSITIVE_INFINITY) ?? table.open(bucket, now, endsHere, true)
        window.used = Math.max(window.used, used)
      }
    },
    windowOf: (limit, bucket) => tables.get(limit)?.get(bucket, clock.monotonic(), Number.POSITIVE_INFINITY),
    refund(limit, bucket, window, tokens) {
      const table = tables.get(limit)
      const there = table?.get(bucket, clock.monotonic(), Number.POSITIVE_INFINITY)
      if (there !== undefined && there === window) table?.charge(bucket, there, -Math.min(tokens, there.used))
    },
    async close() {
      tables.clear()
    },
    get size() {
      let size = 0
      for (const table of tables.values()) size += table.size
      return size
    },
  }
}

/** One charge and what was found for it. */
interface Judged {
  readonly charge: Charge
  /** Undefined: its window has not begun. */
  window: Window | undefined
  /** There is no room for one more counter. */
  readonly full: boolean
  readonly fits: boolean
}

/** What the same call takes from the same counter: two limits that share one must fit together. */
function costBefore(judged: readonly Judged[], { limit, bucket }: Charge): number {
  let cost = 0
  for (const { charge } of judged) if (charge.limit === limit && charge.bucket === bucket) cost += charge.cost
  return cost
}

function stateOf({ charge, window, full, fits }: Judged, now: number): ChargeState {
  const { limit, requests, windowMs } = charge
  const remaining = full ? 0 : Math.max(0, requests - (window?.used ?? 0))
  const resetMs = window === undefined ? windowMs : Math.ceil(window.endsAt - now)
  return {
    limit,
    requests,
    windowMs,
    remaining,
    resetMs: full ? Math.min(windowMs, fullRetryMs) : resetMs,
    exceeded: !fits,
  }
}

const durableFromMs = 3_600_000
/** When another window will end and make room is not known; a refused caller may soon try again. */
const fullRetryMs = 1000
