import { randomFillSync } from 'node:crypto'
import { networkBytes, writeNetwork } from './network.ts'

/**
 * Counts per network in memory of a fixed size, whatever comes: a count-min sketch of two rows with 2^17 slots each, chosen by
 * hashes that nobody outside can foresee (tabulation hashing with random tables). A network is counted in one slot of each
 * row, and its count is the lower of the two: another network is taken for it only where it shares both, which for one that is
 * over its limit happens to one in 2^34. Nothing is ever evicted, so a flood of networks can't reset a count, and it
 * can't grow anything either. With 60 failures a minute an attacker would have to spread millions of them over the slots
 * each minute before it hurts others.
 */
export class NetworkCounters {
  readonly #first = new Row()
  readonly #second = new Row()
  readonly #network = new Uint8Array(networkBytes)
  readonly #windowMs: number
  /** The end of the last window of all: after it every count is 0. */
  #quietAt = Number.NEGATIVE_INFINITY

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** @param now on a clock that never goes back, milliseconds. */
  used(address: string, now: number): number {
    if (now >= this.#quietAt) return 0
    writeNetwork(address, this.#network)
    return Math.min(this.#first.used(this.#network, now), this.#second.used(this.#network, now))
  }

  /** Counts one. The window of a slot starts with the first one in it. */
  add(address: string, now: number): void {
    writeNetwork(address, this.#network)
    const endsAt = now + this.#windowMs
    const first = this.#first.add(this.#network, now, endsAt)
    const second = this.#second.add(this.#network, now, endsAt)
    if (first || second) this.#quietAt = endsAt
  }

  /** Milliseconds until the count falls, 0 when there is none. */
  resetMs(address: string, now: number): number {
    if (now >= this.#quietAt) return 0
    writeNetwork(address, this.#network)
    const endsAt = Math.min(this.#first.endsAt(this.#network), this.#second.endsAt(this.#network))
    return Math.max(0, Math.ceil(endsAt - now))
  }
}

/** One slot for each network, and one hash that chooses it. */
class Row {
  readonly #used = new Uint32Array(slots)
  readonly #endsAt = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY)
  readonly #tables = randomFillSync(new Uint32Array(networkBytes * 256))

  used(network: Uint8Array, now: number): number {
    const slot = this.#slotOf(network)
    return (this.#endsAt[slot] ?? 0) > now ? (this.#used[slot] ?? 0) : 0
  }

  endsAt(network: Uint8Array): number {
    return this.#endsAt[this.#slotOf(network)] ?? Number.NEGATIVE_INFINITY
  }

  /** @returns whether a window has begun. */
  add(network: Uint8Array, now: number, endsAt: number): boolean {
    const slot = this.#slotOf(network)
    const begins = (this.#endsAt[slot] ?? Number.NEGATIVE_INFINITY) <= now
    if (begins) {
      this.#used[slot] = 0
      this.#endsAt[slot] = endsAt
    }
    this.#used[slot] = Math.min((this.#used[slot] ?? 0) + 1, countMax)
    return begins
  }

  #slotOf(network: Uint8Array): number {
    let hash = 0
    for (let at = 0; at < networkBytes; at++) hash ^= this.#tables[at * 256 + (network[at] ?? 0)] ?? 0
    return hash & (slots - 1)
  }
}

const slots = 2 ** 17
const countMax = 2 ** 32 - 1
