import type { Clock } from '../clock.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { KeyLookup } from '../keys/lookup.ts'
import { verify } from '../keys/verify.ts'
import type { Change, KeyRecord } from '../store/store.ts'
import type { Exchange } from './exchange.ts'
import type { Verdict } from './route.ts'

export interface LiveDependencies {
  readonly clock: Clock
  readonly lookup: Pick<KeyLookup, 'find'>
  /** The formats in force, which a reload may change. */
  readonly formats: () => Pick<KeyFormats, 'parse'>
  /** Nothing is known of revocations since then, on the monotonic clock. */
  readonly lastSyncAt: () => number
  readonly staleMs: () => number
}

const sweepEveryMs = 200
const cutOffAfterMs = 1000

/**
 * Every request from the moment that its key was accepted, and every one on its way to an upstream: streams and tunnels
 * end when their key does, a request that still waits in a step is refused, and what is silent for too long ends too.
 */
export class Live {
  // Not a Set: in one, what was deleted still does not die young (docs/decisions/0004-what-made-it-faster.md).
  readonly #exchanges: Exchange[] = []
  readonly #dependencies: LiveDependencies
  /** Those whose key has changed and could not be judged again yet. */
  readonly #doubtful = new Set<Exchange>()
  readonly #timer: NodeJS.Timeout
  #changesTold = 0

  constructor(dependencies: LiveDependencies) {
    this.#dependencies = dependencies
    this.#timer = setInterval(() => this.sweep(), sweepEveryMs).unref()
  }

  get changesTold(): number {
    return this.#changesTold
  }

  get size(): number {
    return this.#exchanges.length
  }

  add(exchange: Exchange): void {
    // One whose caller has left while it waited was deleted already.
    if (!exchange.gone && exchange.liveAt === undefined) exchange.liveAt = this.#exchanges.push(exchange) - 1
  }

  delete(exchange: Exchange): void {
    const { liveAt } = exchange
    if (liveAt === undefined) return
    exchange.liveAt = undefined
    this.#doubtful.delete(exchange)
    // The last one takes the place that became free.
    const last = this.#exchanges.pop()
    if (last === undefined || last === exchange) return
    this.#exchanges[liveAt] = last
    last.liveAt = liveAt
  }

  /** Judges again what a change touches. Call it after the look-up cache has forgotten the old state. */
  recheck(change: Change): void {
    this.#changesTold++
    for (const exchange of [...this.#exchanges]) {
      const { key } = exchange
      if (key === undefined) continue
      if ((change.kind === 'api_key' ? key.keyId : key.organization.id) === change.id) this.#recheck(exchange)
    }
  }

  recheckAll(): void {
    this.#changesTold++
    for (const exchange of [...this.#exchanges]) if (exchange.key !== undefined) this.#recheck(exchange)
  }

  /** Reads the key of one again that was added a moment ago. What changes from now on finds it by itself. */
  async confirm(exchange: Exchange): Promise<Verdict> {
    const hash = this.#hashOf(exchange)
    const found = hash && (await this.#dependencies.lookup.find(hash))
    if (found === 'KEY_STORE_UNAVAILABLE') return found
    if (found === undefined || verify(found, this.#dependencies.clock.now()) !== undefined) return 'INVALID_API_KEY'
    // The steps that follow judge by this one.
    exchange.key = found
    return undefined
  }

  /** Ends what is still under way. @returns how many that were. */
  abortAll(): number {
    const under = [...this.#exchanges]
    for (const exchange of under) exchange.forwarding?.cancel('DRAINING')
    return under.length
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Time limits, expiry, and a second try for what could not be judged. */
  sweep(): void {
    const { clock, lastSyncAt, staleMs } = this.#dependencies
    const now = clock.now()
    const monotonic = clock.monotonic()
    // Between two polls nothing is known either; that is not being cut off.
    const cutOff = monotonic - lastSyncAt() > Math.max(staleMs(), cutOffAfterMs)
    for (const exchange of [...this.#exchanges]) {
      const { key } = exchange
      if (key !== undefined && (cutOff || verify(key, now) !== undefined)) {
        exchange.withdraw(cutOff ? 'KEY_STORE_UNAVAILABLE' : 'INVALID_API_KEY')
      } else exchange.forwarding?.checkDeadline(monotonic)
    }
    for (const exchange of this.#doubtful) this.#recheck(exchange)
  }

  #recheck(exchange: Exchange): void {
    this.#doubtful.add(exchange)
    const hash = this.#hashOf(exchange)
    // A format that is no longer accepted: the secret could not be used for a new request either.
    if (hash === undefined) return this.#settle(exchange, undefined)
    const found = this.#dependencies.lookup.find(hash)
    if (found instanceof Promise) void found.then((later) => this.#settle(exchange, later))
    else this.#settle(exchange, found)
  }

  #hashOf({ head }: Exchange): Buffer | undefined {
    return this.#dependencies
      .formats()
      .parse(head.authorization?.replace(/^bearer /i, '') ?? '')
      ?.sha256()
  }

  #settle(exchange: Exchange, found: KeyRecord | undefined | 'KEY_STORE_UNAVAILABLE'): void {
    if (found === 'KEY_STORE_UNAVAILABLE' || exchange.liveAt === undefined) return
    this.#doubtful.delete(exchange)
    const verdict = this.#judge(exchange, found)
    if (verdict !== undefined) exchange.withdraw(verdict)
    else exchange.key = found
  }

  #judge(exchange: Exchange, found: KeyRecord | undefined): Verdict {
    if (found === undefined || verify(found, this.#dependencies.clock.now()) !== undefined) return 'INVALID_API_KEY'
    return exchange.route?.stillAllowed(exchange, found)
  }
}
