import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ChangeFeed, followChanges } from '../../src/bus/change-feed.ts'
import type { Change, ChangePage } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'

/** A change log in memory, answering at once as SQLite does, or late as a server does. */
function changeLog() {
  const log: Change[] = []
  return {
    add: (id: string) => void log.push({ seq: log.length + 1, kind: 'api_key', id }),
    reads: 0,
    failure: undefined as Error | undefined,
    /** While set, answers wait for it. */
    gate: undefined as Promise<void> | undefined,
    prunedTo: 0,
    answer<T>(read: () => T): T | Promise<T> {
      this.reads++
      if (this.failure) throw this.failure
      return this.gate ? this.gate.then(read) : read()
    },
    latestChange() {
      return this.answer(() => log.length)
    },
    changesSince(seq: number, limit: number) {
      return this.answer((): ChangePage => {
        const from = Math.max(seq, this.prunedTo)
        return { changes: log.slice(from, from + limit), gap: seq < this.prunedTo }
      })
    },
  }
}

describe('following the change log', () => {
  const clock = testClock()
  let log: ReturnType<typeof changeLog>
  let told: string[]
  let feed: ChangeFeed | undefined

  const follow = (): ChangeFeed => {
    feed = followChanges(log, {
      clock,
      everyMs: 300,
      onChange: ({ id }) => void told.push(id),
      onGap: () => void told.push('gap'),
      onUp: () => void told.push('up'),
      onDown: (error) => void told.push(`down: ${error instanceof Error ? error.message : error}`),
    })
    return feed
  }

  beforeEach(() => {
    vi.useFakeTimers()
    log = changeLog()
    told = []
  })
  afterEach(() => {
    feed?.close()
    vi.useRealTimers()
  })

  it('tells each change after the start once and in order, and nothing from before', async () => {
    log.add('old')
    const { pollNow } = follow()
    // Before the first poll has even come back: the position is the one at the call.
    log.add('a')
    await pollNow()
    log.add('b')
    log.add('c')
    await vi.advanceTimersByTimeAsync(300)
    await vi.advanceTimersByTimeAsync(600)
    expect(told).toEqual(['up', 'a', 'b', 'c'])
  })

  it('reads to the end however much there is', async () => {
    const { pollNow } = follow()
    const ids = Array.from({ length: 1200 }, (_, index) => `key ${index}`)
    for (const id of ids) log.add(id)
    await pollNow()
    expect(told).toEqual(['up', ...ids])
  })

  it('has told what was committed before the call when pollNow resolves, also while a poll is under way', async () => {
    const { pollNow } = follow()
    await pollNow()
    const { promise, resolve } = Promise.withResolvers<void>()
    log.gate = promise
    const first = pollNow()
    log.add('committed meanwhile')
    const second = pollNow()
    const third = pollNow()
    const readsBefore = log.reads
    resolve()
    await Promise.all([first, second, third])
    expect(told).toContain('committed meanwhile')
    // One more poll serves both who asked.
    expect(log.reads).toBe(readsBefore + 1)
  })

  it('says when changes were missed, and goes on from the newest', async () => {
    const { pollNow } = follow()
    await pollNow()
    for (const id of ['a', 'b', 'c']) log.add(id)
    log.prunedTo = 2
    await pollNow()
    log.add('d')
    await pollNow()
    expect(told).toEqual(['up', 'gap', 'd'])
  })

  it('knows when it was last in step, and says once that the store is down and once that it is back', async () => {
    const { pollNow, lastSyncAt } = follow()
    expect(lastSyncAt()).toBe(Number.NEGATIVE_INFINITY)
    await pollNow()
    const inStepAt = clock.monotonic()
    expect(lastSyncAt()).toBe(inStepAt)
    clock.advance(1000)
    log.failure = new Error('disk on fire')
    await vi.advanceTimersByTimeAsync(900)
    expect(lastSyncAt()).toBe(inStepAt)
    log.failure = undefined
    log.add('while down')
    await vi.advanceTimersByTimeAsync(300)
    expect(lastSyncAt()).toBe(clock.monotonic())
    expect(told).toEqual(['up', 'down: disk on fire', 'while down', 'up'])
  })

  it('forgets everything when it could not tell where it began', async () => {
    log.failure = new Error('not yet')
    const { pollNow } = follow()
    await pollNow()
    log.failure = undefined
    log.add('unseen')
    await pollNow()
    expect(told).toEqual(['down: not yet', 'gap', 'up'])
  })

  it('never polls twice at a time, and takes a poll that hangs for down, not for a success', async () => {
    const { pollNow, lastSyncAt } = follow()
    await pollNow()
    const inStepAt = clock.monotonic()
    const { promise, resolve } = Promise.withResolvers<void>()
    log.gate = promise
    const hung = pollNow()
    const readsBefore = log.reads
    clock.advance(10_000)
    await vi.advanceTimersByTimeAsync(10_000)
    await hung
    await pollNow()
    expect(log.reads).toBe(readsBefore)
    expect(lastSyncAt()).toBe(inStepAt)
    expect(told).toEqual(['up', 'down: the change log has not answered within 2000 ms'])
    log.add('late')
    resolve()
    log.gate = undefined
    await vi.advanceTimersByTimeAsync(0)
    expect(told.slice(2)).toEqual(['late', 'up'])
    // What the hung poll has read is as old as its beginning.
    expect(lastSyncAt()).toBe(inStepAt)
    await pollNow()
    expect(lastSyncAt()).toBe(clock.monotonic())
  })

  it('says whether a change that was just made has been told', async () => {
    const { pollNow } = follow()
    expect(await pollNow()).toBe(true)
    log.failure = new Error('disk on fire')
    expect(await pollNow()).toBe(false)
    log.failure = undefined
    expect(await pollNow()).toBe(true)
    const { promise, resolve } = Promise.withResolvers<void>()
    log.gate = promise
    const hung = pollNow()
    const behind = pollNow()
    await vi.advanceTimersByTimeAsync(2000)
    expect([await hung, await behind]).toEqual([false, false])
    resolve()
  })

  it('tells nothing more and polls no more once closed', async () => {
    const { pollNow, close } = follow()
    await pollNow()
    const { promise, resolve } = Promise.withResolvers<void>()
    log.gate = promise
    log.add('a')
    const underWay = pollNow()
    close()
    resolve()
    await underWay
    const reads = log.reads
    await vi.advanceTimersByTimeAsync(5000)
    await pollNow()
    expect(log.reads).toBe(reads)
    expect(told).toEqual(['up'])
  })
})
