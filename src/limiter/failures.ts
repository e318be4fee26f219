import type { Clock } from '../clock.ts'
import { NetworkCounters } from './network-counters.ts'

/**
 * Failed authentications per address (IPv6: per /64). An address beyond the limit is not shut out, since others may share
 * it: what the key cache knows still passes, and so do a few look-ups a second.
 */
export interface FailureGuard {
  /** Whether the address is still below the limit. */
  allows(address: string): boolean
  /** Takes one of the 20 store look-ups that an address beyond the limit has each second. @returns false when none is left. */
  takeLookup(address: string): boolean
  /** Counts a failure. */
  failed(address: string): void
  /** Until the address may try again freely; 0 when it may now. */
  retryAfterMs(address: string): number
}

export interface FailureGuardOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  /** Failures that fit in one window, which starts with the first. */
  readonly requests: number
  readonly perMs: number
}

/** Needs the same memory, about 6 MB, under any flood of addresses: see `NetworkCounters` for how, and what it costs. */
export function createFailureGuard({ clock, requests, perMs }: FailureGuardOptions): FailureGuard {
  const failures = new NetworkCounters(perMs)
  const lookups = new NetworkCounters(lookupWindowMs)
  return {
    allows: (address) => failures.used(address, clock.monotonic()) < requests,
    takeLookup(address) {
      const now = clock.monotonic()
      if (lookups.used(address, now) >= lookupsPerWindow) return false
      lookups.add(address, now)
      return true
    },
    failed: (address) => failures.add(address, clock.monotonic()),
    retryAfterMs(address) {
      const now = clock.monotonic()
      return failures.used(address, now) < requests ? 0 : failures.resetMs(address, now)
    },
  }
}

const lookupWindowMs = 1000
const lookupsPerWindow = 20
