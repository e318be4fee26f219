import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'

export interface LoadSheddingOptions {
  readonly bounds: () => Config['overload']
  /** Requests that are not over, the one that is judged included. */
  readonly inFlight: () => number
  readonly events: Pick<Events, 'overloaded'>
}

/**
 * Whether a request is turned away before anything is done for it, since there is more to do than can be done. Two signs:
 * requests in flight, and an event loop that is late while many requests come. Those whose key is known go on for as long
 * as it helps to turn away all others.
 */
export class LoadShedding {
  readonly #options: LoadSheddingOptions
  #requests = 0
  #lateInRow = 0
  #calmInRow = 0
  /** What is told. */
  #overloaded = false
  /** The event loop is late: those who are not known are turned away. */
  #drowning = false
  /** Of those who are known, so many in ten are turned away. */
  #knownInTen = 0
  #knownSeen = 0

  constructor(options: LoadSheddingOptions) {
    this.#options = options
  }

  /** @param isKnown whether its key was good a moment ago; asked only where it matters. */
  refuses(isKnown: () => boolean): boolean {
    this.#requests++
    const { in_flight: max } = this.#options.bounds()
    const inFlight = this.#options.inFlight()
    // The last quarter is for those who are known.
    if (inFlight > max * 0.75 && (inFlight > max || !isKnown())) {
      this.#begin('in_flight')
      return true
    }
    if (!this.#drowning) return false
    if (!isKnown()) return true
    this.#knownSeen = (this.#knownSeen + 1) % 10
    return this.#knownSeen < this.#knownInTen
  }

  /** Call it every 100 ms. @param lateMs by how much the event loop is late. */
  sample(lateMs: number): void {
    const { delay, in_flight: max } = this.#options.bounds()
    // With few requests it is not they that make it late, and turning them away would not help.
    const isLate = lateMs >= delay && this.#requests >= requestsToMatter
    this.#requests = 0
    this.#lateInRow = isLate ? this.#lateInRow + 1 : 0
    this.#calmInRow = isLate ? 0 : this.#calmInRow + 1
    if (this.#lateInRow >= lateToBegin) {
      this.#begin('event_loop')
      this.#drowning = true
    }
    // It goes on although those who are not known have been turned away for a while.
    const more = this.#lateInRow > lateToBegin ? 1 : isLate ? 0 : -1
    this.#knownInTen = Math.max(0, Math.min(9, this.#knownInTen + more))
    if (this.#overloaded && this.#calmInRow >= calmToEnd && this.#options.inFlight() <= max / 2) {
      this.#overloaded = this.#drowning = false
      this.#options.events.overloaded(undefined)
    }
  }

  #begin(why: 'in_flight' | 'event_loop'): void {
    this.#calmInRow = 0
    if (this.#overloaded) return
    this.#overloaded = true
    this.#options.events.overloaded(why)
  }
}

/** Calls `sample` every 100 ms with how late the event loop is, in milliseconds. @returns what ends it. */
export function watchEventLoop(sample: (lateMs: number) => void): () => void {
  let sampledAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    sample(now - sampledAt - sampleEveryMs)
    sampledAt = now
  }, sampleEveryMs).unref()
  return () => clearInterval(timer)
}

const sampleEveryMs = 100
/** In one sample. */
const requestsToMatter = 50
/** One may be a collection of garbage, or a machine that did something else. */
const lateToBegin = 2
/** One second. */
const calmToEnd = 10
