import type { JobsStore } from '../jobs-store.ts'
import type { Reader, SqlEngine } from './engine.ts'

export type JobPartMethods = Pick<JobsStore, 'putJobInput' | 'jobInput' | 'jobOutput' | 'pruneJobs'>

/** What jobs work on and what they give, in parts that fit in memory. */
export function jobPartMethods({ db, clock }: SqlEngine): JobPartMethods {
  return {
    async putJobInput(jobId, seq, data) {
      await db
        .insertInto('job_parts')
        .values({ id: partId(jobId, 'input', seq), job_id: jobId, kind: 'input', created_at: clock.now(), data })
        .execute()
    },
    jobInput: (jobId, seq) => partData(db, partId(jobId, 'input', seq)),
    jobOutput: (jobId, seq) => partData(db, partId(jobId, 'output', seq)),

    async pruneJobs({ outputBefore, jobsBefore, orphansBefore }, limit) {
      const parts = await db
        .deleteFrom('job_parts')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('job_parts as part')
            .leftJoin('jobs', 'jobs.id', 'part.job_id')
            .select('part.id')
            .where((e) =>
              e.or([
                e.and([e('jobs.id', 'is', null), e('part.created_at', '<', orphansBefore)]),
                e.and([e('part.kind', '=', 'input'), e('jobs.completed_at', 'is not', null)]),
                e('jobs.completed_at', '<', outputBefore),
              ]),
            )
            .limit(limit),
        )
        .executeTakeFirstOrThrow()
      const jobs = await db
        .deleteFrom('jobs')
        .where('id', 'in', (eb) =>
          eb.selectFrom('jobs as old').select('old.id').where('old.completed_at', '<', jobsBefore).limit(limit),
        )
        .executeTakeFirstOrThrow()
      return Number(parts.numDeletedRows) + Number(jobs.numDeletedRows)
    },
  }
}

export const partId = (jobId: string, kind: 'input' | 'output', seq: number): string => `${jobId}.${kind}.${seq}`

async function partData(db: Reader, id: string): Promise<string | undefined> {
  const row = await db.selectFrom('job_parts').select('data').where('id', '=', id).executeTakeFirst()
  return row?.data
}
