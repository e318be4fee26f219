import type { Clock } from './clock.ts'
import { parseRedisUrl } from './config/redis-url.ts'
import type { Config } from './config/schema.ts'
import type { Events } from './events.ts'
import type { LimitAuthority } from './limiter/authority.ts'
import { startCounterSaving } from './limiter/counter-saving.ts'
import { createGuardedLimiter } from './limiter/guarded.ts'
import { createLeasingLimiter } from './limiter/leasing.ts'
import type { Limiter } from './limiter/limiter.ts'
import { createMemoryLimiter } from './limiter/memory.ts'
import { createMemoryAuthority } from './limiter/memory-authority.ts'
import { createRedisLimiter } from './limiter/redis.ts'
import { connectRedis } from './redis/connect.ts'
import type { Store } from './store/store.ts'

export interface OpenLimiterOptions {
  readonly config: () => Config
  readonly store: Pick<Store, 'loadCounters' | 'saveCounters'>
  readonly clock: Clock
  readonly events: Pick<Events, 'fault' | 'limiterDegraded' | 'limitsUncounted'>
}

export interface OpenLimiter extends Limiter {
  /** A further holder of tokens, in a worker of this process; undefined where counters are not in this process. */
  readonly connect?: () => LimitAuthority
}

/**
 * The limiter that the file asks for: in memory, where counters of an hour or more outlive a restart, or on Redis.
 * Does not wait for a Redis that is down, and never throws for it.
 */
export function openLimiter(options: OpenLimiterOptions): Promise<OpenLimiter> {
  return options.config().redis === '' ? openInMemory(options) : openShared(options)
}

async function openInMemory({ store, clock, events }: OpenLimiterOptions): Promise<OpenLimiter> {
  const limiter = createMemoryLimiter({ clock })
  const { connect } = createMemoryAuthority({ limiter, clock, recallMs })
  limiter.restore(await store.loadCounters(clock.now()))
  const counters = startCounterSaving({ limiter, store, events })
  return { ...limiter, connect, close: () => counters.close() }
}

/** A worker that is busy answers within it; one that has not answered in 500 ms is ended anyway. */
const recallMs = 400

async function openShared({ config, clock, events }: OpenLimiterOptions): Promise<OpenLimiter> {
  const local = createMemoryLimiter({ clock })
  const { connect } = createMemoryAuthority({ limiter: local, clock, recallMs })
  return { ...(await openOnRedis({ config, clock, events, local })), connect }
}

interface OnRedisOptions extends Omit<OpenLimiterOptions, 'store'> {
  /** Counts while Redis does not answer; the workers of a node have one together. */
  readonly local: Limiter
}

/** On Redis alone. */
export async function openOnRedis({ config, clock, events, local }: OnRedisOptions): Promise<Limiter> {
  const address = parseRedisUrl(config().redis)
  if (typeof address === 'string') throw new Error(`redis: ${address}`)
  const onError = (): void => {}
  const commands = connectRedis(address, { name: 'sallyport-limits', onError })
  const subscriber = connectRedis(address, { name: 'sallyport-recalls', onError })
  const redis = createRedisLimiter({ commands, subscriber, prefix: address.prefix })
  const shared = createLeasingLimiter({ authority: redis, plain: redis, clock })
  const limiter = createGuardedLimiter({
    shared,
    probe: () => redis.probe(),
    local,
    failure: () => config().redis_failure,
    events,
  })
  await limiter.ready()
  return limiter
}
