import { randomUUID } from 'node:crypto'
import type { ClaimedJob, JobHold, JobLease, JobsStore } from '../jobs-store.ts'
import type { Actor } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { changeKey } from './job-changes.ts'
import { partId } from './job-parts.ts'
import { describeEnd, type JobRow, toJob } from './job-record.ts'
import { mayGoOn } from './job-rights.ts'

export type JobRunMethods = Pick<JobsStore, 'claimJob' | 'beatJob' | 'saveJobStep' | 'releaseJob' | 'finishJob'>

/** Jobs as those see them who do them. */
export function jobRunMethods({ db, write, clock }: SqlEngine): JobRunMethods {
  const waiting = (reader: typeof db, now: number, jobId: string | undefined) =>
    reader
      .selectFrom('jobs')
      .orderBy('id')
      .limit(1)
      .where((eb) =>
        eb.or([
          eb('status', '=', 'pending'),
          eb.and([
            eb('status', '=', 'running'),
            eb.or([eb('lease_ends_at', 'is', null), eb('lease_ends_at', '<=', now)]),
          ]),
        ]),
      )
      .$if(jobId !== undefined, (query) => query.where('id', '=', jobId ?? ''))

  return {
    async claimJob({ leaseMs, runningMax, jobId }) {
      // First without the lock: most of the time there is nothing to do.
      if (!(await waiting(db, clock.now(), jobId).select('id').executeTakeFirst())) return undefined
      return write(async (trx) => {
        const now = clock.now()
        const running = await trx
          .selectFrom('jobs')
          .select('organization_id')
          .where('status', '=', 'running')
          .where('lease_ends_at', '>', now)
          .execute()
        if (running.length >= runningMax) return undefined
        const busy = running.map(({ organization_id }) => organization_id)
        let query = waiting(trx, now, jobId).selectAll()
        if (busy.length > 0) query = query.where('organization_id', 'not in', busy)
        const row = await query.executeTakeFirst()
        return row && claim(trx, row, leaseMs, now)
      })
    },

    async beatJob(lease, { leaseMs, needs }) {
      return write(async (trx) => {
        const row = await heldRow(trx, lease)
        if (!row) return 'lost'
        const ends = { lease_ends_at: clock.now() + leaseMs }
        await trx.updateTable('jobs').set(ends).where('id', '=', row.id).execute()
        return (await mayGoOn(trx, row, needs)) ? holdOf(row) : 'forbidden'
      })
    },

    saveJobStep: (lease, { leaseMs, needs }, changes, describe) =>
      write(async (trx) => {
        const row = await heldRow(trx, lease)
        if (!row) return 'lost'
        if (!(await mayGoOn(trx, row, needs))) return 'forbidden'
        const now = clock.now()
        const outcomes = []
        for (const change of changes) outcomes.push(await changeKey(trx, change, actorOf(row), now))
        const { progress, total, checkpoint, output = '' } = describe(outcomes)
        if (output !== '') {
          const id = partId(row.id, 'output', row.output_parts)
          const part = { id, job_id: row.id, kind: 'output', created_at: now, data: output }
          await trx.insertInto('job_parts').values(part).execute()
        }
        await trx
          .updateTable('jobs')
          .set({
            progress,
            ...(total !== undefined && { total }),
            checkpoint: JSON.stringify(checkpoint),
            output_parts: row.output_parts + (output === '' ? 0 : 1),
            output_bytes: row.output_bytes + Buffer.byteLength(output),
            lease_ends_at: now + leaseMs,
            lost: 0,
            updated_at: now,
          })
          .where('id', '=', row.id)
          .execute()
        return holdOf(row)
      }),

    async releaseJob({ jobId, token }) {
      await db
        .updateTable('jobs')
        .set({ lease_token: null, lease_ends_at: null })
        .where('id', '=', jobId)
        .where('lease_token', '=', token)
        .execute()
    },

    finishJob: (lease, { status, result, errorMessage }) =>
      write(async (trx) => {
        const row = await heldRow(trx, lease)
        if (!row) return false
        const now = clock.now()
        const end = {
          status,
          result: result && JSON.stringify(result),
          error_message: errorMessage,
          // A finished job has done all there was, however much was expected.
          total: status === 'completed' ? row.progress : row.total,
          completed_at: now,
          updated_at: now,
          checkpoint: null,
          lease_token: null,
          lease_ends_at: null,
        }
        await trx.updateTable('jobs').set(end).where('id', '=', row.id).execute()
        const after = describeEnd({ ...row, ...end })
        const event = { type: `job.${status}` as const, organizationId: row.organization_id, target: row.id, after }
        await recordEvent(trx, event, actorOf(row), now)
        return true
      }),
  }
}

async function claim(trx: Writer, row: JobRow, leaseMs: number, now: number): Promise<ClaimedJob> {
  const token = randomUUID()
  const claimed = {
    ...row,
    status: 'running',
    started_at: row.started_at ?? now,
    updated_at: now,
    lease_token: token,
    lease_ends_at: now + leaseMs,
    // One that gave its lease back has left no token.
    lost: row.lease_token === null ? row.lost : row.lost + 1,
  }
  const { status, started_at, updated_at, lease_token, lease_ends_at, lost } = claimed
  await trx
    .updateTable('jobs')
    .set({ status, started_at, updated_at, lease_token, lease_ends_at, lost })
    .where('id', '=', row.id)
    .execute()
  return {
    ...toJob(claimed),
    lease: { jobId: row.id, token },
    params: JSON.parse(row.params),
    checkpoint: row.checkpoint === null ? null : JSON.parse(row.checkpoint),
    actor: actorOf(row),
    cancelRequested: row.cancel_requested === 1,
    lost,
  }
}

const heldRow = (trx: Writer, { jobId, token }: JobLease): Promise<JobRow | undefined> =>
  trx
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', jobId)
    .where('lease_token', '=', token)
    .where('status', '=', 'running')
    .executeTakeFirst()

const holdOf = (row: JobRow): JobHold => (row.cancel_requested === 1 ? 'cancelling' : 'held')

const actorOf = (row: JobRow): Actor => ({
  type: row.actor_type as Actor['type'],
  id: row.created_by,
  ...(row.request_id !== null && { requestId: row.request_id }),
})
