/**
 * Who holds how many connections to an upstream. Nobody may hold more than three times as many as are free: one caller alone
 * gets three quarters, and each who comes later as much of what is left, so that a few can't keep everybody else out.
 * (Dynamic thresholds, as switches share their buffers: Choudhury and Hahne, 1998.)
 */
export class ConnectionShares {
  readonly #total: number
  readonly #heldBy = new Map<string, number>()
  #taken = 0

  /** @param total connections. With few of them a share of them is nobody's problem: the bound holds from 100 on. */
  constructor(total: number) {
    this.#total = total
  }

  mayTake(caller: string): boolean {
    return this.#total < sharedFrom || (this.#heldBy.get(caller) ?? 0) < (this.#total - this.#taken) * 3
  }

  take(caller: string): void {
    this.#taken++
    this.#heldBy.set(caller, (this.#heldBy.get(caller) ?? 0) + 1)
  }

  giveBack(caller: string): void {
    this.#taken--
    const left = (this.#heldBy.get(caller) ?? 1) - 1
    if (left > 0) this.#heldBy.set(caller, left)
    else this.#heldBy.delete(caller)
  }
}

const sharedFrom = 100
