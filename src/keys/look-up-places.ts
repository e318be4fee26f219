/**
 * Places for questions to the store about keys that nobody has seen yet. Whoever has a wrong key for each request asks as much as
 * it likes; with few of these at the store at a time, what others ask of it, and the change feed on the same
 * connection, wait for few.
 */
export class LookUpPlaces {
  readonly #max: number
  readonly #waiting = new Set<PromiseWithResolvers<void>>()
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Undefined where there is a place at once; else a turn to wait for. Give either back with `leave`. */
  enter(): Turn | undefined {
    if (this.#taken < this.#max) {
      this.#taken++
      return undefined
    }
    const turn = Promise.withResolvers<void>()
    this.#waiting.add(turn)
    return turn
  }

  /** @param turn that `enter` gave: it may not have come yet. */
  leave(turn: Turn | undefined): void {
    if (turn !== undefined && this.#waiting.delete(turn)) return turn.reject(new Error('its turn never came'))
    const [next] = this.#waiting
    if (next === undefined) this.#taken--
    else {
      this.#waiting.delete(next)
      next.resolve()
    }
  }
}

export type Turn = PromiseWithResolvers<void>
