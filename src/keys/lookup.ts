import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import type { Change, KeyRecord, Store } from '../store/store.ts'
import { TimeLimitPassed, withTimeLimit } from '../time-limit.ts'
import { ChangeMarks } from './change-marks.ts'
import { type CachedKey, KeyCache } from './key-cache.ts'
import { LookUpPlaces, type Turn } from './look-up-places.ts'

/** The record, undefined when no key has this hash, or why that can't be told. */
export type Lookup = KeyRecord | undefined | 'KEY_STORE_UNAVAILABLE'

export interface KeyLookup {
  /** From the cache, else from the store. No promise where the answer is at hand. Never rejects. */
  find(sha256: Buffer): Lookup | Promise<Lookup>
  /** What the cache holds and may still be used, older than its `ttl` or not. Asks nobody. */
  cached(sha256: Buffer): KeyRecord | undefined
  /** Forgets what a change touches. When it returns, no later `find` answers with the state before the change. */
  invalidate(change: Change): void
  /** The same for everything: changes were missed. */
  invalidateAll(): void
  /** Records held. */
  readonly size: number
}

export interface KeyLookupOptions {
  readonly store: Pick<Store, 'findKeyByHash'>
  readonly clock: Clock
  /** `ttl` and `stale_if_store_down` in milliseconds. */
  readonly cache: Config['keys']['cache']
  /** `clock.monotonic()` at which all changes until then were known here: a clock that is set must not hide a gap. */
  readonly lastSyncAt: () => number
  readonly events: Pick<Events, 'keyCache' | 'storeUp'>
}

/**
 * Finds keys by the hash of their text: cache, then store, with one look-up at a time per hash.
 *
 * A look-up that a change overtakes is done again and never cached as it was, and nobody who comes after a change joins a
 * look-up from before it. Unknown hashes are not cached: a key must work in the moment after its creation, and guesses
 * would push real keys out.
 */
export function createKeyLookup({ store, clock, cache: settings, lastSyncAt, events }: KeyLookupOptions): KeyLookup {
  const cache = new KeyCache(settings.max)
  const flights = new Map<string, Flight>()
  const marks = new ChangeMarks()
  const places = new LookUpPlaces(strangersMax)
  const staleMs = settings.stale_if_store_down
  const blindMsMax = Math.max(staleMs, syncSlackMs)
  let running = 0
  let unanswered = 0
  let lastStartAt = Number.NEGATIVE_INFINITY
  let storeUp = true
  let failedAt = Number.NEGATIVE_INFINITY

  const blindMs = (): number => clock.monotonic() - lastSyncAt()

  /** Past this bound a revocation may have been missed: only the store itself can vouch for a key. */
  const usable = (id: string, sha256: Buffer): CachedKey | undefined =>
    blindMs() > blindMsMax ? undefined : cache.get(id, sha256)

  const noteStore = (up: boolean, why?: string): void => {
    if (up === storeUp) return
    storeUp = up
    events.storeUp(up, why)
  }

  /**
   * Whether all that happened until a moment ago is known of it. A process that stood still has not heard of the changes
   * meanwhile, and may well see a request before it hears of them. While the store is known to be down there is nobody to ask.
   */
  const isInStep = ({ loadedAt }: CachedKey, now: number): boolean => {
    const syncedAt = lastSyncAt()
    return now - Math.max(loadedAt, syncedAt) <= syncSlackMs || failedAt > syncedAt
  }

  const answered = (
    id: string,
    sha256: Buffer,
    record: KeyRecord | undefined,
    askedAt: number,
  ): KeyRecord | undefined => {
    noteStore(true)
    // No younger than the question: the answer may have lain there while this process stood still.
    if (record !== undefined) cache.set(id, sha256, record, askedAt)
    return record
  }

  /** The store failed: the old record serves a while, as long as none of it was invalidated. */
  const failed = (id: string, sha256: Buffer, error: unknown): Lookup => {
    noteStore(false, error instanceof Error ? error.message : String(error))
    failedAt = clock.monotonic()
    const old = cache.get(id, sha256)
    if (old === undefined || blindMs() > staleMs) return 'KEY_STORE_UNAVAILABLE'
    old.askAgainAt = clock.monotonic() + askAgainMs
    return old.record
  }

  const countUnanswered = (answer: StoreAnswer): void => {
    const ended = (): void => void unanswered--
    unanswered++
    if (answer instanceof Promise) answer.then(ended, ended)
  }

  /** Waits for a first answer that is on its way, and asks again for as long as changes overtake the answers. */
  const settle = async (id: string, sha256: Buffer, flight: Flight, first: StoreAnswer): Promise<Lookup> => {
    let answer = first
    try {
      let askedAt = lastStartAt
      for (let round = 0; round < roundsMax; round++) {
        const startedAt = round === 0 ? flight.startedAt : marks.now
        if (round > 0) {
          askedAt = clock.monotonic()
          answer = store.findKeyByHash(sha256)
        }
        const record = answer instanceof Promise ? await withTimeLimit(answer, lookupTimeMaxMs) : answer
        if (record === undefined || !marks.touched(record, startedAt)) return answered(id, sha256, record, askedAt)
      }
      return 'KEY_STORE_UNAVAILABLE'
    } catch (error) {
      if (error instanceof TimeLimitPassed) countUnanswered(answer)
      const result = failed(id, sha256, error)
      flight.stale = result !== 'KEY_STORE_UNAVAILABLE'
      return result
    } finally {
      if (flights.get(id) === flight) flights.delete(id)
      if (flight.stranger) places.leave(flight.turn)
      if (--running === 0) marks.forget()
      for (let asked = 0; asked < flight.asked; asked++) events.keyCache(flight.stale ? 'stale' : 'miss')
    }
  }

  const ask = (id: string, sha256: Buffer): Lookup | Promise<Lookup> => {
    const under = flights.get(id)
    if (under !== undefined && under.startedAt === marks.now) {
      under.asked++
      return under.result
    }
    if (running >= runningMax || (unanswered >= unansweredMax && clock.monotonic() - lastStartAt < probeEveryMs)) {
      return refused(id, sha256, new Error('too many look-ups wait for the store'))
    }
    lastStartAt = clock.monotonic()
    const stranger = cache.get(id, sha256) === undefined
    const turn = stranger ? places.enter() : undefined
    let answer: StoreAnswer
    try {
      answer = turn === undefined ? store.findKeyByHash(sha256) : turn.promise.then(() => store.findKeyByHash(sha256))
    } catch (error) {
      if (stranger) places.leave(turn)
      return refused(id, sha256, error)
    }
    if (!(answer instanceof Promise)) {
      if (stranger) places.leave(turn)
      events.keyCache('miss')
      return answered(id, sha256, answer, lastStartAt)
    }
    running++
    const flight: Flight = { startedAt: marks.now, asked: 1, stale: false, stranger, turn, result: notYet }
    flights.set(id, flight)
    flight.result = settle(id, sha256, flight, answer)
    return flight.result
  }

  const refused = (id: string, sha256: Buffer, error: unknown): Lookup => {
    const result = failed(id, sha256, error)
    events.keyCache(result === 'KEY_STORE_UNAVAILABLE' ? 'miss' : 'stale')
    return result
  }

  return {
    find(sha256) {
      const id = sha256.toString('latin1')
      const entry = usable(id, sha256)
      if (entry === undefined) return ask(id, sha256)
      const now = clock.monotonic()
      if (now - entry.loadedAt < settings.ttl && isInStep(entry, now)) {
        events.keyCache('hit')
        return entry.record
      }
      if (now < entry.askAgainAt && blindMs() <= staleMs) {
        events.keyCache('stale')
        return entry.record
      }
      return ask(id, sha256)
    },
    cached: (sha256) => usable(sha256.toString('latin1'), sha256)?.record,
    invalidate({ id }) {
      marks.add(id, running > 0)
      cache.forget(id)
    },
    invalidateAll() {
      marks.addAll()
      cache.clear()
    },
    get size() {
      return cache.size
    },
  }
}

type StoreAnswer = KeyRecord | undefined | Promise<KeyRecord | undefined>

/** A look-up on its way, and those who wait for it. */
interface Flight {
  readonly startedAt: number
  asked: number
  stale: boolean
  /** Of a key that is not known here; with the turn that it waited for, if it had to. */
  readonly stranger: boolean
  readonly turn: Turn | undefined
  result: Promise<Lookup>
}

const notYet: Promise<Lookup> = Promise.resolve('KEY_STORE_UNAVAILABLE' as const)

/** Between two polls of the change log a node in touch is behind by this much at most: what nodes promise without Redis. */
const syncSlackMs = 1000
/** While the store is down, each key asks for a fresh record this often at most, and is served the old one between. */
const askAgainMs = 1000
const lookupTimeMaxMs = 2000
const roundsMax = 3
const runningMax = 1000
/** At the store at a time, of those; the others wait. */
const strangersMax = 64
/** With so many calls that never came back the store hangs: ask it now and then, and let nobody else wait. */
const unansweredMax = 100
const probeEveryMs = 100
