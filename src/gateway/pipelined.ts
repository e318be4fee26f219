/**
 * Requests that came in one piece with others before them. They begin at once while that takes a few milliseconds; then
 * whoever waits for the event loop has its turn first. Without it 64 kB of requests, which is what one read brings, were
 * answered in one go, and a few hundred connections that send so much kept everybody else waiting for a minute.
 */
export class Pipelined {
  /** Parsed, and not begun, on all connections. */
  waiting = 0
  /** Told of each connection that is cut off for what it has sent at once. */
  readonly cutOff: () => void
  #queue: (() => void)[] = []
  /** When the first of this turn of the event loop began; undefined where none has. */
  #turnBegan: number | undefined

  constructor(cutOff: () => void) {
    this.cutOff = cutOff
  }

  begin(run: () => void): void {
    if (this.#queue.length > 0 || !this.#hasTime()) this.#queue.push(run)
    else run()
  }

  #hasTime(): boolean {
    if (this.#turnBegan === undefined) {
      this.#turnBegan = performance.now()
      setImmediate(this.#nextTurn)
    }
    return performance.now() - this.#turnBegan < turnMs
  }

  readonly #nextTurn = (): void => {
    this.#turnBegan = undefined
    const queue = this.#queue
    let done = 0
    while (done < queue.length && this.#hasTime()) (queue[done++] as () => void)()
    queue.splice(0, done)
  }
}

const turnMs = 5
