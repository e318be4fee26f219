import type { Charge, ChargeState } from './limiter.ts'

/**
 * Keeps the counters that several holders (nodes, or the worker processes of one) spend from. A holder may have tokens
 * in advance: they count as used until it gives them back, so that nothing that is lost on the way admits too much.
 * A holder that dies takes its tokens with it until the window ends.
 *
 * Everything here is plain data that can go over a wire as JSON. Counters of one call are each named once.
 */
export interface LimitAuthority {
  /**
   * Charges all or none, like `Limiter.charge`, and hands out tokens in advance where there are plenty. Before it refuses
   * it has called back what other holders have and do not need, for a bounded time.
   * @throws LimiterUnavailable when it can't be asked, or has not answered: what it then took is lost, not handed out.
   */
  take(wants: readonly Want[]): readonly Grant[] | Promise<readonly Grant[]>
  /** States without charging; what is held in advance, by whomever, counts as used. */
  peek(charges: readonly Charge[]): readonly ChargeState[] | Promise<readonly ChargeState[]>
  /** Takes unspent tokens back. Those of a window that has ended are of no use to anyone and change nothing. */
  giveBack(holdings: readonly Holding[]): void | Promise<void>
  /**
   * Called when others need the tokens of these counters: give them back, and say so also where there are none, with
   * `tokens: 0`. One listener; a later one takes its place. May be called for counters of which nothing is held.
   */
  onRecall(listener: (counters: readonly Counter[]) => void): void
  close(): Promise<void>
}

export interface Counter {
  readonly limit: string
  readonly bucket: string
}

/** One charge of a request, and what the holder has for it already. */
export interface Want extends Charge {
  /** Tokens that requests behind this one wait for: handed out as long as there are any. */
  readonly waiting: number
  /** Tokens that it would like to have beyond these, in advance: handed out where there are plenty. */
  readonly extra: number
  /** The window that its tokens are from; empty when it has none. */
  readonly window: string
  /** Part of the cost that it pays with tokens of this window. Charged in full when the window has ended. */
  readonly covered: number
  /** Tokens of this window that it has spent and not told of yet; without `covered`. Told also by a request that is refused. */
  readonly spent: number
}

/** `remaining` is what nobody has used or holds, the asker included. `resetMs` counts from some time during the call. */
export interface Grant extends ChargeState {
  /** Tokens beyond the cost that are now the holder's until the window ends. 0 when the request was refused. */
  readonly granted: number
  /** Of `covered`, what the holder has again because the request was refused. Less than that has been called back. */
  readonly returned: number
  /** Exceeded, and nobody holds tokens that could make it fit: it stays so until the window ends. */
  readonly final: boolean
  /** Identity of the window; empty where none has begun. */
  readonly window: string
}

/** What a holder has of one counter, to be given back. */
export interface Holding extends Counter {
  readonly window: string
  /** Unspent, and from now on no longer the holder's. */
  readonly tokens: number
  /** Spent and not told of yet. */
  readonly spent: number
}
