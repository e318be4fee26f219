import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { newId } from '../../src/ids.ts'
import { type JobHandler, jobHandler, type TypedRun } from '../../src/jobs/handler.ts'
import { type JobRunner, type RunnerOptions, startJobs } from '../../src/jobs/runner.ts'
import { type Job, jobTypes } from '../../src/store/jobs-store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Organization, Store } from '../../src/store/store.ts'
import { type TestClock, testClock } from './clock.ts'
import { eventually } from './eventually.ts'
import { testActor } from './gateway.ts'

export type CountingRun = TypedRun<unknown, { at: number }>

/** A store and any number of runners on it, whose jobs all do what the test says. */
export interface JobBench extends AsyncDisposable {
  readonly store: Store
  readonly clock: TestClock
  readonly faults: readonly unknown[]
  order(organization?: Organization): Promise<Job>
  organization(): Promise<Organization>
  /** A node of its own, with the store wrapped where the test wants it. */
  runner(work: (run: CountingRun) => Promise<void>, options?: Partial<RunnerOptions>): JobRunner
  /** The job when it has this status. */
  until(job: Job, status: Job['status']): Promise<Job>
}

export async function openJobBench(): Promise<JobBench> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-jobs-'))
  const clock = testClock()
  const store = await openSqliteStore(join(folder, 'store.db'), { clock })
  const first = await store.createOrganization({ name: 'Acme' }, testActor)
  const runners: JobRunner[] = []
  const faults: unknown[] = []
  return {
    store,
    clock,
    faults,
    organization: () => store.createOrganization({ name: 'Another' }, testActor),
    async order({ id: organizationId } = first) {
      const job = {
        id: newId('job', clock.now()),
        organizationId,
        type: 'key_export',
        params: {},
        total: null,
      } as const
      const created = await store.createJob(job, 20, testActor)
      if (!created) throw new Error('the queue is full')
      return created
    },
    runner(work, options = {}) {
      const handler: JobHandler = jobHandler({
        params: z.unknown(),
        checkpoint: z.object({ at: z.number() }),
        start: { at: 0 },
        run: work,
        result: ({ at }) => ({ at }),
      })
      const handlers = Object.fromEntries(jobTypes.map((type) => [type, handler])) as RunnerOptions['handlers']
      const events = { fault: (_where: string, error: unknown) => void faults.push(error) }
      const runner = startJobs({ store, handlers, clock, events, leaseMs: 600, pollMs: 10, ...options })
      runners.push(runner)
      return runner
    },
    until: ({ id, organizationId }, status) =>
      eventually(`${id} to be ${status}`, async () => {
        const job = await store.findJob(organizationId, id)
        return job?.status === status && job
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(runners.map((runner) => runner.close()))
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}
