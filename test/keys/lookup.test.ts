import { afterEach, describe, expect, it, vi } from 'vitest'
import { createKeyLookup, type KeyLookup } from '../../src/keys/lookup.ts'
import type { KeyRecord } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { hashOf, keyRecord } from './key-record.ts'

type Answer = KeyRecord | undefined | Promise<KeyRecord | undefined>

/** A look-up on a store whose answers the test gives. */
function setUp({ max = 100, staleMs = 60_000 } = {}) {
  const clock = testClock()
  const counts = { hit: 0, miss: 0, stale: 0 }
  const storeUp: boolean[] = []
  const world = {
    clock,
    counts,
    storeUp,
    calls: 0,
    answer: (_sha256: Buffer): Answer => keyRecord(),
    lastSyncAt: () => clock.monotonic(),
  }
  const lookup: KeyLookup = createKeyLookup({
    store: {
      findKeyByHash(sha256) {
        world.calls++
        return world.answer(sha256)
      },
    },
    clock,
    cache: { max, ttl: 30_000, stale_if_store_down: staleMs },
    lastSyncAt: () => world.lastSyncAt(),
    events: {
      keyCache: (result) => void counts[result]++,
      storeUp: (up) => void storeUp.push(up),
    },
  })
  return Object.assign(world, { lookup })
}

const change = (id: string) => ({ seq: 1, kind: id.startsWith('org') ? 'organization' : 'api_key', id }) as const
const hash = hashOf('one')
const revoked = keyRecord({ revokedAt: 5 })

const down = (): never => {
  throw new Error('down')
}

describe('the cache', () => {
  it('answers without a promise when it has the record, and when the store answers at once', () => {
    const { lookup, counts } = setUp()
    expect(lookup.find(hash)).toEqual(keyRecord())
    expect(lookup.find(hash)).toEqual(keyRecord())
    expect(counts).toEqual({ hit: 1, miss: 1, stale: 0 })
  })

  it('asks the store again after the ttl', () => {
    const world = setUp()
    world.lookup.find(hash)
    world.clock.advance(29_999)
    world.lookup.find(hash)
    expect(world.calls).toBe(1)
    world.clock.advance(1)
    world.answer = () => revoked
    expect(world.lookup.find(hash)).toBe(revoked)
    expect(world.lookup.find(hash)).toBe(revoked)
    expect(world.calls).toBe(2)
  })

  it('does not remember unknown keys: one made a moment later works at once', () => {
    const world = setUp()
    world.answer = () => undefined
    expect(world.lookup.find(hash)).toBeUndefined()
    world.answer = () => keyRecord()
    expect(world.lookup.find(hash)).toEqual(keyRecord())
  })

  it('holds no more than it may, and forgets the least used first', () => {
    const world = setUp({ max: 2 })
    world.answer = (sha256) => keyRecord({ keyId: `key_${sha256.toString('hex')}` })
    const [one, two, three] = ['1', '2', '3'].map(hashOf) as [Buffer, Buffer, Buffer]
    world.lookup.find(one)
    world.lookup.find(two)
    world.lookup.find(one)
    world.lookup.find(three)
    expect(world.lookup.size).toBe(2)
    expect(world.lookup.cached(one)).toBeDefined()
    expect(world.lookup.cached(two)).toBeUndefined()
  })

  it('shows what it holds without asking the store', () => {
    const world = setUp()
    expect(world.lookup.cached(hash)).toBeUndefined()
    world.lookup.find(hash)
    world.clock.advance(40_000)
    expect(world.lookup.cached(hash)).toEqual(keyRecord())
    expect(world.calls).toBe(1)
  })
})

describe('invalidation', () => {
  it.each([
    ['its key', 'key_1'],
    ['its organization', 'org_1'],
  ])('forgets a record at once when %s changes', (_, id) => {
    const world = setUp()
    world.lookup.find(hash)
    world.lookup.invalidate(change(id))
    world.answer = () => revoked
    expect(world.lookup.cached(hash)).toBeUndefined()
    expect(world.lookup.find(hash)).toBe(revoked)
  })

  it('forgets every secret of a key and every key of an organization, and leaves others alone', () => {
    const world = setUp()
    const hashes = ['a', 'b', 'c', 'd'].map(hashOf) as [Buffer, Buffer, Buffer, Buffer]
    const owners = new Map(hashes.map((one, at) => [one.toString('hex'), at]))
    world.answer = (sha256) => {
      const at = owners.get(sha256.toString('hex')) ?? 0
      const organization = { ...keyRecord().organization, id: at < 3 ? 'org_1' : 'org_2' }
      return keyRecord({ keyId: at < 2 ? 'key_1' : `key_${at}`, organization })
    }
    const held = () => hashes.map((one) => world.lookup.cached(one) !== undefined)
    for (const one of hashes) world.lookup.find(one)
    world.lookup.invalidate(change('key_1'))
    expect(held()).toEqual([false, false, true, true])
    for (const one of hashes) world.lookup.find(one)
    world.lookup.invalidate(change('org_1'))
    expect(held()).toEqual([false, false, false, true])
    world.lookup.invalidateAll()
    expect(held()).toEqual([false, false, false, false])
    expect(world.lookup.size).toBe(0)
  })

  it('still forgets a record that came back after an earlier invalidation, and after an eviction', () => {
    const world = setUp({ max: 1 })
    for (const id of ['key_1', 'org_1', 'key_1']) {
      world.lookup.find(hash)
      world.lookup.find(hashOf('other'))
      world.lookup.find(hash)
      world.lookup.invalidate(change(id))
      expect(world.lookup.cached(hash)).toBeUndefined()
    }
  })

  it('still forgets what was loaded after an invalidation when a leftover from before it goes', () => {
    const world = setUp()
    const second = hashOf('two')
    world.lookup.find(hash)
    world.lookup.invalidate(change('key_1'))
    world.lookup.find(second)
    expect(world.lookup.cached(hash)).toBeUndefined()
    world.lookup.invalidate(change('key_1'))
    expect(world.lookup.cached(second)).toBeUndefined()
  })

  it('does not let a look-up in flight put the old record back: it is done again', async () => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const result = world.lookup.find(hash)
    world.lookup.invalidate(change('key_1'))
    world.answer = () => Promise.resolve(revoked)
    first.resolve(keyRecord())
    expect(await result).toBe(revoked)
    expect(world.lookup.cached(hash)).toBe(revoked)
  })

  it.each(['org_1', 'all'])('does the same when %s changed', async (id) => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const result = world.lookup.find(hash)
    if (id === 'all') world.lookup.invalidateAll()
    else world.lookup.invalidate(change(id))
    world.answer = () => revoked
    first.resolve(keyRecord())
    expect(await result).toBe(revoked)
  })

  it('does not do a look-up again for a change of something else', async () => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const result = world.lookup.find(hash)
    world.lookup.invalidate(change('key_2'))
    first.resolve(keyRecord())
    expect(await result).toEqual(keyRecord())
    expect(world.calls).toBe(1)
    expect(world.lookup.cached(hash)).toBeDefined()
  })

  it('lets nobody who comes after a change join a look-up from before it', async () => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const before = world.lookup.find(hash)
    world.lookup.invalidate(change('key_1'))
    world.answer = () => Promise.resolve(revoked)
    expect(await world.lookup.find(hash)).toBe(revoked)
    first.resolve(keyRecord())
    expect(await before).toBe(revoked)
    expect(world.lookup.cached(hash)).toBe(revoked)
  })

  it('gives up with KEY_STORE_UNAVAILABLE when changes overtake every try', async () => {
    const world = setUp()
    world.answer = async () => {
      await Promise.resolve()
      world.lookup.invalidate(change('key_1'))
      return keyRecord()
    }
    expect(await world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
    expect(world.calls).toBe(3)
    expect(world.lookup.cached(hash)).toBeUndefined()
  })

  it('stays right when far more keys change during a look-up than it takes note of', async () => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const result = world.lookup.find(hash)
    world.lookup.invalidate(change('key_1'))
    for (let other = 2; other < 12_000; other++) world.lookup.invalidate(change(`key_${other}`))
    world.answer = () => revoked
    first.resolve(keyRecord())
    expect(await result).toBe(revoked)
  })
})

describe('a store that takes its time', () => {
  it('is asked once for many requests with the same key', async () => {
    const world = setUp()
    const first = Promise.withResolvers<KeyRecord>()
    world.answer = () => first.promise
    const results = Array.from({ length: 50 }, () => world.lookup.find(hash))
    first.resolve(keyRecord())
    expect(new Set(await Promise.all(results)).size).toBe(1)
    expect(world.calls).toBe(1)
    expect(world.counts).toEqual({ hit: 0, miss: 50, stale: 0 })
  })

  it('is asked for 64 keys at a time that nobody has seen, and at once for one that is known', async () => {
    const world = setUp({ max: 5000 })
    world.lookup.find(hash)
    world.clock.advance(30_001)
    world.calls = 0
    const answers: (() => void)[] = []
    world.answer = (sha256) =>
      new Promise((resolve) => answers.push(() => resolve(keyRecord({ keyId: `key_${sha256.toString('hex')}` }))))
    const results = Array.from({ length: 200 }, (_, index) => world.lookup.find(hashOf(`${index}`)))
    expect(world.calls).toBe(64)
    const known = world.lookup.find(hash)
    expect(world.calls).toBe(65)
    answers[64]?.()
    expect(await known).toMatchObject({ keyId: expect.stringMatching(/^key_/) })
    // A place that becomes free is taken by the next.
    answers[0]?.()
    await results[0]
    await Promise.resolve()
    expect(world.calls).toBe(66)
    while (answers.length > 0) {
      for (const answer of answers.splice(0)) answer()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(new Set((await Promise.all(results)).map((found) => typeof found === 'object' && found.keyId)).size).toBe(
      200,
    )
    expect(world.calls).toBe(201)
  })

  it('that hangs is not asked later for those whose time is over', async () => {
    vi.useFakeTimers()
    const world = setUp()
    const hung = Promise.withResolvers<undefined>()
    world.answer = () => hung.promise
    const results = Array.from({ length: 90 }, (_, index) => world.lookup.find(hashOf(`${index}`)))
    await vi.advanceTimersByTimeAsync(2000)
    expect(new Set(await Promise.all(results))).toEqual(new Set(['KEY_STORE_UNAVAILABLE']))
    const calls = world.calls
    hung.resolve(undefined)
    await vi.advanceTimersByTimeAsync(0)
    expect(world.calls).toBe(calls)
    world.answer = () => keyRecord()
    expect(world.lookup.find(hash)).toEqual(keyRecord())
    vi.useRealTimers()
  })

  it('has at most 1000 keys waiting for it at a time', async () => {
    const world = setUp({ max: 5000 })
    const gate = Promise.withResolvers<void>()
    world.answer = (sha256) => gate.promise.then(() => keyRecord({ keyId: `key_${sha256.toString('hex')}` }))
    const results = Array.from({ length: 1005 }, (_, index) => world.lookup.find(hashOf(`${index}`)))
    expect(results.slice(0, 1000).every((result) => result instanceof Promise)).toBe(true)
    expect(results.slice(1000)).toEqual(new Array(5).fill('KEY_STORE_UNAVAILABLE'))
    gate.resolve()
    await Promise.all(results)
    expect(world.lookup.find(hashOf('one more'))).toBeInstanceOf(Promise)
  })
})

describe('a store that fails', () => {
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['throws', down],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('is KEY_STORE_UNAVAILABLE, never unknown, when it %s', async (_, answer) => {
    const world = setUp()
    world.answer = answer
    expect(await world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
    world.answer = () => keyRecord()
    expect(await world.lookup.find(hash)).toEqual(keyRecord())
    expect(world.storeUp).toEqual([false, true])
  })

  it('is KEY_STORE_UNAVAILABLE two seconds after it stopped answering, whatever it says later', async () => {
    vi.useFakeTimers()
    const world = setUp()
    const late = Promise.withResolvers<KeyRecord>()
    world.answer = () => late.promise
    const result = world.lookup.find(hash)
    await vi.advanceTimersByTimeAsync(1999)
    const settled = vi.fn()
    void Promise.resolve(result).then(settled)
    await vi.advanceTimersByTimeAsync(0)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(await result).toBe('KEY_STORE_UNAVAILABLE')
    late.resolve(keyRecord())
    await vi.advanceTimersByTimeAsync(0)
    expect(world.lookup.cached(hash)).toBeUndefined()
  })

  it('is asked only now and then once a hundred calls have hung, and freely when they have ended', async () => {
    vi.useFakeTimers()
    const world = setUp()
    const hung = Promise.withResolvers<undefined>()
    world.answer = () => hung.promise
    const waiting = Array.from({ length: 100 }, (_, index) => world.lookup.find(hashOf(`${index}`)))
    await vi.advanceTimersByTimeAsync(2000)
    await Promise.all(waiting)
    world.calls = 0
    for (let more = 0; more < 50; more++) expect(world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
    expect(world.calls).toBe(0)
    world.clock.advance(100)
    expect(world.lookup.find(hash)).toBeInstanceOf(Promise)
    hung.resolve(undefined)
    await vi.advanceTimersByTimeAsync(0)
    world.answer = () => keyRecord()
    for (let more = 0; more < 5; more++) expect(world.lookup.find(hashOf(`${more}`))).toEqual(keyRecord())
  })

  it('is bridged by the old record until stale_if_store_down after the last sync, and no longer', () => {
    const world = setUp()
    const start = world.clock.monotonic()
    world.lookup.find(hash)
    world.answer = down
    world.lastSyncAt = () => start
    world.clock.advance(30_000)
    expect(world.lookup.find(hash)).toEqual(keyRecord())
    world.clock.advance(30_000)
    expect(world.lookup.find(hash)).toEqual(keyRecord())
    world.clock.advance(1)
    expect(world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
    expect(world.counts.stale).toBe(2)
    expect(world.storeUp).toEqual([false])
  })

  it('is bridged in the same way when it fails late', async () => {
    const world = setUp()
    world.lookup.find(hash)
    world.clock.advance(30_000)
    world.answer = () => Promise.reject(new Error('down'))
    expect(await world.lookup.find(hash)).toEqual(keyRecord())
    expect(world.counts).toEqual({ hit: 0, miss: 1, stale: 1 })
  })

  it('is not asked again for each request while it is down', () => {
    const world = setUp()
    world.lookup.find(hash)
    world.clock.advance(30_000)
    world.answer = down
    world.calls = 0
    for (let request = 0; request < 100; request++) world.lookup.find(hash)
    expect(world.calls).toBe(1)
    world.clock.advance(1000)
    world.answer = () => revoked
    expect(world.lookup.find(hash)).toBe(revoked)
  })

  it('is not bridged by a record that was invalidated, not even during the look-up that failed', async () => {
    const world = setUp()
    world.lookup.find(hash)
    world.clock.advance(30_000)
    const failing = Promise.withResolvers<KeyRecord>()
    world.answer = () => failing.promise
    const result = world.lookup.find(hash)
    world.lookup.invalidate(change('org_1'))
    failing.reject(new Error('down'))
    expect(await result).toBe('KEY_STORE_UNAVAILABLE')
  })
})

describe('a node that has lost touch with the change log', () => {
  it('does not trust even a fresh record, since it may have missed a revocation', () => {
    const world = setUp({ staleMs: 10_000 })
    const start = world.clock.monotonic()
    world.lastSyncAt = () => start
    world.lookup.find(hash)
    world.clock.advance(10_000)
    world.answer = down
    expect(world.lookup.find(hash)).toEqual(keyRecord())
    world.clock.advance(1)
    expect(world.lookup.cached(hash)).toBeUndefined()
    world.answer = () => revoked
    expect(world.lookup.find(hash)).toBe(revoked)
    world.answer = down
    expect(world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
  })

  it('asks the store for a key that it holds as soon as it is more than a second behind', () => {
    const world = setUp()
    const start = world.clock.monotonic()
    world.lastSyncAt = () => start
    world.lookup.find(hash)
    world.clock.advance(1000)
    world.answer = () => revoked
    expect(world.lookup.find(hash)).toEqual(keyRecord())
    world.clock.advance(1)
    expect(world.lookup.find(hash)).toBe(revoked)
    // And then holds what it has been told, for as long as that is young.
    world.answer = () => keyRecord()
    world.clock.advance(1000)
    expect(world.lookup.find(hash)).toBe(revoked)
    expect(world.calls).toBe(2)
  })

  it('goes on from the cache without asking for each request when the store is down too, until it is in touch again', () => {
    const world = setUp()
    let syncedAt = world.clock.monotonic()
    world.lastSyncAt = () => syncedAt
    world.lookup.find(hash)
    world.answer = down
    world.calls = 0
    world.clock.advance(5000)
    for (let request = 0; request < 100; request++) expect(world.lookup.find(hash)).toEqual(keyRecord())
    expect(world.calls).toBe(1)
    world.answer = () => revoked
    syncedAt = world.clock.monotonic() + 1
    world.clock.advance(1002)
    expect(world.lookup.find(hash)).toBe(revoked)
  })

  it('takes a record to be as old as the question, however long the answer lay there', async () => {
    const world = setUp()
    const start = world.clock.monotonic()
    world.lastSyncAt = () => start
    const late = Promise.withResolvers<KeyRecord>()
    world.answer = () => late.promise
    const first = world.lookup.find(hash)
    world.clock.advance(1001)
    late.resolve(keyRecord())
    expect(await first).toEqual(keyRecord())
    world.answer = () => revoked
    expect(world.lookup.find(hash)).toBe(revoked)
  })

  it('knows how long that is though the machine’s clock is set back', () => {
    const world = setUp()
    const start = world.clock.monotonic()
    world.lastSyncAt = () => start
    world.lookup.find(hash)
    world.answer = down
    world.clock.advance(60_001)
    world.clock.set(-3_600_000)
    expect(world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
  })

  it('uses the cache between two polls, also when nothing stale may ever be served', () => {
    const world = setUp({ staleMs: 0 })
    const start = world.clock.monotonic()
    world.lastSyncAt = () => start
    world.lookup.find(hash)
    world.clock.advance(300)
    world.lookup.find(hash)
    expect(world.calls).toBe(1)
    world.clock.advance(701)
    world.answer = down
    expect(world.lookup.find(hash)).toBe('KEY_STORE_UNAVAILABLE')
  })
})
