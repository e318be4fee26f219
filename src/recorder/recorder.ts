import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { RequestRow, Store } from '../store/store.ts'
import { type Admission, createAdmission } from './admission.ts'
import { createBatchWriter } from './batch-writer.ts'
import { createTouches } from './touches.ts'

/** The request log and `last_used_at`, written off the path of requests. */
export interface Recorder {
  /** Takes a finished row. Never waits and never throws; a row that finds no room is counted as dropped. */
  record(row: RequestRow): void
  /**
   * For `audit.durability: strict`. Resolves true when the row with the decision is committed, in a group with those of
   * others; false when it could not be within 2 s, and the request has to be answered 503. Never rejects.
   * Status and times follow with `finish` (or `record`, which is the same here).
   */
  admit(row: RequestRow): Promise<boolean>
  /** The finished row of a request that was admitted. */
  finish(row: RequestRow): void
  /** A secret was used, `at` in milliseconds since the epoch. Written at most once per second. */
  touch(secretId: string, at: number): void
  /** Resolves when all rows and touches of before the call are committed or dropped; while the store is down it waits. */
  flush(): Promise<void>
  /** Writes out what waits, for 5 s at most. What remains, and what comes later, is counted as dropped. */
  close(): Promise<void>
}

export interface RecorderOptions {
  readonly store: Pick<Store, 'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly events: Pick<Events, 'requestLogQueued' | 'requestLogDropped' | 'storeUp' | 'fault'>
  readonly durability: 'async' | 'strict'
  /** Most rows that are not committed yet, those in flight included. */
  readonly queueMax: number
  /** A row is handed to the store so long after it was recorded at the latest, unless the batch before is in flight still. */
  readonly flushEveryMs?: number
  readonly batchMax?: number
}

/**
 * One batch is in flight at a time; the next one gathers meanwhile, so that batches grow with the load.
 * The store leaves alone what is inserted a second time, and finishes also what was never inserted: a batch can be sent
 * again after a failure, and no request is lost because its first row was given up.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  const { store, clock, events, durability, queueMax, flushEveryMs = 100, batchMax = 2000 } = options
  const writer = createBatchWriter({ events })
  const touchWriter = createBatchWriter({ events })
  const touches = createTouches({ store, writer: touchWriter, wanted: () => !abandoned })
  const sendRows = (batch: readonly RequestRow[]) =>
    durability === 'strict' ? store.finishRequests(batch) : store.insertRequests(batch)
  const sendAdmissions = (batch: readonly Admission[]) => store.admitRequests(batch.map(({ row }) => row))

  const rows: RequestRow[] = []
  const admissions: Admission[] = []
  /** When the first of `rows` came, or before. */
  let oldestAt = 0
  let inFlight = 0
  let rowsIn = 0
  let rowsOut = 0
  let flushes: { readonly upTo: number; readonly done: () => void }[] = []
  let admissionsLast = false
  let pumping: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined
  let closed = false
  let abandoned = false

  const waiting = (): number => rows.length + admissions.length + inFlight

  const enqueue = (row: RequestRow, most: number): void => {
    if (closed || waiting() >= most) {
      events.requestLogDropped(1)
      return
    }
    if (rows.push(row) === 1) oldestAt = clock.monotonic()
    rowsIn++
    events.requestLogQueued(waiting())
    if (pumping) return
    if (rows.length >= batchMax) startSoon()
    else timer ??= setTimeout(start, flushEveryMs)
  }

  const admit = (row: RequestRow): Promise<boolean> => {
    if (closed || waiting() >= queueMax) return Promise.resolve(false)
    return new Promise((resolve) => {
      admissions.push(createAdmission(row, admitWithinMs, resolve))
      events.requestLogQueued(waiting())
      if (!pumping) startSoon()
    })
  }

  // Not in this turn of the event loop: whatever else arrives in it comes along in the same batch.
  const startSoon = (): void => {
    immediate ??= setImmediate(start)
  }

  const start = (): void => {
    clearTimeout(timer)
    clearImmediate(immediate)
    timer = immediate = undefined
    pumping ??= pump()
  }

  const pump = async (): Promise<void> => {
    try {
      while (await writeNext());
    } finally {
      pumping = undefined
      events.requestLogQueued(waiting())
    }
    // What came after the last look and before the end found a pump that seemed to be running.
    if (admissions.length > 0 || isRowsDue()) startSoon()
    else if (rows.length > 0) timer ??= setTimeout(start, rowsDueInMs())
  }

  const isRowsDue = (): boolean =>
    rows.length >= batchMax || (rows.length > 0 && (closed || flushes.length > 0 || rowsDueInMs() === 0))

  /** @returns false when nothing is due. */
  const writeNext = async (): Promise<boolean> => {
    const rowsDue = isRowsDue()
    // Turn and turn about, so that neither starves the other.
    admissionsLast = admissions.length > 0 && !(rowsDue && admissionsLast)
    if (admissionsLast) await writeAdmissions(admissions.splice(0, batchMax))
    else if (rowsDue) await writeRows(rows.splice(0, batchMax))
    else return false
    return !abandoned
  }

  /** Never more than the interval, also when a test's clock leaps or stands still. */
  const rowsDueInMs = (): number => Math.min(Math.max(oldestAt + flushEveryMs - clock.monotonic(), 0), flushEveryMs)

  const writeRows = async (batch: RequestRow[]): Promise<void> => {
    inFlight = batch.length
    const lost = await writer.write(batch, sendRows, () => !abandoned)
    if (abandoned) return
    inFlight = 0
    rowsOut += batch.length
    if (lost.length > 0) events.requestLogDropped(lost.length)
    endFlushes()
  }

  const endFlushes = (): void => {
    for (const flush of flushes) if (rowsOut >= flush.upTo) flush.done()
    flushes = flushes.filter(({ upTo }) => rowsOut < upTo)
  }

  const writeAdmissions = async (batch: Admission[]): Promise<void> => {
    inFlight = batch.length
    const lost = await writer.write(batch, sendAdmissions, (admission) => admission.waits && !abandoned)
    inFlight = 0
    for (const admission of lost) admission.settle(false)
    for (const admission of batch) admission.settle(true)
  }

  const touch = (secretId: string, at: number): void => {
    if (!closed) touches.touch(secretId, at)
  }

  const flush = async (): Promise<void> => {
    const written = rowsOut >= rowsIn ? undefined : new Promise<void>((done) => flushes.push({ upTo: rowsIn, done }))
    if (written) start()
    await Promise.all([written, touches.flush()])
  }

  const close = async (): Promise<void> => {
    closed = true
    writer.hurry()
    touchWriter.hurry()
    let deadline: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, closeWithinMs)
    })
    await Promise.race([finishAll(), late])
    clearTimeout(deadline)
    abandon()
  }

  const finishAll = async (): Promise<void> => {
    start()
    await flush()
    await pumping
  }

  const abandon = (): void => {
    if (abandoned) return
    abandoned = true
    clearTimeout(timer)
    for (const admission of admissions.splice(0)) admission.settle(false)
    if (rowsIn > rowsOut) events.requestLogDropped(rowsIn - rowsOut)
    rows.length = 0
    rowsOut = rowsIn
    endFlushes()
    writer.hurry()
    touchWriter.hurry()
  }

  // With strict, what was refused must not take the room without which nothing is admitted: refusals are as many as callers like.
  const refusedMax = durability === 'strict' ? Math.floor(queueMax * 0.75) : queueMax

  const record = (row: RequestRow): void => enqueue(row, refusedMax)
  const finish = (row: RequestRow): void => enqueue(row, queueMax)

  return { record, admit, finish, touch, flush, close }
}

const admitWithinMs = 2000
const closeWithinMs = 5000
