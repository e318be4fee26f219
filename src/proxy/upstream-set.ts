import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { Upstream } from './upstream.ts'

/**
 * The upstreams of the configuration in force. One that a reload leaves as it is keeps its connections and its health; one
 * whose authority was renewed makes new connections.
 */
export class UpstreamSet {
  readonly #open = new Map<string, Upstream>()
  readonly #clock: Clock
  readonly #events: Pick<Events, 'upstreamUp'>
  #inForce: ReadonlySet<string> = new Set()
  #next: ReadonlySet<string> = new Set()

  constructor(clock: Clock, events: Pick<Events, 'upstreamUp'>) {
    this.#clock = clock
    this.#events = events
  }

  /**
   * Opens what is new. Those of the configuration before stay until `putInForce`.
   * @param authorities PEM, by the name of the upstream.
   */
  use(configured: Config['upstreams'], authorities: ReadonlyMap<string, string>): ReadonlyMap<string, Upstream> {
    const used = new Map<string, Upstream>()
    const next = new Set<string>()
    for (const [name, config] of Object.entries(configured)) {
      const authority = authorities.get(name)
      const id = JSON.stringify([name, config, authority])
      const upstream = this.#open.get(id) ?? new Upstream(name, config, authority, this.#clock, this.#events)
      this.#open.set(id, upstream)
      next.add(id)
      used.set(name, upstream)
    }
    this.#next = next
    return used
  }

  /** Those that were used last are the ones in force: others finish what is in flight, and are closed. */
  putInForce(): void {
    this.#inForce = this.#next
    this.#closeOthers()
  }

  /** What was used last does not come into force. */
  abandon(): void {
    this.#next = this.#inForce
    this.#closeOthers()
  }

  /** Whether a target of this origin is in use. */
  has(name: string, origin: string): boolean {
    return [...this.#open.values()].some(
      (open) => open.name === name && open.targets.some((target) => target.origin === origin),
    )
  }

  /** By name: which targets take requests, in the order of the configuration. */
  targetsUp(configured: Config['upstreams']): ReadonlyMap<string, readonly boolean[]> {
    const now = this.#clock.monotonic()
    return new Map(
      Object.entries(configured).map(([name, config]) => {
        const text = JSON.stringify(config)
        const open = [...this.#open.values()].find((open) => open.name === name && JSON.stringify(open.config) === text)
        return [name, (open?.targets ?? []).map(({ up, ejectedUntil }) => up && ejectedUntil <= now)]
      }),
    )
  }

  #closeOthers(): void {
    for (const [id, upstream] of this.#open) {
      if (this.#inForce.has(id)) continue
      this.#open.delete(id)
      void upstream.close()
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#open.values()].map((upstream) => upstream.destroy()))
    this.#open.clear()
  }
}
