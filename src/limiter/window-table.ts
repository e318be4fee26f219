/** One counter: the tokens taken since its window began. */
export interface Window {
  used: number
  /** On the clock that the table is asked with, milliseconds. */
  endsAt: number
  /** Outlives a restart. */
  readonly durable: boolean
}

/**
 * The counters of one limit, by bucket. Bounded: when it is full of windows that have not ended, new buckets get none.
 * No counter is evicted before its end: whoever can make buckets at will (addresses, say) would flood the table to get
 * rid of his own.
 */
export class WindowTable {
  /** No window of this table ends later. */
  endsAtMax = Number.NEGATIVE_INFINITY
  /** Durable windows charged since this was last emptied. */
  readonly changed = new Map<string, Window>()
  readonly #windows = new Map<string, Window>()
  readonly #max: number
  #hand: Iterator<[string, Window]> = this.#windows.entries()
  #hasDurable = false

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#windows.size
  }

  /**
   * The window of a bucket if it has not ended. One that would last longer than `windowMs` from now, because the limit
   * was changed since, is cut to that.
   */
  get(bucket: string, now: number, windowMs: number): Window | undefined {
    const window = this.#windows.get(bucket)
    if (window === undefined || window.endsAt <= now) return undefined
    if (window.endsAt - now > windowMs) window.endsAt = now + windowMs
    return window
  }

  /** Whether `open` would stay within the bound. Makes room where windows have ended, a bounded piece of work. */
  hasRoom(bucket: string, now: number): boolean {
    if (this.#windows.size < this.#max || this.#windows.has(bucket)) return true
    this.#sweep(fullSweepSteps, now)
    return this.#windows.size < this.#max
  }

  /** Begins a window with nothing used. */
  open(bucket: string, now: number, endsAt: number, durable: boolean): Window {
    // Two steps for each new window: what has ended goes at least as fast as new ones come.
    this.#sweep(2, now)
    const window = { used: 0, endsAt, durable }
    this.#windows.set(bucket, window)
    this.endsAtMax = Math.max(this.endsAtMax, endsAt)
    this.#hasDurable ||= durable
    return window
  }

  charge(bucket: string, window: Window, cost: number): void {
    window.used += cost
    if (window.durable) this.changed.set(bucket, window)
  }

  *durable(): Generator<[string, Window]> {
    if (!this.#hasDurable) return
    for (const entry of this.#windows) if (entry[1].durable) yield entry
  }

  /** A hand goes round the table and takes out what has ended. The iterator of a Map stays valid while the Map changes. */
  #sweep(steps: number, now: number): void {
    for (let step = 0; step < steps; step++) {
      const next = this.#hand.next()
      if (next.done) {
        this.#hand = this.#windows.entries()
        return
      }
      const [bucket, { endsAt }] = next.value
      if (endsAt > now) continue
      this.#windows.delete(bucket)
      this.changed.delete(bucket)
    }
  }
}

const fullSweepSteps = 64
