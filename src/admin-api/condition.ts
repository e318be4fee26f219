import { type MetricsReport, valuesIn } from '../metrics/report.ts'
import type { FailedChecks } from './readiness.ts'

/** How the parts of the gateway are, over all its workers. */
export interface Condition {
  /** As `/readyz` has them; empty: ready. */
  readonly failedChecks: FailedChecks
  /** Undefined where there is no Redis. */
  readonly redisUp: boolean | undefined
  readonly limiterDegraded: boolean
  /** Rows that are not committed yet. */
  readonly requestLogQueue: number
  /** Rows that were lost since the start. */
  readonly requestLogDropped: number
}

export interface ConditionOptions {
  readonly failedChecks: () => Promise<FailedChecks>
  readonly draining: () => boolean
  /** What every process of this gateway counts: of this one the given metrics are enough. */
  readonly reports: (names: readonly string[]) => Promise<readonly MetricsReport[]>
}

/** Asks what readiness and metrics know already. Those who ask at the same time share the work. */
export function createCondition({ failedChecks, draining, reports }: ConditionOptions): () => Promise<Condition> {
  const ask = async (): Promise<Condition> => {
    const names = Object.values(metricNames)
    const [failed, values] = await Promise.all([failedChecks(), reports(names).then((parts) => valuesIn(parts, names))])
    const redisUp = values.get(metricNames.redis)
    return {
      failedChecks: draining() ? { ...failed, draining: 'shutting down' } : failed,
      redisUp: redisUp === undefined ? undefined : redisUp === 1,
      limiterDegraded: values.get(metricNames.degraded) === 1,
      requestLogQueue: values.get(metricNames.queue) ?? 0,
      requestLogDropped: values.get(metricNames.dropped) ?? 0,
    }
  }
  let asking: Promise<Condition> | undefined
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

const metricNames = {
  redis: 'sallyport_redis_up',
  degraded: 'sallyport_limiter_degraded',
  queue: 'sallyport_request_log_queue',
  dropped: 'sallyport_request_log_dropped_total',
}
