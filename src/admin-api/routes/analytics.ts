import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { assertNever } from '../../errors.ts'
import type { RequestSums, SumsAt } from '../../store/analytics-store.ts'
import { analyticsQuery, type PlanOverTime, planAnalytics } from '../analytics-query.ts'
import { organizationOf, type ResourceRoutes } from '../context.ts'
import { refuse } from '../refusals.ts'
import { organizationParams, problemBody, refusals, time } from '../schemas.ts'

const percentile = z
  .number()
  .nullable()
  .describe(
    'Null without requests. Estimated from buckets, each one half wider than the one before: at most 50 % above the true one, at most a third below.',
  )

const bucket = z
  .object({
    at: time.optional().describe('When the interval begins; with `by=time`.'),
    route: z.string().nullable().optional().describe('With `by=route`; null for requests that matched none.'),
    key_id: z.string().optional().describe('This and the next three with `by=key`.'),
    name: z.string().nullable().optional().describe('Null where the key is gone with its organization.'),
    key_prefix: z.string().nullable().optional(),
    organization_id: z.string().nullable().optional(),
    code: z.string().optional().describe('With `by=code`.'),
    requests: z.int(),
    errors: z.int().describe('Answered 5xx, or left by the caller before there was an answer.'),
    denied: z.int().describe('Refused by the gateway itself with 401, 403, 404 or 405.'),
    limited: z.int().describe('Refused with RATE_LIMITED.'),
    bytes_in: z.int(),
    bytes_out: z.int(),
    p50_ms: percentile,
    p95_ms: percentile,
    p99_ms: percentile,
  })
  .meta({ id: 'AnalyticsBucket' })

const query = z.strictObject(analyticsQuery)
const rootQuery = z.strictObject({
  ...analyticsQuery,
  organization_id: z.string().optional().describe('Of this one alone; `none` for requests of no organization.'),
})

/** What happened on the data plane, summed by time, route, key or error code; answered from sums, never from the log. */
export const analyticsRoutes: ResourceRoutes = (app, { store, clock, config }) => {
  const answer = async (
    reply: FastifyReply,
    asked: z.output<typeof query>,
    organizationId: string | null | undefined,
  ) => {
    const plan = planAnalytics(asked, clock.now(), config().audit.retention)
    if ('message' in plan) return refuse(reply, 'VALIDATION_FAILED', { errors: [plan] })
    const scope = organizationId === undefined ? {} : { organizationId }
    const route = asked.route === undefined ? {} : { route: asked.route }
    const key = asked.key_id === undefined ? {} : { keyId: asked.key_id }
    switch (plan.by) {
      case 'time':
        return withoutGaps(plan, await store.requestsOverTime({ ...plan, ...scope, ...route, ...key }))
      case 'total': {
        const [all] = await store.requestsOverTime({ ...plan, intervalMs: everMs, ...scope, ...route, ...key })
        return [sums(all ?? nothing)]
      }
      case 'route':
        return (await store.requestsByRoute({ ...plan, ...scope, ...route })).map((row) => ({
          route: row.route,
          ...sums(row),
        }))
      case 'key':
        return (await store.requestsByKey({ ...plan, ...scope, ...key })).map((row) => ({
          key_id: row.keyId,
          name: row.name,
          key_prefix: row.keyPrefix,
          organization_id: row.organizationId,
          ...sums(row),
        }))
      case 'code':
        return (await store.requestsByCode({ ...plan, ...scope })).map((row) => ({ code: row.code, ...sums(row) }))
      default:
        return assertNever(plan)
    }
  }
  const response = { ...refusals, 422: problemBody.describe('The query is wrong; see errors.'), 200: z.array(bucket) }

  app.get(
    '/organizations/:organization_id/analytics',
    {
      schema: {
        operationId: 'getOrganizationAnalytics',
        tags: ['analytics'],
        params: organizationParams,
        querystring: query,
        response,
      },
    },
    (request, reply) => answer(reply, request.query, organizationOf(request).id),
  )
  app.get(
    '/analytics',
    { schema: { operationId: 'getAnalytics', tags: ['analytics'], querystring: rootQuery, response } },
    (request, reply) => {
      const { organization_id: organizationId, ...asked } = request.query
      return answer(reply, asked, organizationId === 'none' ? null : organizationId)
    },
  )
}

/** A chart needs no guess: an interval in which nothing was is there, with zeros. */
function withoutGaps({ since, until, intervalMs }: PlanOverTime, rows: readonly SumsAt[]) {
  const known = new Map(rows.map((row) => [row.at, row]))
  return Array.from({ length: (until - since) / intervalMs }, (_, index) => {
    const at = since + index * intervalMs
    return { at: new Date(at).toISOString(), ...sums(known.get(at) ?? nothing) }
  })
}

/** All times that there are: one interval of it holds every range. A whole number of days. */
const everMs = 8_640_000_000_000_000

const sums = (row: RequestSums) => ({
  requests: row.requests,
  errors: row.errors,
  denied: row.denied,
  limited: row.limited,
  bytes_in: row.bytesIn,
  bytes_out: row.bytesOut,
  p50_ms: row.p50Ms,
  p95_ms: row.p95Ms,
  p99_ms: row.p99Ms,
})

const nothing: RequestSums = {
  requests: 0,
  errors: 0,
  denied: 0,
  limited: 0,
  bytesIn: 0,
  bytesOut: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
}
