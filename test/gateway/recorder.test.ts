import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createRecorder, type RecorderOptions } from '../../src/recorder/recorder.ts'
import { startRetention } from '../../src/recorder/retention.ts'
import type { AnalyticsAge } from '../../src/store/analytics-store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { type RequestRow, type Store, StoreUnavailable } from '../../src/store/store.ts'
import { requestRow } from '../helpers/request-row.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('rows of finished requests', () => {
  it('reach the store 100 ms after they were recorded at the latest, in one batch', async () => {
    const { recorder, store } = setUp()
    recorder.record(requestRow({ id: 'a' }))
    await vi.advanceTimersByTimeAsync(60)
    recorder.record(requestRow({ id: 'b' }))
    await vi.advanceTimersByTimeAsync(39)
    expect(store.batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(store.batches).toEqual([['a', 'b']])
  })

  it('wait no longer because a batch was in flight when they came', async () => {
    const { recorder, store } = setUp()
    recorder.record(requestRow({ id: 'a' }))
    const finishFirst = store.hold()
    await vi.advanceTimersByTimeAsync(100)
    recorder.record(requestRow({ id: 'b' }))
    await vi.advanceTimersByTimeAsync(70)
    finishFirst()
    await vi.advanceTimersByTimeAsync(29)
    expect(store.batches).toEqual([['a']])
    await vi.advanceTimersByTimeAsync(1)
    expect(store.batches).toEqual([['a'], ['b']])
  })

  it('are written at once when a whole batch has gathered', async () => {
    const { recorder, store } = setUp({ batchMax: 3 })
    for (const id of ['a', 'b', 'c']) recorder.record(requestRow({ id }))
    await vi.advanceTimersByTimeAsync(1)
    expect(store.batches).toEqual([['a', 'b', 'c']])
  })

  it('gather while a batch is in flight: never two at a time, never more than the largest batch', async () => {
    const { recorder, store } = setUp({ batchMax: 4 })
    const release = store.hold()
    for (let count = 0; count < 10; count++) recorder.record(requestRow())
    await vi.advanceTimersByTimeAsync(500)
    expect(store.batches.map((batch) => batch.length)).toEqual([4])
    release()
    await vi.advanceTimersByTimeAsync(200)
    expect(store.batches.map((batch) => batch.length)).toEqual([4, 4, 2])
    expect(store.inFlightMax).toBe(1)
  })

  it('are dropped beyond the bound, the newest first, and every one of them is counted', async () => {
    const { recorder, store, events } = setUp({ queueMax: 5 })
    const release = store.hold()
    for (let count = 0; count < 3; count++) recorder.record(requestRow({ id: `early${count}` }))
    await vi.advanceTimersByTimeAsync(100)
    for (let count = 0; count < 10; count++) recorder.record(requestRow({ id: `late${count}` }))
    expect(events.dropped).toBe(8)
    expect(events.queuedMax).toBe(5)
    release()
    await vi.advanceTimersByTimeAsync(200)
    expect([...store.rows.keys()]).toEqual(['early0', 'early1', 'early2', 'late0', 'late1'])
    expect(events.queued).toBe(0)
  })

  it('are kept and tried again, less and less often, while the store is down', async () => {
    const { recorder, store, events } = setUp()
    store.down = true
    recorder.record(requestRow({ id: 'a' }))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(new Set(events.storeUps)).toEqual(new Set([false]))
    expect(store.attempts).toBeGreaterThan(8)
    expect(store.attempts).toBeLessThan(16)
    recorder.record(requestRow({ id: 'b' }))
    store.down = false
    await vi.advanceTimersByTimeAsync(1100)
    expect([...store.rows.keys()]).toEqual(['a', 'b'])
    expect(events.storeUps.at(-1)).toBe(true)
    expect(events.dropped).toBe(0)
  })

  it('are not held up by one that the store refuses: that one alone is lost, and counted', async () => {
    const { recorder, store, events } = setUp()
    store.poison = 'c'
    for (const id of ['a', 'b', 'c', 'd', 'e']) recorder.record(requestRow({ id }))
    await vi.advanceTimersByTimeAsync(200)
    expect([...store.rows.keys()].sort()).toEqual(['a', 'b', 'd', 'e'])
    expect(events.dropped).toBe(1)
    expect(events.faults).toEqual(['recorder'])
  })
})

describe('flush and close', () => {
  it('flush resolves when what was recorded before is committed, without waiting for the interval', async () => {
    const { recorder, store } = setUp()
    recorder.record(requestRow({ id: 'a' }))
    await recorder.flush()
    expect([...store.rows.keys()]).toEqual(['a'])
    await recorder.flush()
    expect(store.attempts).toBe(1)
  })

  it('close writes out what waits, and what comes later is counted as dropped', async () => {
    const { recorder, store, events } = setUp({ batchMax: 2 })
    for (let count = 0; count < 5; count++) recorder.record(requestRow())
    recorder.touch('sec_1', 1)
    await recorder.close()
    expect(store.rows.size).toBe(5)
    expect(store.touched).toEqual([new Map([['sec_1', 1]])])
    recorder.record(requestRow())
    expect(await recorder.admit(requestRow())).toBe(false)
    expect(events.dropped).toBe(1)
  })

  it('close gives a store that is down 5 s, then counts what is lost', async () => {
    const { recorder, store, events } = setUp()
    store.down = true
    for (let count = 0; count < 5; count++) recorder.record(requestRow())
    const closing = recorder.close()
    await vi.advanceTimersByTimeAsync(4900)
    expect(events.dropped).toBe(0)
    await vi.advanceTimersByTimeAsync(200)
    await closing
    expect(events.dropped).toBe(5)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('close returns from a store that hangs, and counts its rows once', async () => {
    const { recorder, store, events } = setUp()
    const release = store.hold()
    recorder.record(requestRow())
    await vi.advanceTimersByTimeAsync(100)
    recorder.record(requestRow())
    const closing = recorder.close()
    await vi.advanceTimersByTimeAsync(5000)
    await closing
    release()
    await vi.advanceTimersByTimeAsync(5000)
    expect(events.dropped).toBe(2)
    await recorder.flush()
  })
})

describe('admission (durability: strict)', () => {
  it('resolves true only after the row is committed', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    const release = store.hold()
    const outcome = settled(recorder.admit(requestRow({ id: 'a' })))
    await vi.advanceTimersByTimeAsync(1000)
    expect(store.batches).toEqual([['a']])
    expect(outcome.value).toBeUndefined()
    release()
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome.value).toBe(true)
    expect(store.rows.has('a')).toBe(true)
  })

  it('commits those that wait in groups', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    const release = store.hold()
    const first = recorder.admit(requestRow({ id: 'a' }))
    await vi.advanceTimersByTimeAsync(1)
    const others = ['b', 'c', 'd'].map((id) => recorder.admit(requestRow({ id })))
    await vi.advanceTimersByTimeAsync(1)
    release()
    expect(await Promise.all([first, ...others])).toEqual([true, true, true, true])
    expect(store.batches).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('resolves false after 2 s when the store does not answer', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    store.down = true
    const outcome = settled(recorder.admit(requestRow()))
    await vi.advanceTimersByTimeAsync(1999)
    expect(outcome.value).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome.value).toBe(false)
    await vi.advanceTimersByTimeAsync(5000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('resolves false after 2 s when the store hangs, and others are admitted when it is back', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    const release = store.hold()
    const early = settled(recorder.admit(requestRow({ id: 'early' })))
    await vi.advanceTimersByTimeAsync(2000)
    expect(early.value).toBe(false)
    const late = settled(recorder.admit(requestRow({ id: 'late' })))
    release()
    await vi.advanceTimersByTimeAsync(1)
    expect(late.value).toBe(true)
  })

  it('resolves true when the store comes back in time', async () => {
    const { recorder, store, events } = setUp({ durability: 'strict' })
    store.down = true
    const outcome = settled(recorder.admit(requestRow({ id: 'a' })))
    await vi.advanceTimersByTimeAsync(800)
    store.down = false
    await vi.advanceTimersByTimeAsync(1000)
    expect(outcome.value).toBe(true)
    expect(events.storeUps.at(-1)).toBe(true)
  })

  it('resolves false at once when the queue is full', async () => {
    const { recorder, store } = setUp({ durability: 'strict', queueMax: 2 })
    store.hold()
    void recorder.admit(requestRow())
    void recorder.admit(requestRow())
    expect(await recorder.admit(requestRow())).toBe(false)
  })

  it('has room, and so has its end, when callers who are refused have filled all that they may', async () => {
    const { recorder, store, events } = setUp({ durability: 'strict', queueMax: 8 })
    const release = store.hold()
    for (let count = 0; count < 20; count++) recorder.record(requestRow())
    expect(events.dropped).toBe(14)
    const admitted = settled(recorder.admit(requestRow({ id: 'a' })))
    recorder.finish(requestRow({ id: 'b', status: 200 }))
    await vi.advanceTimersByTimeAsync(1)
    release()
    await vi.advanceTimersByTimeAsync(200)
    expect(admitted.value).toBe(true)
    expect(store.rows.get('b')?.status).toBe(200)
    expect(events.dropped).toBe(14)
  })

  it('is followed by status and times in a batch', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    const row = requestRow({ id: 'a', status: 0 })
    const admitted = recorder.admit(row)
    await vi.advanceTimersByTimeAsync(1)
    expect(await admitted).toBe(true)
    recorder.finish({ ...row, status: 201 })
    await vi.advanceTimersByTimeAsync(100)
    expect(store.rows.get('a')?.status).toBe(201)
  })

  it('loses no request that was given up: its finished row is written whole', async () => {
    const { recorder, store } = setUp({ durability: 'strict' })
    const release = store.hold()
    const late = recorder.admit(requestRow({ id: 'in flight', status: 0 }))
    await vi.advanceTimersByTimeAsync(1)
    const never = recorder.admit(requestRow({ id: 'waiting', status: 0 }))
    await vi.advanceTimersByTimeAsync(2100)
    expect([await late, await never]).toEqual([false, false])
    for (const id of ['in flight', 'waiting']) recorder.record(requestRow({ id, status: 503 }))
    release()
    await vi.advanceTimersByTimeAsync(200)
    expect([...store.rows.values()].map(({ id, status }) => [id, status])).toEqual([
      ['in flight', 503],
      ['waiting', 503],
    ])
  })

  it('starves neither those who wait for admission nor finished rows', async () => {
    const { recorder, store } = setUp({ durability: 'strict', batchMax: 2 })
    const release = store.hold()
    for (let count = 0; count < 4; count++) void recorder.admit(requestRow({ id: `admit${count}` }))
    for (let count = 0; count < 4; count++) recorder.record(requestRow({ id: `row${count}` }))
    await vi.advanceTimersByTimeAsync(100)
    release()
    await vi.advanceTimersByTimeAsync(1)
    expect(store.batches).toEqual([
      ['admit0', 'admit1'],
      ['row0', 'row1'],
      ['admit2', 'admit3'],
      ['row2', 'row3'],
    ])
  })
})

describe('the last use of secrets', () => {
  it('is written once per second at most, the newest time of each', async () => {
    const { recorder, store } = setUp()
    recorder.touch('sec_1', 10)
    await vi.advanceTimersByTimeAsync(500)
    recorder.touch('sec_1', 30)
    recorder.touch('sec_1', 20)
    recorder.touch('sec_2', 25)
    await vi.advanceTimersByTimeAsync(500)
    recorder.touch('sec_1', 40)
    await vi.advanceTimersByTimeAsync(999)
    expect(store.touched).toEqual([
      new Map([
        ['sec_1', 30],
        ['sec_2', 25],
      ]),
    ])
    await vi.advanceTimersByTimeAsync(1)
    expect(store.touched.slice(1)).toEqual([new Map([['sec_1', 40]])])
  })

  it('is bounded per write and in all, and what does not fit in one write follows', async () => {
    const { recorder, store } = setUp()
    for (let count = 0; count < 60_000; count++) recorder.touch(`sec_${count}`, 1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(Math.max(...store.touched.map(({ size }) => size))).toBe(2000)
    expect(store.touched.reduce((sum, { size }) => sum + size, 0)).toBe(50_000)
  })

  it('survives an outage of the store', async () => {
    const { recorder, store } = setUp()
    store.down = true
    recorder.touch('sec_1', 10)
    await vi.advanceTimersByTimeAsync(5000)
    store.down = false
    await vi.advanceTimersByTimeAsync(2000)
    expect(store.touched).toEqual([new Map([['sec_1', 10]])])
  })
})

describe('retention', () => {
  const day = 86_400_000

  it('deletes what is too old in small chunks each minute, and leaves the store to others in between', async () => {
    const chunks: { before: number; limit: number; at: number }[] = []
    const changes: number[] = []
    const answers: [before: number, limit: number][] = []
    const sums: [before: AnalyticsAge, limit: number][] = []
    let left = 1200
    const retention = startRetention({
      store: {
        async pruneRequests(before, limit) {
          chunks.push({ before, limit, at: Date.now() })
          const gone = Math.min(left, limit)
          left -= gone
          return gone
        },
        async pruneAnalytics(before, limit) {
          sums.push([before, limit])
          return 0
        },
        async pruneChanges(before) {
          changes.push(before)
        },
        async pruneIdempotent(before, limit) {
          answers.push([before, limit])
          return 0
        },
      },
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      events: { fault: () => expect.unreachable() },
      retentionMs: () => 30 * day,
    })
    const startedAt = Date.now()
    await vi.advanceTimersByTimeAsync(59_999)
    expect(chunks).toEqual([])
    await vi.advanceTimersByTimeAsync(2000)
    expect(chunks.map(({ limit }) => limit)).toEqual([500, 500, 500])
    expect(left).toBe(0)
    expect(chunks[0]?.before).toBe(startedAt + 60_000 - 30 * day)
    expect((chunks[1]?.at ?? 0) - (chunks[0]?.at ?? 0)).toBeGreaterThanOrEqual(20)
    expect(changes).toEqual([startedAt + 60_000 - day])
    expect(answers).toEqual([[startedAt + 60_000, 500]])
    expect(sums).toHaveLength(1)
    const [ages, limit] = sums[0] ?? []
    const lastChunkAt = chunks.at(-1)?.at ?? 0
    expect([ages, limit]).toEqual([{ fine: lastChunkAt - 30 * day, coarse: lastChunkAt - 400 * day }, 500])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(chunks).toHaveLength(4)
    await retention.close()
    await vi.advanceTimersByTimeAsync(300_000)
    expect(chunks).toHaveLength(4)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('reports a store that fails, and tries again a minute later', async () => {
    const faults: string[] = []
    let attempts = 0
    const retention = startRetention({
      store: {
        pruneRequests: () => Promise.reject(new StoreUnavailable('down')),
        pruneAnalytics: async () => 0,
        async pruneChanges() {
          attempts++
        },
        pruneIdempotent: async () => 0,
      },
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      events: { fault: (where) => faults.push(where) },
      retentionMs: () => day,
    })
    await vi.advanceTimersByTimeAsync(121_000)
    expect([attempts, faults]).toEqual([2, ['retention', 'retention']])
    await retention.close()
  })
})

describe('on SQLite', () => {
  it('commits admitted, finished and recorded rows, and the last use', async () => {
    vi.useRealTimers()
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-recorder-'))
    const store = await openSqliteStore(join(folder, 'test.db'), { clock: systemClock })
    const { events } = setUp()
    const recorder = createRecorder({ store, clock: systemClock, events, durability: 'strict', queueMax: 1000 })
    const admitted = requestRow({ status: 0 })
    expect(await recorder.admit(admitted)).toBe(true)
    expect((await store.listRequests()).rows).toEqual([admitted])
    recorder.finish({ ...admitted, status: 200 })
    for (let count = 0; count < 99; count++) recorder.record(requestRow({ status: 401, code: 'INVALID_API_KEY' }))
    await recorder.flush()
    const { rows } = await store.listRequests({}, { limit: 200 })
    expect(rows).toHaveLength(100)
    expect(rows.find(({ id }) => id === admitted.id)?.status).toBe(200)
    await recorder.close()
    await store.close()
    expect(events.dropped).toBe(0)
    await rm(folder, { recursive: true })
  })
})

function setUp(options: Partial<RecorderOptions> = {}) {
  const store = fakeStore()
  const events = fakeEvents()
  const recorder = createRecorder({
    store,
    clock: { monotonic: () => performance.now() },
    events,
    durability: 'async',
    queueMax: 1000,
    ...options,
  })
  return { recorder, store, events }
}

/** Keeps the promises of the contract: an insert leaves alone what is there, a finish also makes what is not. */
function fakeStore() {
  let gate: Promise<void> | undefined
  let inFlight = 0
  const write = async (batch: readonly RequestRow[], put: (row: RequestRow) => void): Promise<void> => {
    fake.attempts++
    if (fake.down) throw new StoreUnavailable('the fake is down')
    if (batch.some(({ id }) => id === fake.poison)) throw new Error('refused')
    fake.batches.push(batch.map(({ id }) => id))
    inFlight++
    fake.inFlightMax = Math.max(fake.inFlightMax, inFlight)
    await gate
    for (const row of batch) put(row)
    inFlight--
  }
  const insert = (batch: readonly RequestRow[]) =>
    write(batch, (row) => {
      if (!fake.rows.has(row.id)) fake.rows.set(row.id, row)
    })
  const fake = {
    rows: new Map<string, RequestRow>(),
    batches: [] as string[][],
    touched: [] as ReadonlyMap<string, number>[],
    attempts: 0,
    inFlightMax: 0,
    down: false,
    poison: '',
    /** From now on writes hang. @returns what lets them go on. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    },
    insertRequests: insert,
    admitRequests: insert,
    finishRequests: (batch: readonly RequestRow[]) => write(batch, (row) => fake.rows.set(row.id, row)),
    async touchSecrets(lastUsed: ReadonlyMap<string, number>) {
      if (fake.down) throw new StoreUnavailable('the fake is down')
      fake.touched.push(lastUsed)
    },
  } satisfies Pick<Store, 'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets'> &
    Record<string, unknown>
  return fake
}

function fakeEvents() {
  const seen = {
    dropped: 0,
    queued: 0,
    queuedMax: 0,
    storeUps: [] as boolean[],
    faults: [] as string[],
    requestLogDropped(rows: number) {
      seen.dropped += rows
    },
    requestLogQueued(rows: number) {
      seen.queued = rows
      seen.queuedMax = Math.max(seen.queuedMax, rows)
    },
    storeUp(up: boolean) {
      seen.storeUps.push(up)
    },
    fault(where: string) {
      seen.faults.push(where)
    },
  }
  return seen
}

function settled<T>(promise: Promise<T>): { value: T | undefined } {
  const outcome: { value: T | undefined } = { value: undefined }
  void promise.then((value) => {
    outcome.value = value
  })
  return outcome
}
