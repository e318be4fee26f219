import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AdminEvent } from '../../store/store.ts'
import { organizationOf, type ResourceRoutes } from '../context.ts'
import { isAboutInstance } from '../job-schemas.ts'
import { roleOf } from '../key-in-path.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { organizationParams, refusals, time } from '../schemas.ts'

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

const verdict = z
  .object({
    valid: z.boolean(),
    checked: z.int().describe('Events looked at.'),
    first_bad: z.object({ seq: z.int(), id: z.string().nullable(), reason: z.string() }).optional(),
  })
  .meta({ id: 'EventsVerdict' })

/** The audit trail: every change that an administrator, the command line or the gateway has made. */
export const eventRoutes: ResourceRoutes = (app, { store, verifyTrail }) => {
  const querystring = z.strictObject(pageQuery)
  const response = { ...refusals, 200: z.array(record) }
  const list = async (
    request: FastifyRequest,
    reply: FastifyReply,
    query: z.output<typeof querystring>,
    filter: { organizationId?: string },
    record = eventRecord,
  ) => {
    const page = pageOf(query)
    const events = await store.listEvents(filter, page)
    return sendPage(request, reply, page, events.map(record))
  }

  app.get(
    '/organizations/:organization_id/events',
    {
      schema: {
        operationId: 'listOrganizationEvents',
        tags: ['events'],
        params: organizationParams,
        querystring,
        response,
      },
    },
    (request, reply) =>
      list(
        request,
        reply,
        request.query,
        { organizationId: organizationOf(request).id },
        roleOf(request) === 'root' ? eventRecord : ownEventRecord,
      ),
  )
  app.get(
    '/events',
    { schema: { operationId: 'listEvents', tags: ['events'], querystring, response } },
    (request, reply) => list(request, reply, request.query, {}),
  )
  app.get(
    '/events/verify',
    { schema: { operationId: 'verifyEvents', tags: ['events'], response: { ...refusals, 200: verdict } } },
    async () => {
      const { valid, checked, firstBad } = await verifyTrail()
      return { valid, checked, ...(firstBad && { first_bad: firstBad }) }
    },
  )
}

const eventRecord = ({ id, type, at, organizationId, target, actor, before, after }: AdminEvent) => ({
  ...{ id, type, created_at: new Date(at).toISOString(), organization_id: organizationId, target },
  ...{ actor: { type: actor.type, id: actor.id }, request_id: actor.requestId ?? null, before, after },
})

/** As the organization sees it: without what a job about the whole instance has counted. */
function ownEventRecord(event: AdminEvent) {
  const { type, after } = event
  if (!type.startsWith('job.') || after === null || !isAboutInstance(after)) return eventRecord(event)
  return eventRecord({ ...event, after: { type: after.type, ...('status' in after && { status: after.status }) } })
}
