import type { JobsStore } from '../jobs-store.ts'
import type { SqlEngine } from './engine.ts'
import { recordEvent } from './events.ts'
import { jobPartMethods } from './job-parts.ts'
import { cancelIn, createIn, describeEnd, type JobRow, toJob, unfinished } from './job-record.ts'
import { jobRunMethods } from './job-runs.ts'
import { pageLimit } from './page.ts'

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

    async listJobs(organizationId, page = {}) {
      let query = db
        .selectFrom('jobs')
        .select(listed)
        .where('organization_id', '=', organizationId)
        .orderBy('id', 'desc')
        .limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map((row) => toJob({ ...row, result: null }))
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
