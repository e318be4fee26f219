import { z } from 'zod'
import type { ResourceRoutes } from '../context.ts'
import { lastReloadRecord, lastReloadShape, upstreamRecords, upstreamShape } from '../policy-record.ts'
import { refusals, time } from '../schemas.ts'

const health = z
  .object({
    ready: z.boolean().describe('What /readyz says.'),
    checks: z.record(z.string(), z.string()).describe('Those of /readyz that fail, each with what is wrong.'),
    store: z.object({ kind: z.enum(['sqlite', 'postgres']), up: z.boolean() }),
    redis: z.object({ up: z.boolean() }).nullable().describe('Null where none is configured.'),
    limiter: z.object({
      degraded: z.boolean().describe('Redis does not answer; redis_failure says what happens meanwhile.'),
    }),
    upstreams: z.array(upstreamShape),
    request_log: z.object({
      queue: z.int().describe('Rows that are not committed yet.'),
      dropped: z.int().describe('Rows that were lost since the start because the store could not keep up.'),
    }),
    config: z.object({ version: z.string(), since: time, last_reload: lastReloadShape }),
    nodes: z.object({
      live: z.int().describe('That share the store, this one included.'),
      acknowledged: z.int().describe('Of these, those that hold nothing older than what this node has changed.'),
    }),
  })
  .meta({ id: 'Health' })

/** How the gateway and what it depends on are: nothing is measured for it, readiness and metrics know it already. */
export const healthRoutes: ResourceRoutes = (app, context) => {
  app.get(
    '/health',
    {
      schema: {
        operationId: 'getHealth',
        description: 'Of this node and its workers. Takes up to a second when another node is behind.',
        tags: ['policy'],
        response: { ...refusals, 200: health },
      },
    },
    async () => {
      const [condition, { live, acknowledged }] = await Promise.all([context.condition(), context.receipt()])
      const { failedChecks, redisUp, limiterDegraded, requestLogQueue, requestLogDropped } = condition
      const { version, since, loaded } = context.policy.inForce()
      return {
        ready: Object.keys(failedChecks).length === 0,
        checks: failedChecks,
        store: {
          kind: loaded.config.store.startsWith('sqlite:') ? ('sqlite' as const) : ('postgres' as const),
          up: failedChecks.store === undefined,
        },
        redis: redisUp === undefined ? null : { up: redisUp },
        limiter: { degraded: limiterDegraded },
        upstreams: upstreamRecords(context.policy),
        request_log: { queue: requestLogQueue, dropped: requestLogDropped },
        config: { version, since: new Date(since).toISOString(), last_reload: lastReloadRecord(context.policy) },
        nodes: { live, acknowledged },
      }
    },
  )
}
