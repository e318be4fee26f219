import { setTimeout as wait } from 'node:timers/promises'
import type { Events } from '../events.ts'
import { type Charge, type ChargeState, type Limiter, LimiterUnavailable } from './limiter.ts'

export interface GuardedLimiter extends Limiter {
  /** Resolves when the shared counters have answered, or when it is decided that they do not: within half a second. */
  ready(): Promise<void>
}

export interface GuardOptions {
  /** Counters that all nodes share, behind a network. */
  readonly shared: Limiter
  /** Whether the shared counters can be charged now. */
  readonly probe: () => Promise<void>
  /** What counts meanwhile with `local`. It keeps its windows when the shared counters come and go. */
  readonly local: Limiter
  /** `redis_failure`; asked when it matters, so that a reload changes it. */
  readonly failure: () => 'local' | 'closed' | 'open'
  readonly events: Pick<Events, 'fault' | 'limiterDegraded' | 'limitsUncounted'>
}

/**
 * Shared counters that may die, hang and come back. One call waits for 250 ms at most and is then LimiterUnavailable.
 * When nothing has been answered for 500 ms it is decided: until a probe is answered no request waits for them at all,
 * and `failure` says what happens instead. In real time, whatever clock decides about windows.
 */
export function createGuardedLimiter({ shared, probe, local, failure, events }: GuardOptions): GuardedLimiter {
  const pending = new Set<Pending>()
  let degraded = false
  let closed = false
  /** When the first call was sent of those that have failed since the last answer. */
  let failingSince: number | undefined
  let lastError: unknown
  let answeredAt = performance.now()
  let probing = false
  let probedAt = Number.NEGATIVE_INFINITY
  let tickedAt = performance.now()

  /** What comes too late for the request that asked is no answer: a slow server would never be given up. */
  const answered = (sentAt: number): boolean => {
    const now = performance.now()
    if (now - sentAt > callMs) return false
    answeredAt = now
    failingSince = undefined
    return true
  }

  const failed = (sentAt: number, error: unknown): void => {
    lastError = error
    // One that was sent before the last answer tells nothing new.
    if (sentAt >= answeredAt || failingSince !== undefined) failingSince ??= sentAt
  }

  const instead = (kind: Kind, charges: readonly Charge[]) => {
    switch (failure()) {
      case 'local':
        return local[kind](charges)
      case 'open':
        if (kind === 'charge') events.limitsUncounted()
        return []
      case 'closed':
        return Promise.reject(new LimiterUnavailable('Redis does not answer, and redis_failure is closed'))
    }
  }

  const degrade = (): void => {
    degraded = true
    failingSince = undefined
    probedAt = performance.now()
    events.limiterDegraded(true, lastError instanceof Error ? lastError.message : undefined)
    for (const { kind, charges, resolve, reject } of pending) {
      try {
        resolve(instead(kind, charges))
      } catch (error) {
        reject(error)
      }
    }
    pending.clear()
  }

  const tryProbe = async (): Promise<boolean> => {
    if (probing) return false
    probing = true
    const sentAt = performance.now()
    probedAt = sentAt
    try {
      await probe()
      return answered(sentAt)
    } catch (error) {
      failed(sentAt, error)
      return false
    } finally {
      probing = false
    }
  }

  const recover = async (): Promise<void> => {
    if (!(await tryProbe()) || closed || !degraded) return
    degraded = false
    events.limiterDegraded(false)
  }

  const tick = (): void => {
    const now = performance.now()
    const stalled = now - tickedAt > stallMs
    tickedAt = now
    // After a pause of our own the answers may be there already, and only not read.
    if (stalled) return
    if (degraded) {
      if (now - probedAt >= probeMs) void recover()
      return
    }
    for (const one of pending) {
      if (now - one.sentAt < callMs) break
      pending.delete(one)
      failed(one.sentAt, new LimiterUnavailable(`Redis has not answered within ${callMs} ms`))
      one.reject(lastError)
    }
    if (probing && now - probedAt >= callMs) {
      failed(probedAt, new LimiterUnavailable(`Redis has not answered within ${callMs} ms`))
    }
    if (failingSince !== undefined && now - failingSince >= decideMs) degrade()
    else if (now - Math.max(answeredAt, probedAt) >= heartbeatMs) void tryProbe()
  }
  const timer = setInterval(tick, tickMs).unref()

  const call = (kind: Kind, charges: readonly Charge[]): ReturnType<Limiter[Kind]> => {
    if (degraded) return instead(kind, charges)
    const sentAt = performance.now()
    const states = shared[kind](charges)
    if (!(states instanceof Promise)) return states
    return new Promise((resolve, reject) => {
      const one: Pending = { kind, charges, sentAt, resolve, reject }
      pending.add(one)
      states.then(
        (later) => {
          answered(sentAt)
          if (pending.delete(one)) resolve(later)
        },
        (error: unknown) => {
          failed(sentAt, error)
          if (!pending.delete(one)) return
          events.fault('rate limits', error)
          reject(
            error instanceof LimiterUnavailable
              ? error
              : new LimiterUnavailable('the counters failed', { cause: error }),
          )
        },
      )
    })
  }

  return {
    charge: (charges) => call('charge', charges),
    peek: (charges) => call('peek', charges),
    async ready() {
      const deadline = performance.now() + decideMs
      while (!(await Promise.race([tryProbe(), wait(callMs, false)]))) {
        if (degraded || closed) return
        if (performance.now() >= deadline) return degrade()
        await wait(20)
      }
      events.limiterDegraded(false)
    },
    async close() {
      closed = true
      clearInterval(timer)
      for (const { reject } of pending) reject(new LimiterUnavailable('the limiter has been closed'))
      pending.clear()
      await Promise.all([shared.close(), local.close()])
    },
  }
}

type Kind = 'charge' | 'peek'

interface Pending {
  readonly kind: Kind
  readonly charges: readonly Charge[]
  readonly sentAt: number
  resolve(states: readonly ChargeState[] | Promise<readonly ChargeState[]>): void
  reject(error: unknown): void
}

const callMs = 250
const decideMs = 500
/** How often the shared counters are asked when no request does, and when they are given up for the time being. */
const heartbeatMs = 200
const probeMs = 500
const tickMs = 20
const stallMs = 200
