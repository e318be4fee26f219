/** One limit as it applies to one request: which counter, how much fits, for how long. */
export interface Charge {
  /** The limit's name, as callers see it in RateLimit-Policy. */
  readonly limit: string
  /** Which counter of this limit: a key id, an address, … Never a secret. */
  readonly bucket: string
  readonly requests: number
  readonly windowMs: number
  /** Tokens to take. */
  readonly cost: number
  /** A node may hold tokens of it in advance, where counters are shared (`limits.*.lease`). */
  readonly lease?: boolean
}

export interface ChargeState {
  readonly limit: string
  readonly requests: number
  readonly windowMs: number
  readonly remaining: number
  /** Until the window ends; the whole window when it has not begun. */
  readonly resetMs: number
  /** Whether the cost did not fit. */
  readonly exceeded: boolean
}

/**
 * Fixed windows that start with the first charged request.
 * `charge` checks all, then charges all, in one atomic step: when one does not fit, none is charged.
 * Never more than `requests` tokens are admitted in one window, however many callers race.
 * A limiter whose counters are out of reach rejects with `LimiterUnavailable`, and then nobody knows whether it charged.
 */
export interface Limiter {
  /**
   * States in the order given. Some are `exceeded` exactly when nothing was charged. None at all where the file says
   * that requests pass uncounted (`redis_failure: open`).
   */
  charge(charges: readonly Charge[]): readonly ChargeState[] | Promise<readonly ChargeState[]>
  /** The same without charging. */
  peek(charges: readonly Charge[]): readonly ChargeState[] | Promise<readonly ChargeState[]>
  close(): Promise<void>
}

/** Whether a request has room left can't be told at the moment: 503 LIMITER_UNAVAILABLE. */
export class LimiterUnavailable extends Error {
  override readonly name = 'LimiterUnavailable'
}
