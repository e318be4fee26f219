import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { networkBytes, writeNetwork } from '../../limiter/network.ts'

/** Where a password comes from, and for whom. */
export interface Attempt {
  readonly address: string
  /** What was given, whether there is such an account or not. */
  readonly account: string
  /** A browser that has logged in to this account before; its cookie says so. */
  readonly device: string | undefined
}

/**
 * How often passwords may be tried. A browser that the account knows is counted for itself, so that nobody can lock an
 * operator out by failing in his name (OWASP, "device cookies"); all others are counted by address (IPv6: /64) and, over
 * all addresses together, by account.
 */
export interface LoginThrottle {
  /** Takes an attempt, before the password is looked at: parallel ones must not slip by. @returns ms to wait, 0 when it may go on. */
  take(attempt: Attempt): number
  /** Gives the attempt back: only failures count. */
  succeeded(attempt: Attempt): void
}

export function createLoginThrottle(clock: Pick<Clock, 'monotonic'>): LoginThrottle {
  const counters = new TextCounters()
  return {
    take(attempt) {
      const now = clock.monotonic()
      const buckets = bucketsOf(attempt)
      const full = buckets.filter(({ key, max }) => counters.used(key, now) >= max)
      if (full.length > 0) return Math.max(...full.map(({ key }) => counters.resetMs(key, now)))
      for (const { key } of buckets) counters.add(key, now, 1)
      return 0
    },
    succeeded(attempt) {
      for (const { key } of bucketsOf(attempt)) counters.add(key, clock.monotonic(), -1)
    },
  }
}

const bucketsOf = ({ address, account, device }: Attempt): { key: string; max: number }[] =>
  device === undefined
    ? [
        { key: `address ${networkOf(address)}`, max: 20 },
        { key: `account ${account}`, max: 50 },
      ]
    : [{ key: `device ${device}`, max: 10 }]

const windowMs = 15 * 60_000

function networkOf(address: string): string {
  const network = new Uint8Array(networkBytes)
  writeNetwork(address, network)
  return Buffer.from(network).toString('hex')
}

/** Counts per text in memory of a fixed size. Nothing is evicted, so that no flood of names resets a count; texts may share one. */
class TextCounters {
  readonly #used = new Uint16Array(slots)
  readonly #endsAt = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY)
  readonly #salt = randomBytes(16).toString('hex')

  used(key: string, now: number): number {
    const slot = this.#slotOf(key)
    return (this.#endsAt[slot] ?? 0) > now ? (this.#used[slot] ?? 0) : 0
  }

  /** Never below 0, and nothing once the window has ended for what is given back. */
  add(key: string, now: number, change: 1 | -1): void {
    const slot = this.#slotOf(key)
    const used = this.used(key, now)
    if (used === 0 && change < 0) return
    if (used === 0) this.#endsAt[slot] = now + windowMs
    this.#used[slot] = used + change
  }

  resetMs(key: string, now: number): number {
    return Math.max(0, Math.ceil((this.#endsAt[this.#slotOf(key)] ?? 0) - now))
  }

  #slotOf(key: string): number {
    return hash('sha256', this.#salt + key, 'buffer').readUInt32LE() % slots
  }
}

const slots = 2 ** 16
