import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { Upstream } from './upstream.ts'

/** The upstreams of the configuration in force. One that a reload leaves as it is keeps its connections and its health. */
export class UpstreamSet {
  readonly #open = new Map<string, Upstream>()
  readonly #clock: Clock
  readonly #events: Pick<Events, 'upstreamUp'>
  #used = new Set<string>()

  constructor(clock: Clock, events: Pick<Events, 'upstreamUp'>) {
    this.#clock = clock
    this.#events = events
  }

  /** Opens what is new. Those of the configuration before stay until `closeUnused`. */
  use(configured: Config['upstreams']): ReadonlyMap<string, Upstream> {
    const used = new Map<string, Upstream>()
    this.#used = new Set()
    for (const [name, config] of Object.entries(configured)) {
      const id = JSON.stringify([name, config])
      const upstream = this.#open.get(id) ?? new Upstream(name, config, this.#clock, this.#events)
      this.#open.set(id, upstream)
      this.#used.add(id)
      used.set(name, upstream)
    }
    return used
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
        const targets = this.#open.get(JSON.stringify([name, config]))?.targets ?? []
        return [name, targets.map(({ up, ejectedUntil }) => up && ejectedUntil <= now)]
      }),
    )
  }

  /** Lets requests in flight on what is no longer configured finish, then closes it. */
  closeUnused(): void {
    for (const [id, upstream] of this.#open) {
      if (this.#used.has(id)) continue
      this.#open.delete(id)
      void upstream.close()
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#open.values()].map((upstream) => upstream.destroy()))
    this.#open.clear()
  }
}
