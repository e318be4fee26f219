import { randomFillSync } from 'node:crypto'
import { networkBytes, writeNetwork } from './network.ts'

/**
 * Counts per network in memory of a fixed size, whatever comes: each network has one of 2^18 slots, chosen by a hash that
 * nobody outside can foresee (tabulation hashing with random tables). Nothing is ever evicted, so a flood of networks
 * can't reset a count, and it can't grow anything either. Networks may share a slot: what they do is then counted
 * together, which refuses too early, never too late. With 60 failures a minute an attacker would have to spread millions
 * of them over the slots each minute before it hurts others.
 */
export class NetworkCounters {
  readonly #used = new Uint32Array(slots)
  readonly #endsAt = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY)
  readonly #tables = randomFillSync(new Uint32Array(networkBytes * 256))
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
    const slot = this.#slotOf(address)
    return this.#endsAtOf(slot) > now ? (this.#used[slot] ?? 0) : 0
  }

  /** Counts one. The window of a slot starts with the first one in it. */
  add(address: string, now: number): void {
    const slot = this.#slotOf(address)
    if (this.#endsAtOf(slot) <= now) {
      this.#used[slot] = 0
      this.#endsAt[slot] = now + this.#windowMs
      this.#quietAt = now + this.#windowMs
    }
    this.#used[slot] = Math.min((this.#used[slot] ?? 0) + 1, countMax)
  }

  /** Milliseconds until the window ends, 0 when there is none. */
  resetMs(address: string, now: number): number {
    return now >= this.#quietAt ? 0 : Math.max(0, Math.ceil(this.#endsAtOf(this.#slotOf(address)) - now))
  }

  #endsAtOf(slot: number): number {
    return this.#endsAt[slot] ?? Number.NEGATIVE_INFINITY
  }

  #slotOf(address: string): number {
    writeNetwork(address, this.#network)
    let hash = 0
    for (let at = 0; at < networkBytes; at++) hash ^= this.#tables[at * 256 + (this.#network[at] ?? 0)] ?? 0
    return hash & (slots - 1)
  }
}

const slots = 2 ** 18
const countMax = 2 ** 32 - 1
