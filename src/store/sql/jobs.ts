import { sql } from 'kysely'
import { jobsLookedAtMax } from '../basics.ts'
import type { JobsStore } from '../jobs-store.ts'
import type { SqlEngine } from './engine.ts'
import { recordEvent } from './events.ts'
import { jobPartMethods } from './job-parts.ts'
import { cancelIn, createIn, describeEnd, type JobRow, toJob, unfinished } from './job-record.ts'
import { jobRunMethods } from './job-runs.ts'
import { foundOf, lastLookedAt, pageLimit } from './page.ts'

/** Jobs as those see them who order them; job-runs.ts is for those who do them. */
export function jobMethods(engine: SqlEngine): JobsStore {
  const { db, write, clock } = engine
  return {
    ...jobRunMethods(engine),
    ...jobPartMethods(engine),

    createJob: (input, unfinishedMax, actor) =>
      write(async (trx) => {
        if ((await unfinished(trx, input.organizationId)) >= unfinishedMax) return undefined
        return createIn(trx, input, actor, clock.now())
      }),

    countUnfinishedJobs: (organizationId) => unfinished(db, organizationId),

    async findJob(organizationId, jobId) {
      const row = await db
        .selectFrom('jobs')
        .selectAll()
        .where('id', '=', jobId)
        .where('organization_id', '=', organizationId)
        .executeTakeFirst()
      return row && toJob(row)
    },

    async listJobs(organizationId, { type, status } = {}, page = {}) {
      let newestFirst = db.selectFrom('jobs').where('organization_id', '=', organizationId).orderBy('id', 'desc')
      if (page.before !== undefined) newestFirst = newestFirst.where('id', '<', page.before)
      const isFiltered = type !== undefined || status !== undefined
      const end = isFiltered ? await lastLookedAt(newestFirst.select('id'), page, jobsLookedAtMax) : undefined
      let query = newestFirst.select(listed).limit(pageLimit(page))
      if (end !== undefined) query = query.where('id', '>=', end.id)
      if (type !== undefined) query = query.where('type', '=', type)
      // Not as the column alone: the index on it knows nothing of organizations.
      if (status !== undefined)
        query = query.where(({ eb, ref }) => eb(sql`coalesce(${ref('status')}, '')`, '=', status))
      return foundOf(await query.execute(), pageLimit(page), end, (row) => toJob({ ...row, result: null }))
    },

    cancelJob: (organizationId, jobId, actor) =>
      write(async (trx) => {
        const row: JobRow | undefined = await trx
          .selectFrom('jobs')
          .selectAll()
          .where('id', '=', jobId)
          .where('organization_id', '=', organizationId)
          .executeTakeFirst()
        const cancelled = row && (await cancelIn(trx, row, clock.now()))
        if (!row || !cancelled) return row && toJob(row)
        const event = cancelled.status === 'cancelled' ? 'job.cancelled' : 'job.cancel_requested'
        const after = describeEnd(cancelled)
        await recordEvent(trx, { type: event, organizationId, target: jobId, after }, actor, clock.now())
        return toJob(cancelled)
      }),
  }
}

/** Without what can be long: parameters, checkpoint and result. */
const listed = [
  'id',
  'organization_id',
  'type',
  'status',
  'progress',
  'total',
  'created_by',
  'created_at',
  'started_at',
  'completed_at',
  'updated_at',
  'error_message',
  'output_parts',
  'output_bytes',
] as const
