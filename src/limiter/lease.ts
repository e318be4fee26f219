import type { Counter, Grant, Holding, Want } from './authority.ts'
import type { Charge, ChargeState } from './limiter.ts'

/** What one node holds of one counter in advance, and how much of it it has needed lately. */
export class Lease implements Counter {
  readonly limit: string
  readonly bucket: string
  tokens = 0
  /** Set while an answer is on its way that will bring tokens. */
  filling: Promise<void> | undefined
  /** Cost of the requests that wait for it. */
  waiting = 0
  /** How often others have needed what is held here. */
  recalls = 0
  #requests: number
  #windowMs: number
  #window = ''
  /** Of this window, and not told to the authority yet. */
  #spent = 0
  /** What the authority has left for everyone, as far as it is known here. */
  #left = 0
  /** On the monotonic clock; not later than the true end. */
  #endsAt = Number.NEGATIVE_INFINITY
  /** From then on the authority is asked, though there may be tokens: the two clocks may have drifted apart. */
  #askAt = Number.NEGATIVE_INFINITY
  #usedAt: number
  #askedAt = Number.NEGATIVE_INFINITY
  /** When the question was sent whose answer named the window. */
  #namedAt = Number.NEGATIVE_INFINITY
  #recalledAt = Number.NEGATIVE_INFINITY
  #batch = 0
  #onItsWay = 0
  /** Among them the one that asks for more than its cost, on behalf of those that wait. */
  #fetch: Want | undefined
  /** Until then a cost of `#fullCost` is refused without asking: nothing can come back. */
  #fullUntil = Number.NEGATIVE_INFINITY
  #fullCost = 0

  constructor({ limit, bucket, requests, windowMs }: Charge, now: number) {
    this.limit = limit
    this.bucket = bucket
    this.#requests = requests
    this.#windowMs = windowMs
    this.#usedAt = now
  }

  /** Whether the limit is still what it was when the tokens were handed out: a reload may have changed it. */
  isFor({ requests, windowMs }: Charge): boolean {
    return requests === this.#requests && windowMs === this.#windowMs
  }

  isLive(charge: Charge, now: number): boolean {
    return now < this.#askAt && this.isFor(charge)
  }

  /** @returns whether there were enough. */
  spend(charge: Charge, now: number): boolean {
    const { cost } = charge
    if (!(cost >= 0 && cost <= this.tokens) || !this.isLive(charge, now)) return false
    this.tokens -= cost
    this.#spent += cost
    this.#usedAt = now
    return true
  }

  unspend({ cost }: Charge): void {
    this.tokens += cost
    this.#spent -= cost
  }

  stateOf({ limit, requests, windowMs }: Charge, now: number): ChargeState {
    const resetMs = Math.max(0, Math.ceil(this.#endsAt - now))
    return { limit, requests, windowMs, remaining: this.#left + this.tokens, resetMs, exceeded: false }
  }

  peek(charge: Charge, now: number): ChargeState {
    const state = this.stateOf(charge, now)
    return { ...state, exceeded: !(charge.cost >= 0 && charge.cost <= state.remaining) }
  }

  /** Takes on another size or length. @returns what was held until now. */
  change({ requests, windowMs }: Charge): Holding {
    const holding = this.release()
    this.#requests = requests
    this.#windowMs = windowMs
    this.#askAt = Number.NEGATIVE_INFINITY
    this.#fullUntil = Number.NEGATIVE_INFINITY
    return holding
  }

  /** What to ask the authority for. What is held pays first; it is set aside until the answer is there. */
  want(charge: Charge, now: number): Want {
    const covered = charge.cost >= 0 ? Math.min(charge.cost, this.tokens) : 0
    const spent = this.#spent
    this.tokens -= covered
    this.#spent = 0
    this.#usedAt = now
    // Twice within a second: someone is busy here, and more so each time.
    this.#batch = now - this.#askedAt < busyMs ? Math.min(Math.max(4, 2 * this.#batch), batchMaxOf(this.#requests)) : 0
    this.#askedAt = now
    const fetches = this.#batch > 0 && this.#fetch === undefined
    const waiting = fetches ? Math.min(this.waiting, waitingMax) : 0
    // What others have just called back is not held again at once.
    const extra = fetches && now - this.#recalledAt >= busyMs ? this.#batch : 0
    const want = { ...charge, lease: true, waiting, extra, window: this.#window, covered, spent }
    if (fetches) this.#fetch = want
    return want
  }

  sent(want: Want, answered: Promise<void>): void {
    this.#onItsWay++
    if (want === this.#fetch) this.filling = answered
  }

  answered(want: Want): void {
    this.#onItsWay--
    if (want !== this.#fetch) return
    this.#fetch = undefined
    this.filling = undefined
  }

  /** Whether it is known that this can't fit before the window ends. */
  isFull(charge: Charge, now: number): boolean {
    return now < this.#fullUntil && charge.cost >= this.#fullCost && this.tokens < charge.cost && this.isFor(charge)
  }

  /**
   * Takes in an answer. What was set aside for a refused request is ours again, if it is of the window that is still on.
   * @param sentAt when the question was sent: the window ends no earlier than `resetMs` after it.
   */
  take(want: Want, grant: Grant, sentAt: number): void {
    if (grant.window !== this.#window) {
      // Answers may overtake each other. What is let go here is lost tokens, never extra ones.
      if (grant.window === '' || sentAt < this.#namedAt) return
      this.#window = grant.window
      this.#namedAt = sentAt
      this.tokens = 0
      this.#spent = 0
    }
    this.#endsAt = sentAt + grant.resetMs - marginMs
    this.#askAt = Math.min(this.#endsAt, sentAt + trustMs)
    this.#left = grant.remaining
    if (grant.final) {
      this.#fullUntil = Math.min(this.#endsAt, sentAt + fullMs)
      this.#fullCost = want.cost
    }
    this.tokens += grant.granted
    this.tokens += grant.returned
  }

  /** What a caller is told is left: for everyone, and here. */
  remaining({ requests, remaining, window }: Grant): number {
    return Math.min(requests, remaining + (window === this.#window ? this.tokens : 0))
  }

  recall(now: number): Holding {
    this.recalls++
    this.#recalledAt = now
    return this.release()
  }

  /** Hands all over to be given back. */
  release(): Holding {
    const { limit, bucket, tokens } = this
    const holding = { limit, bucket, window: this.#window, tokens, spent: this.#spent }
    this.tokens = 0
    this.#spent = 0
    return holding
  }

  /** Tokens that are still good. */
  held(now: number): number {
    return now < this.#endsAt ? this.tokens : 0
  }

  isIdle(now: number): boolean {
    return now - this.#usedAt >= idleMs && this.#onItsWay === 0 && this.waiting === 0
  }

  get isSettled(): boolean {
    return this.tokens === 0 && this.#spent === 0
  }
}

const busyMs = 1000
const idleMs = 1000
/**
 * The most that is asked for ahead of the requests that wait already: 50, or a thousandth of a limit so large that 50 last for
 * a few milliseconds.
 */
const batchMaxOf = (requests: number): number => Math.max(50, Math.min(400, Math.floor(requests / 1000)))
const waitingMax = 10_000
/** A counter that someone has reset is seen after so long. */
const fullMs = 250
/** The authority rounds, and clocks drift: 1 part in 10,000 of `trustMs`. */
const marginMs = 2
const trustMs = 10_000
