import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { requestsLookedAtMax } from '../../store/basics.ts'
import type { RequestFilter } from '../../store/store.ts'
import { organizationOf, principalOf, type ResourceRoutes } from '../context.ts'
import { pageOf, pageQuery, sendPart } from '../paging.ts'
import { requestRecord } from '../records.ts'
import { refuse } from '../refusals.ts'
import { passes, requestFilter, requestQuery } from '../request-filter.ts'
import { organizationParams, problemBody, refusals, time } from '../schemas.ts'
import { streamEvents } from '../server-sent-events.ts'

const record = z
  .object({
    id: z.string(),
    at: time,
    organization_id: z.string().nullable(),
    key_id: z.string().nullable(),
    method: z.string(),
    path: z.string().describe('Canonical, without query.'),
    route: z.string().nullable().describe('The pattern of the route; null where none matched.'),
    status_code: z.int().describe('0 where the caller left before there was an answer.'),
    code: z.string().nullable().describe('Why it was refused; null when it was forwarded.'),
    duration_ms: z.number(),
    upstream_ms: z.number().nullable(),
    bytes_in: z.int(),
    bytes_out: z.int(),
    ip: z.string(),
    user_agent: z.string().nullable(),
    request_id: z.string(),
    shadow_code: z.string().nullable().describe('What a route in shadow mode would have refused with.'),
  })
  .meta({ id: 'RequestRecord' })

const listQuery = z.strictObject({ ...pageQuery, ...requestQuery })
const rowParams = { row_id: z.string().describe('The id of the row.') }
const streamQuery = z.strictObject(requestQuery)

/** The request log: every request on the data plane, allowed or refused; of one organization, or of all for root. */
export const requestRoutes: ResourceRoutes = (app, context) => {
  const list = async (
    request: FastifyRequest,
    reply: FastifyReply,
    query: z.output<typeof listQuery>,
    organizationId: string | undefined,
  ) => {
    const { rows, next } = await context.store.listRequests(requestFilter(query, organizationId), pageOf(query))
    return sendPart(request, reply, rows.map(requestRecord), next)
  }
  const stream = (request: FastifyRequest, reply: FastifyReply, filter: RequestFilter): void =>
    streamEvents(context, request, reply, (send) =>
      context.tail.watch(String(principalOf(request).actor.id), (row) => {
        if (passes(row, filter)) send('request', row.id, requestRecord(row))
      }),
    )
  const response = { ...refusals, 422: problemBody, 200: z.array(record) }
  const description = `Newest first. Filters other than key and time look at ${requestsLookedAtMax.toLocaleString('en')} rows for one answer at most: where few of them match it is short or empty, and its Link says that there are more to look at.`

  app.get(
    '/organizations/:organization_id/requests',
    {
      schema: {
        operationId: 'listOrganizationRequests',
        tags: ['requests'],
        description,
        params: organizationParams,
        querystring: listQuery,
        response,
      },
    },
    (request, reply) => list(request, reply, request.query, organizationOf(request).id),
  )
  app.get(
    '/requests',
    { schema: { operationId: 'listRequests', tags: ['requests'], description, querystring: listQuery, response } },
    (request, reply) => list(request, reply, request.query, undefined),
  )

  const one = { ...refusals, 200: record }
  app.get(
    '/organizations/:organization_id/requests/:row_id',
    {
      schema: {
        operationId: 'getOrganizationRequest',
        tags: ['requests'],
        params: organizationParams.extend(rowParams),
        response: one,
      },
    },
    async (request, reply) => {
      const row = await context.store.findRequest(request.params.row_id)
      return row?.organizationId === organizationOf(request).id ? requestRecord(row) : refuse(reply, 'NOT_FOUND')
    },
  )
  app.get(
    '/requests/:row_id',
    {
      schema: { operationId: 'getRequest', tags: ['requests'], params: z.object(rowParams), response: one },
    },
    async (request, reply) => {
      const row = await context.store.findRequest(request.params.row_id)
      return row ? requestRecord(row) : refuse(reply, 'NOT_FOUND')
    },
  )

  const streamed = {
    ...refusals,
    422: problemBody,
    200: z.string().describe('Server-sent events: one `request` per row.'),
  }
  app.get(
    '/organizations/:organization_id/requests/stream',
    {
      schema: {
        operationId: 'streamOrganizationRequests',
        tags: ['requests'],
        produces: ['text/event-stream'],
        params: organizationParams,
        querystring: streamQuery,
        response: streamed,
      },
    },
    async (request, reply) => {
      stream(request, reply, requestFilter(request.query, organizationOf(request).id))
      return reply
    },
  )
  app.get(
    '/requests/stream',
    {
      schema: {
        operationId: 'streamRequests',
        tags: ['requests'],
        produces: ['text/event-stream'],
        querystring: streamQuery,
        response: streamed,
      },
    },
    async (request, reply) => {
      stream(request, reply, requestFilter(request.query, undefined))
      return reply
    },
  )
}
