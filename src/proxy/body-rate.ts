/**
 * Whether a body comes so slowly that it only holds a connection to the upstream: fewer bytes each second than there should be,
 * over half a minute. One for each stretch in which nobody but its sender is waited for.
 */
export class BodyRate {
  readonly #bytesPerSecond: number
  #since: number
  #bytes: number

  constructor(bytesPerSecond: number, now: number, bytes: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#since = now
    this.#bytes = bytes
  }

  /** Call it now and then. @param bytes that have come so far. */
  isTooSlow(now: number, bytes: number): boolean {
    const ms = now - this.#since
    if (ms < windowMs) return false
    const isTooSlow = (bytes - this.#bytes) * 1000 < this.#bytesPerSecond * ms
    this.#since = now
    this.#bytes = bytes
    return isTooSlow
  }
}

const windowMs = 30_000
