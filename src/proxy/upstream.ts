import { isIP } from 'node:net'
import { buildConnector, Pool } from 'undici'
import type { Clock } from '../clock.ts'
import type { UpstreamConfig } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { ConnectionShares } from './connection-shares.ts'
import { watchStatusLines } from './status-line.ts'

/** One origin of an upstream with its connections. */
export interface UpstreamTarget {
  readonly origin: string
  readonly pool: Pool
  /** Whose certificate is asked for and checked; '' for an address. Left to itself, undici takes it from the Host header. */
  readonly serverName: string
  /** True while undici is told that one of the connections was reset, and is telling us. */
  readonly isResetting: () => boolean
  inFlight: number
  /** What the active check last said; true where there is none. */
  up: boolean
  /** Passive health: left out until then, on the monotonic clock. */
  ejectedUntil: number
  failuresInRow: number
}

const failuresToEject = 3
const ejectedForMs = 5000

/** The targets of one upstream: which one takes the next request, and how they are. */
export class Upstream {
  readonly name: string
  readonly config: UpstreamConfig
  readonly targets: readonly UpstreamTarget[]
  readonly #clock: Clock
  readonly #events: Pick<Events, 'upstreamUp'>
  readonly #shares: ConnectionShares
  readonly #probes: NodeJS.Timeout[] = []
  #closed = false

  /** @param authority PEM of whom its certificates have to be signed by; undefined: of whom this machine trusts. */
  constructor(
    name: string,
    config: UpstreamConfig,
    authority: string | undefined,
    clock: Clock,
    events: Pick<Events, 'upstreamUp'>,
  ) {
    this.name = name
    this.config = config
    this.#clock = clock
    this.#events = events
    this.targets = config.targets.map((target) => openTarget(target.replace(/\/$/, ''), config, authority))
    this.#shares = new ConnectionShares(config.max_connections * this.targets.length)
    for (const target of this.targets) {
      events.upstreamUp(name, target.origin, true)
      if (config.health) this.#probe(target, config.health)
    }
  }

  /**
   * The target with the least requests in flight among those that are well. Targets left out after failures are tried
   * again when there is no other; targets that fail their active check are not.
   * Whoever gets one gives it back.
   * @param caller for whom: nobody may have all connections. @param except a target that has just failed this request.
   */
  take(caller: string, except?: UpstreamTarget): UpstreamTarget | 'UPSTREAM_UNAVAILABLE' | 'OVERLOADED' {
    const target = this.#shares.mayTake(caller) ? this.#pick(except) : 'OVERLOADED'
    if (typeof target === 'string') return target
    this.#shares.take(caller)
    target.inFlight++
    return target
  }

  giveBack(caller: string, target: UpstreamTarget): void {
    this.#shares.giveBack(caller)
    target.inFlight--
  }

  #pick(except: UpstreamTarget | undefined): UpstreamTarget | 'UPSTREAM_UNAVAILABLE' | 'OVERLOADED' {
    const now = this.#clock.monotonic()
    let best: UpstreamTarget | undefined
    let lastResort: UpstreamTarget | undefined
    let full = false
    for (const target of this.targets) {
      if (!target.up || target === except) continue
      if (target.inFlight >= this.config.max_connections) full = true
      else if (target.ejectedUntil > now) {
        if (lastResort === undefined || target.ejectedUntil < lastResort.ejectedUntil) lastResort = target
      } else if (best === undefined || target.inFlight < best.inFlight) best = target
    }
    return best ?? lastResort ?? (full ? 'OVERLOADED' : 'UPSTREAM_UNAVAILABLE')
  }

  answered(target: UpstreamTarget): void {
    if (target.failuresInRow === 0) return
    target.failuresInRow = 0
    if (target.ejectedUntil === 0) return
    target.ejectedUntil = 0
    if (target.up) this.#events.upstreamUp(this.name, target.origin, true)
  }

  /** @param unreachable no connection could be made: left out at once, not after the third time. */
  failed(target: UpstreamTarget, unreachable: boolean, why: string): void {
    target.failuresInRow++
    if (!unreachable && target.failuresInRow < failuresToEject) return
    if (target.ejectedUntil === 0) this.#events.upstreamUp(this.name, target.origin, false, why)
    target.ejectedUntil = this.#clock.monotonic() + ejectedForMs
  }

  /** Lets requests in flight finish, then closes the connections. */
  async close(): Promise<void> {
    this.#closed = true
    for (const probe of this.#probes) clearTimeout(probe)
    await Promise.all(this.targets.map((target) => target.pool.close().catch(() => {})))
  }

  /** Breaks every connection. */
  async destroy(): Promise<void> {
    this.#closed = true
    for (const probe of this.#probes) clearTimeout(probe)
    await Promise.all(this.targets.map((target) => target.pool.destroy().catch(() => {})))
  }

  #probe(target: UpstreamTarget, health: NonNullable<UpstreamConfig['health']>): void {
    const index = this.targets.indexOf(target)
    const check = async (): Promise<void> => {
      const why = await checkHealth(target, health)
      if (this.#closed) return
      const up = why === undefined
      if (up !== target.up) {
        target.up = up
        this.#events.upstreamUp(this.name, target.origin, up, why)
      }
      this.#probes[index] = setTimeout(check, health.every).unref()
    }
    this.#probes[index] = setTimeout(check, 0).unref()
  }
}

function openTarget(origin: string, config: UpstreamConfig, authority: string | undefined): UpstreamTarget {
  let resetting = false
  const { hostname } = new URL(origin)
  const serverName = config.tls?.server_name ?? (isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : '')
  const connect = createConnector(config, authority, serverName, () => {
    resetting = true
    // undici's own listener runs before any microtask.
    queueMicrotask(() => {
      resetting = false
    })
  })
  const pool = new Pool(origin, {
    // One more for the health check: a target that is busy is not ill.
    connections: config.max_connections + (config.health ? 1 : 0),
    pipelining: 1,
    // Time limits on the response are kept by Forwarding, to the millisecond and aware of who is the slow one.
    headersTimeout: 0,
    bodyTimeout: 0,
    // Shorter than what servers commonly keep an idle connection for: we let go first, and nothing is sent into a closing one.
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: 64 * 1024,
    connect,
  })
  return {
    origin,
    pool,
    serverName,
    isResetting: () => resetting,
    inFlight: 0,
    up: true,
    ejectedUntil: 0,
    failuresInRow: 0,
  }
}

/** undici's own connector, with an ear on each socket that hears of an error and of a status line before undici does. */
function createConnector(
  config: UpstreamConfig,
  authority: string | undefined,
  serverName: string,
  onSocketError: () => void,
): buildConnector.connector {
  const connect = buildConnector({
    timeout: config.connect_timeout,
    // A list: for Node an empty text alone is none at all, and it would trust whom this machine trusts.
    ...(authority === undefined ? {} : { ca: [authority] }),
  })
  return (options, callback) =>
    connect({ ...options, servername: serverName }, (...result) => {
      if (result[0] === null) {
        result[1].on('error', onSocketError)
        watchStatusLines(result[1])
      }
      callback(...result)
    })
}

/** @returns what is wrong, or undefined when all is well. */
async function checkHealth(
  target: UpstreamTarget,
  health: NonNullable<UpstreamConfig['health']>,
): Promise<string | undefined> {
  try {
    const request = {
      path: health.path,
      method: 'GET',
      headers: { 'user-agent': 'sallyport-health' },
      signal: AbortSignal.timeout(health.timeout),
      servername: target.serverName,
    } as const
    const { statusCode, body } = await target.pool.request(request)
    await body.dump({ limit: 64 * 1024 })
    return statusCode >= 200 && statusCode < 300 ? undefined : `its health check answered ${statusCode}`
  } catch (error) {
    return `its health check failed: ${error instanceof Error ? error.message : String(error)}`
  }
}
