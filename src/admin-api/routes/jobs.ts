import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ImportRefused } from '../../jobs/key-import-text.ts'
import { type Job, jobStatuses, jobTypes } from '../../store/jobs-store.ts'
import type { KeyFilter, Metadata, Role, Store } from '../../store/store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { mayGiveRole } from '../grants.ts'
import {
  isAboutInstance,
  type JobOrderBody,
  jobOrder,
  jobParams,
  jobRecord,
  jobRecordOf,
  jobResultRecord,
  jobResultRecordOf,
} from '../job-schemas.ts'
import { roleOf } from '../key-in-path.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPart } from '../paging.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, given, organizationParams, problemBody, refusals } from '../schemas.ts'

const listQuery = z.strictObject({
  ...pageQuery,
  type: z.enum(jobTypes).optional(),
  status: z.enum(jobStatuses).optional(),
})

/** Jobs: long-running work on the keys and the request log of an organization. */
export const jobRoutes: ResourceRoutes = (app, { store, jobs, config }) => {
  const found = new WeakMap<FastifyRequest, Job>()
  const exists = async (request: FastifyRequest): Promise<boolean> => {
    const { job_id: jobId } = request.params as { job_id: string }
    const job = await store.findJob(organizationOf(request).id, jobId)
    if (job !== undefined) found.set(request, job)
    return job !== undefined
  }
  const jobOf = (request: FastifyRequest): Job => {
    const job = found.get(request)
    if (job === undefined) throw new Error('this route does not look for the job in its path')
    return job
  }
  const putImport = async (organizationId: string, { data, format }: { data: string; format: 'csv' | 'jsonl' }) => {
    try {
      const input = await jobs.putImport(organizationId, data, format)
      return input && { input }
    } catch (error) {
      if (error instanceof ImportRefused) return error
      throw error
    }
  }
  const tags = ['jobs']

  app.post(
    '/organizations/:organization_id/jobs',
    {
      bodyLimit: orderBytesMax,
      config: { idempotent: true },
      schema: {
        operationId: 'createJob',
        tags,
        description:
          'Orders work that is done in the background; ask for the job until it is completed, failed or cancelled. bulk_rotate needs keys.reveal, since a job never holds a secret: each new one is fetched from the reveal endpoint of its key. secret_rotation is about the whole instance, and for root alone.',
        params: organizationParams,
        body: jobOrder,
        response: {
          ...bodyRefusals,
          202: jobRecord.describe('Kept, and done as soon as it is its turn.'),
          413: problemBody.describe('More than 32 MB.'),
          429: problemBody.describe('Too many jobs of the organization are not finished.'),
        },
      },
    },
    async (request, reply) => {
      const { id: organizationId } = organizationOf(request)
      const { body } = request
      const role = roleOf(request)
      if (isAboutInstance(body) && role !== 'root') return refuse(reply, 'FORBIDDEN')
      if (body.type === 'bulk_rotate' && !config().keys.reveal) {
        return refuse(reply, 'CONFLICT', { errors: [{ path: 'type', message: withoutReveal }] })
      }
      if (!(await isOwn(store, organizationId, body))) return refuse(reply, 'NOT_FOUND')

      const order = { organizationId, actor: actorOf(request), params: paramsOf(body, rolesBelow(role)) }
      const put = body.type === 'key_import' ? await putImport(organizationId, body.params) : {}
      if (put instanceof ImportRefused) {
        return refuse(reply, 'VALIDATION_FAILED', { errors: [{ path: 'params.data', message: put.message }] })
      }
      if (put === undefined) return refuse(reply.header('Retry-After', 30), 'RATE_LIMITED', { errors: [tooMany] })
      return makeOnce(store, request, reply, async (store) => {
        const job = await jobs.order({ ...order, ...put, type: body.type }, store)
        if (job !== undefined) return { status: 202, body: jobRecordOf(job, role), committed: jobs.wake }
        reply.header('Retry-After', 30)
        return { refuse: 'RATE_LIMITED', extras: { errors: [tooMany] } }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/jobs',
    {
      schema: {
        operationId: 'listJobs',
        tags,
        description:
          'Newest first. With a filter one answer looks at 20,000 at most: where few match it is short or empty, and a Link to the next one says that there are more to look at.',
        params: organizationParams,
        querystring: listQuery,
        response: { ...refusals, 200: z.array(jobRecord) },
      },
    },
    async (request, reply) => {
      const { limit, cursor, ...filter } = request.query
      const page = pageOf({ limit, cursor })
      const { rows, next } = await store.listJobs(organizationOf(request).id, given(filter), page)
      const role = roleOf(request)
      const records = rows.map((job) => jobRecordOf(job, role))
      return sendPart(request, reply, records, next)
    },
  )

  app.get(
    '/organizations/:organization_id/jobs/:job_id',
    {
      config: { exists },
      schema: { operationId: 'getJob', tags, params: jobParams, response: { ...refusals, 200: jobResultRecord } },
    },
    async (request) => resultOf(request, jobOf(request)),
  )

  app.get(
    '/organizations/:organization_id/jobs/:job_id/output',
    {
      config: { exists },
      schema: {
        operationId: 'getJobOutput',
        tags,
        produces: ['application/x-ndjson', 'text/csv'],
        description:
          'Everything that the job gave, for seven days after its end: the export, or a report of one line for each key.',
        params: jobParams,
        response: {
          ...refusals,
          200: z.string().describe('JSON lines (application/x-ndjson), or text/csv.'),
          409: problemBody.describe('The job is not finished.'),
        },
      },
    },
    async (request, reply) => {
      const job = jobOf(request)
      if (job.completedAt === null) return refuse(reply, 'CONFLICT', { errors: [notFinished] })
      const first = await store.jobOutput(job.id, 0)
      if (first === undefined && job.outputParts > 0) return refuse(reply, 'NOT_FOUND')
      return sendOutput(reply, job, first ?? '', store)
    },
  )

  app.post(
    '/organizations/:organization_id/jobs/:job_id/cancel',
    {
      config: { exists },
      // One about the whole instance is none of the organization's in which root has ordered it.
      onRequest: async (request, reply) =>
        isAboutInstance(jobOf(request)) && roleOf(request) !== 'root' ? refuse(reply, 'FORBIDDEN') : undefined,
      schema: {
        operationId: 'cancelJob',
        tags,
        description: 'What is done stays done. A running job ends at its next step; ask again until it is cancelled.',
        params: jobParams,
        body: z.strictObject({}).optional(),
        response: { ...bodyRefusals, 200: jobResultRecord },
      },
    },
    async (request, reply) => {
      const { id: organizationId } = organizationOf(request)
      const job = await store.cancelJob(organizationId, jobOf(request).id, actorOf(request))
      if (job === undefined) return refuse(reply, 'NOT_FOUND')
      if (job.status === 'completed' || job.status === 'failed')
        return refuse(reply, 'CONFLICT', { errors: [finished] })
      jobs.wake()
      return resultOf(request, job)
    },
  )
}

/** Whether everything that an order names is the organization's. What is not is answered like what does not exist. */
async function isOwn(store: Store, organizationId: string, body: JobOrderBody): Promise<boolean> {
  const params: { ids?: string[] | undefined; owner?: string | undefined; key_id?: string | undefined } =
    body.type === 'key_import' ? {} : (body.params ?? {})
  const { ids, owner, key_id: keyId } = params
  if (ids !== undefined) {
    const filter: KeyFilter = { ids }
    if ((await store.countKeys(organizationId, filter)) !== new Set(ids).size) return false
  }
  if (owner !== undefined && !(await store.findServiceAccount(organizationId, owner))) return false
  return keyId === undefined || (await store.findKey(organizationId, keyId)) !== undefined
}

/** What is kept of an order; the text of an import is kept elsewhere, without its raw keys. */
function paramsOf(body: JobOrderBody, roles: readonly Role[]): Metadata {
  switch (body.type) {
    case 'key_import':
      return { format: body.params.format, service_account_roles: roles }
    case 'key_export':
    case 'request_export':
      return { format: 'jsonl', ...given(body.params ?? {}) }
    case 'bulk_revoke':
      return { reason: null, ...given(body.params) }
    case 'bulk_rotate':
      return { ...given(body.params), service_account_roles: roles }
    case 'secret_rotation':
      return {}
  }
}

const rolesBelow = (own: Parameters<typeof mayGiveRole>[0]): readonly Role[] =>
  (['owner', 'admin', 'engineer', 'viewer'] as const).filter((role) => mayGiveRole(own, role))

const resultOf = (request: FastifyRequest, job: Job) => {
  const path = request.url.split('?', 1)[0] ?? ''
  return jobResultRecordOf(job, roleOf(request), `${path.replace(/\/cancel$/, '')}/output`)
}

/** Part by part, as fast as it is taken: a whole export need not fit in memory. */
function sendOutput(reply: FastifyReply, job: Job, first: string, store: Pick<Store, 'jobOutput'>): FastifyReply {
  const isCsv = job.result?.format === 'csv'
  async function* parts(): AsyncGenerator<string> {
    yield first
    for (let seq = 1; seq < job.outputParts; seq++) {
      const part = await store.jobOutput(job.id, seq)
      if (part === undefined) throw new Error(`part ${seq} of ${job.id} is gone`)
      yield part
    }
  }
  return reply
    .type(isCsv ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
    .header('Content-Disposition', `attachment; filename="${job.id}.${isCsv ? 'csv' : 'jsonl'}"`)
    .send(Readable.from(parts()))
}

const orderBytesMax = 32 * 1024 * 1024
const withoutReveal =
  'bulk_rotate needs keys.reveal: a job holds no secrets, and without it nobody could ever see the new ones. Rotate the keys one by one, or turn keys.reveal on'
const tooMany = { path: '', message: '20 jobs of this organization are not finished; wait for one, or cancel one' }
const notFinished = { path: '', message: 'the job is not finished' }
const finished = { path: '', message: 'the job is finished; what is done stays done' }
