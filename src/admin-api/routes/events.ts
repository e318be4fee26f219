import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AdminEvent, EventFilter } from '../../store/store.ts'
import { organizationOf, type ResourceRoutes } from '../context.ts'
import { isAboutInstance } from '../job-schemas.ts'
import { roleOf } from '../key-in-path.ts'
import { pageOf, pageQuery, sendPart } from '../paging.ts'
import { eventRecord } from '../records.ts'
import { refuse } from '../refusals.ts'
import { given, organizationParams, rangeOf, refusals, time } from '../schemas.ts'

const record = z
  .object({
    id: z.string(),
    type: z.string().describe('For example api_key.revoked.'),
    created_at: time,
    organization_id: z.string().nullable(),
    target: z.string().nullable().describe('The id of what was changed.'),
    actor: z.object({ type: z.string(), id: z.string().nullable() }),
    request_id: z.string().nullable(),
    before: z.record(z.string(), z.unknown()).nullable().describe('What was there before, of what has changed.'),
    after: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'EventRecord' })

const anId = z.string().regex(/^[\w-]{1,64}$/, 'must be an id')
const listQuery = z.strictObject({
  ...pageQuery,
  type: z
    .string()
    .regex(
      /^[a-z_]{1,40}\.(?:[a-z_]{1,40}|\*)$/,
      'must be a type such as api_key.revoked, or a family such as api_key.*',
    )
    .optional()
    .describe('A type such as api_key.revoked, or a family such as api_key.*'),
  actor_id: anId.optional().describe('Who has done it: an operator, a key or `admin_token`.'),
  target: anId.optional().describe('The id of what was changed.'),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
})
const eventParams = { event_id: z.string() }
const description =
  'Newest first; with `since` or `until` by time. One answer looks at 50,000 events at most: where few match it is short or empty, and a Link to the next one says that there are more to look at.'

const verdict = z
  .object({
    valid: z.boolean(),
    checked: z.int().describe('Events looked at.'),
    first_bad: z.object({ seq: z.int(), id: z.string().nullable(), reason: z.string() }).optional(),
  })
  .meta({ id: 'EventsVerdict' })

/** The audit trail: every change that an administrator, the command line or the gateway has made. */
export const eventRoutes: ResourceRoutes = (app, { store, verifyTrail }) => {
  const response = { ...refusals, 200: z.array(record) }
  const one = { ...refusals, 200: record }
  const list = async (
    request: FastifyRequest,
    reply: FastifyReply,
    query: z.output<typeof listQuery>,
    filter: Pick<EventFilter, 'organizationId'>,
    record = eventRecord,
  ) => {
    const { rows, next } = await store.listEvents({ ...filter, ...filterOf(query) }, pageOf(query))
    return sendPart(request, reply, rows.map(record), next)
  }

  app.get(
    '/organizations/:organization_id/events',
    {
      schema: {
        operationId: 'listOrganizationEvents',
        tags: ['events'],
        description,
        params: organizationParams,
        querystring: listQuery,
        response,
      },
    },
    (request, reply) =>
      list(request, reply, request.query, { organizationId: organizationOf(request).id }, recordFor(request)),
  )
  app.get(
    '/events',
    { schema: { operationId: 'listEvents', tags: ['events'], description, querystring: listQuery, response } },
    (request, reply) => list(request, reply, request.query, {}),
  )
  app.get(
    '/organizations/:organization_id/events/:event_id',
    {
      schema: {
        operationId: 'getOrganizationEvent',
        tags: ['events'],
        params: organizationParams.extend(eventParams),
        response: one,
      },
    },
    async (request, reply) => {
      const event = await store.findEvent(request.params.event_id)
      const isOwn = event?.organizationId === organizationOf(request).id
      return isOwn ? recordFor(request)(event) : refuse(reply, 'NOT_FOUND')
    },
  )
  app.get(
    '/events/:event_id',
    { schema: { operationId: 'getEvent', tags: ['events'], params: z.object(eventParams), response: one } },
    async (request, reply) => {
      const event = await store.findEvent(request.params.event_id)
      return event ? eventRecord(event) : refuse(reply, 'NOT_FOUND')
    },
  )
  app.get(
    '/events/verify',
    {
      schema: {
        operationId: 'verifyEvents',
        tags: ['events'],
        description:
          'Goes through the whole trail from its first event, in seconds for a million. Whoever asks while that is under way gets the verdict that comes of it.',
        response: { ...refusals, 200: verdict },
      },
    },
    async (request) => {
      // Nothing is sent until it is done, which may be later than a silent connection is otherwise kept.
      request.raw.socket.setTimeout(verifyWithinMs)
      const { valid, checked, firstBad } = await verifyTrail()
      return { valid, checked, ...(firstBad && { first_bad: firstBad }) }
    },
  )
}

const filterOf = ({ type, actor_id: actorId, target, since, until }: z.output<typeof listQuery>): EventFilter => ({
  ...given({ type, actorId, target }),
  ...rangeOf({ since, until }),
})

const recordFor = (request: FastifyRequest) => (roleOf(request) === 'root' ? eventRecord : ownEventRecord)

const verifyWithinMs = 30 * 60_000

/** As the organization sees it: without what a job about the whole instance has counted. */
function ownEventRecord(event: AdminEvent) {
  const { type, after } = event
  if (!type.startsWith('job.') || after === null || !isAboutInstance(after)) return eventRecord(event)
  return eventRecord({ ...event, after: { type: after.type, ...('status' in after && { status: after.status }) } })
}
