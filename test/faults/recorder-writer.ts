import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { createRecorder } from '../../src/recorder/recorder.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { requestRow } from '../helpers/request-row.ts'

/** What the writer knows in the moment of its end. */
export interface LastWords {
  /** Every row that was taken, and for how long by then. */
  readonly rows: readonly { readonly id: string; readonly ageMs: number }[]
  /** The longest that a timer had to wait lately: this process got no processor, or was busy. */
  readonly lagMs: number
  /** How long the store has had the batch in hand; 0 without one. */
  readonly writingMs: number
}

/**
 * Run by recorder-kill.test.ts: records a row every few milliseconds, and ends itself with SIGKILL. It takes the times
 * itself, of one clock: seen from another process they would tell how busy the machine is, not what was at risk.
 */
const [, , file = '', mode = 'async'] = process.argv
const store = await openSqliteStore(file, { clock: systemClock })
const events = { requestLogQueued() {}, requestLogDropped() {}, storeUp() {}, fault() {} }
const durability = mode === 'strict' ? 'strict' : 'async'

let handedAt: number | undefined
let safe = 0
const timed =
  <Input extends readonly unknown[]>(write: (rows: Input) => Promise<void>) =>
  async (rows: Input): Promise<void> => {
    handedAt = performance.now()
    await write(rows)
    handedAt = undefined
    safe += rows.length
  }
const recorder = createRecorder({
  store: { ...store, insertRequests: timed(store.insertRequests), finishRequests: timed(store.finishRequests) },
  clock: systemClock,
  events,
  durability,
  queueMax: 10_000,
})

const everyMs = 3
const taken: { readonly id: string; readonly at: number }[] = []
const turns: number[] = [performance.now()]
/** How old the oldest row was that was not safe yet, at each turn. */
const waits: { readonly at: number; readonly ms: number }[] = []

setInterval(() => {
  const now = performance.now()
  turns.push(now)
  const lagMs = longestGap(turns.filter((at) => at > now - 1000)) - everyMs
  const writingMs = handedAt === undefined ? 0 : now - handedAt
  const riskMs = 200 + lagMs + writingMs
  const waitMs = now - (taken[safe]?.at ?? now)
  waits.push({ at: now, ms: waitMs })
  const worstMs = Math.max(...waits.filter(({ at }) => at > now - 1000).map(({ ms }) => ms))
  // Enough of what must be there, and then one of the worst moments: most is at risk just before a batch is committed.
  if (taken.filter(({ at }) => now - at > riskMs).length > 100 && waitMs >= worstMs * 0.9) {
    const rows = taken.map(({ id, at }) => ({ id, ageMs: now - at }))
    writeSync(1, JSON.stringify({ rows, lagMs, writingMs } satisfies LastWords))
    process.kill(process.pid, 'SIGKILL')
  }
  const row = requestRow()
  if (durability === 'async') {
    recorder.record(row)
    taken.push({ id: row.id, at: now })
  } else {
    void recorder.admit(row).then((admitted) => admitted && taken.push({ id: row.id, at: performance.now() }))
  }
}, everyMs)

const longestGap = (times: readonly number[]): number =>
  Math.max(...times.map((at, index) => (index === 0 ? 0 : at - (times[index - 1] ?? at))))
