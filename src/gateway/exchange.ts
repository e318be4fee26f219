import type { ErrorCode } from '../errors.ts'
import type { ChargeState } from '../limiter/limiter.ts'
import { networkOf } from '../limiter/network.ts'
import { addRateLimitHeaders } from '../policy/rate-limit.ts'
import type { Forwarding } from '../proxy/forward.ts'
import type { Outbound } from '../proxy/outbound.ts'
import type { Wire } from '../proxy/wire.ts'
import type { KeyRecord } from '../store/store.ts'
import type { Trace } from '../tracing/tracing.ts'
import { emptyHead, type RawHead } from './head.ts'
import type { Route } from './route.ts'

export interface Arrival {
  /** A UUIDv7. */
  readonly id: string
  /** Wall clock, milliseconds. */
  readonly at: number
  /** Monotonic clock, milliseconds. */
  readonly startedAt: number
  /** Address of the other end of the connection. */
  readonly peer: string
  readonly secure: boolean
}

/**
 * One request and everything that becomes known of it on its way. The steps fill it in from top to bottom;
 * it knows neither the engine in front nor the one behind.
 */
export class Exchange implements Outbound {
  readonly wire: Wire
  readonly raw: RawHead
  readonly arrival: Arrival

  // Framing and target
  readonly head = emptyHead()
  requestId: string
  /** Undefined where nobody has begun one and nothing is recorded. */
  trace: Trace | undefined
  /** Where the request came from, after the proxies that are trusted. */
  address: string
  peerTrusted = false
  /** Canonical; until step 1 has passed '' . */
  path = ''
  query = ''

  // Route match
  route: Route | undefined
  captured: readonly string[] = noNames
  params: Readonly<Record<string, string>> = noParams
  /** Set where the path exists, but not with this method. */
  allow: string | undefined

  // Policy
  key: KeyRecord | undefined
  workspace: string | undefined
  limits: readonly ChargeState[] = noLimits
  violated: readonly string[] = noNames
  retryAfterMs = 0
  /** What exactly is wrong, where the catalogue's text does not say it; only for answers of the shape 'envelope'. */
  detail: string | undefined
  /** What a route in shadow mode would have refused with. */
  shadowCode: ErrorCode | undefined

  // Forwarding
  upstreamTarget = ''
  upstreamHeaders: string[] = noHeaders
  bodyBytesMax = 0
  bodyIdleMs = 0
  bodyRateMin = 0
  corsIsOurs = false
  contextToken: string | undefined
  forwarding: Forwarding | undefined
  /** Told when the body turns out to be unreadable, where it is not forwarded but read here. */
  onBroken: ((code: ErrorCode) => void) | undefined
  /** Its place among those that are on their way to an upstream; `Live` alone sets it. */
  liveAt: number | undefined

  /** False where the engine has not handed over the raw connection. */
  mayUpgrade = true

  // Outcome
  status = 0
  code: ErrorCode | undefined
  gone = false
  /** Set when what follows the head turns out to be unreadable, or its key is lost: it must not be carried on. */
  broken: ErrorCode | undefined
  /** It was turned away unseen, and so is what comes behind it on its connection. */
  turnedAway = false
  /** The row with the decision is in the store already (audit.durability: strict). */
  admitted = false
  /** How to refuse after the steps have passed; set by the data plane before forwarding. */
  refuse: (exchange: Exchange, code: ErrorCode) => void | Promise<void> = noRefusal
  readonly extraResponseHeaders: string[] = []

  constructor(raw: RawHead, arrival: Arrival, wire: Wire) {
    this.raw = raw
    this.arrival = arrival
    this.wire = wire
    this.requestId = arrival.id
    this.address = arrival.peer
  }

  get method(): string {
    return this.raw.method
  }

  /** Who shares with others: an organization, or where nobody asks for a key the network that it came from. */
  get caller(): string {
    return this.key?.organization.id ?? networkOf(this.address)
  }

  get contentLength(): number | undefined {
    return this.head.contentLength
  }

  get upgrade(): string | undefined {
    return this.mayUpgrade ? this.head.upgrade : undefined
  }

  responseHeaders(): string[] {
    const headers = ['X-Request-Id', this.requestId]
    addRateLimitHeaders(this.limits, headers)
    for (const text of this.extraResponseHeaders) headers.push(text)
    return headers
  }

  fail(code: ErrorCode): void {
    const refused = this.refuse(this, code)
    if (refused instanceof Promise) refused.catch(() => this.wire.abort())
  }

  answered(status: number): void {
    this.status = status
  }

  brokenOff(code: ErrorCode): void {
    this.code = code
  }

  /** What let it in is gone: it goes no further, wherever it is. An answer of our own has told nothing that matters. */
  withdraw(code: ErrorCode): void {
    if (this.forwarding !== undefined) this.forwarding.cancel(code)
    else this.broken ??= code
  }

  /** Ends it wherever it is, and the connection with it. An answer of our own that is on its way still gets there. */
  breakOff(code: ErrorCode): void {
    this.broken = code
    if (this.forwarding !== undefined) this.forwarding.cancel(code)
    else if (this.onBroken !== undefined) this.onBroken(code)
    else if (this.status !== 0) this.wire.hangUp()
  }
}

const noParams: Readonly<Record<string, string>> = Object.freeze(Object.create(null))
const noLimits: readonly ChargeState[] = Object.freeze([])
const noNames: readonly string[] = Object.freeze([])
const noHeaders: string[] = []
const noRefusal = (_: Exchange, code: ErrorCode): void => {
  throw new Error(`refused with ${code} outside of the data plane`)
}
