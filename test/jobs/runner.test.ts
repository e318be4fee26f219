import { describe, expect, it } from 'vitest'
import { JobFailed } from '../../src/jobs/handler.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { type CountingRun, openJobBench } from '../helpers/job-runner.ts'

/** Counts to ten in steps, and tells of each. */
const count =
  (seen: number[] = [], to = 10) =>
  async ({ checkpoint, step }: CountingRun): Promise<void> => {
    for (let at = checkpoint.at + 1; at <= to; at++) {
      await step([], () => ({ progress: at, checkpoint: { at } }))
      seen.push(at)
    }
  }

describe('the runner', () => {
  it('does jobs to their end, also those that were there before it', async () => {
    await using bench = await openJobBench()
    const before = await bench.order()
    bench.runner(count())
    const after = await bench.order()
    for (const job of [before, after]) {
      expect(await bench.until(job, 'completed')).toMatchObject({ progress: 10, total: 10, result: { at: 10 } })
    }
  })

  it('begins at once when woken, without waiting for its next look', async () => {
    await using bench = await openJobBench()
    const runner = bench.runner(count(), { pollMs: 3_600_000 })
    const job = await bench.order()
    runner.wake()
    await bench.until(job, 'completed')
  })

  it('runs two jobs at a time over all runners, and one of an organization', async () => {
    await using bench = await openJobBench()
    let running = 0
    let most = 0
    const perOrganization = new Set<string>()
    const work = async (run: CountingRun): Promise<void> => {
      const { organizationId } = run.job
      expect(perOrganization.has(organizationId)).toBe(false)
      perOrganization.add(organizationId)
      most = Math.max(most, ++running)
      await count()(run)
      running--
      perOrganization.delete(organizationId)
    }
    const jobs = []
    for (let made = 0; made < 4; made++) {
      const organization = await bench.organization()
      jobs.push(await bench.order(organization), await bench.order(organization))
    }
    bench.runner(work)
    bench.runner(work)
    for (const job of jobs) await bench.until(job, 'completed')
    expect(most).toBe(2)
  })

  it('cancels a running job at its next step, and tells what was done', async () => {
    await using bench = await openJobBench()
    const seen: number[] = []
    const go = Promise.withResolvers<void>()
    const runner = bench.runner(async (run) => {
      await count(seen, 3)(run)
      await go.promise
      await run.step([], () => ({ progress: 4, checkpoint: { at: 4 } }))
      seen.push(4)
    })
    const job = await bench.order()
    await eventually('three steps', () => seen.length === 3)
    await bench.store.cancelJob(job.organizationId, job.id, testActor)
    runner.wake()
    go.resolve()
    expect(await bench.until(job, 'cancelled')).toMatchObject({ result: { at: 4 } })
    expect(seen).toEqual([1, 2, 3])
  })

  it('aborts the signal of a cancelled job within one heartbeat', async () => {
    await using bench = await openJobBench()
    bench.runner(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    const job = await bench.order()
    await bench.until(job, 'running')
    await bench.store.cancelJob(job.organizationId, job.id, testActor)
    await bench.until(job, 'cancelled')
  })

  it('gives its jobs back when it closes, and the next runner goes on where they were', async () => {
    await using bench = await openJobBench()
    const seen: number[] = []
    const first = bench.runner(async (run) => {
      await count(seen, 5)(run)
      await new Promise((_, reject) => run.signal.addEventListener('abort', () => reject(run.signal.reason)))
    })
    const job = await bench.order()
    await eventually('five steps', () => seen.length === 5)
    await first.close()
    // The clock stands still: no lease runs out.
    bench.runner(count(seen))
    await bench.until(job, 'completed')
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('takes over from a runner that is not heard of, which then changes nothing any more', async () => {
    await using bench = await openJobBench()
    const steps: number[] = []
    const hung = Promise.withResolvers<void>()
    let stopped: unknown
    // The first one is cut off: its heartbeats do not arrive, nor does it hear of further jobs.
    const mute = {
      ...bench.store,
      beatJob: () => new Promise<never>(() => {}),
      claimJob: async (options: Parameters<typeof bench.store.claimJob>[0]) =>
        steps.length > 0 ? undefined : bench.store.claimJob(options),
    }
    const first = bench.runner(
      async (run) => {
        await count(steps, 4)(run)
        await hung.promise
        stopped = await run.step([], () => ({ progress: 99, checkpoint: { at: 99 } })).catch((error: unknown) => error)
        throw stopped
      },
      { store: mute },
    )
    const job = await bench.order()
    await eventually('four steps', () => steps.length === 4)
    bench.clock.advance(601)
    bench.runner(count(steps))
    expect(await bench.until(job, 'completed')).toMatchObject({ progress: 10 })
    hung.resolve()
    await eventually('the first runner to find out', () => stopped)
    await first.close()
    expect(stopped).toMatchObject({ name: 'JobStopped', why: 'lost' })
    expect(await bench.store.findJob(job.organizationId, job.id)).toMatchObject({ status: 'completed', progress: 10 })
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('tells the reason of a failure that the caller can mend, and none of a fault of ours', async () => {
    await using bench = await openJobBench()
    const errors = [new JobFailed('Turn it on.'), new Error('secret detail')]
    bench.runner(async (run) => {
      await count([], 2)(run)
      throw errors.shift()
    })
    const [mendable, fault] = [await bench.order(), await bench.order()]
    expect(await bench.until(mendable, 'failed')).toMatchObject({ errorMessage: 'Turn it on.', result: { at: 2 } })
    const { errorMessage } = await bench.until(fault, 'failed')
    expect(errorMessage).toBe(`Something went wrong on our side. Quote ${fault.id} when you report it.`)
    expect(bench.faults).toMatchObject([{ message: 'secret detail' }])
  })

  it('goes on when the store answers again', async () => {
    await using bench = await openJobBench()
    let down = true
    const steps: number[] = []
    const failing = {
      ...bench.store,
      saveJobStep: (...input: Parameters<typeof bench.store.saveJobStep>) => {
        if (down && steps.length === 3) return Promise.reject(new StoreUnavailable('down'))
        return bench.store.saveJobStep(...input)
      },
    }
    bench.runner(count(steps), { store: failing })
    const job = await bench.order()
    await eventually('the step that fails', () => bench.faults.length === 1)
    down = false
    bench.clock.advance(601)
    await bench.until(job, 'completed')
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('gives up a job that has ended its process five times without a step', async () => {
    await using bench = await openJobBench()
    const job = await bench.order()
    for (let lost = 0; lost < 5; lost++) {
      // As a process that dies leaves it.
      expect(await bench.store.claimJob({ leaseMs: 600, runningMax: 2 })).toMatchObject({ lost })
      bench.clock.advance(601)
    }
    let begun = false
    bench.runner(async () => {
      begun = true
    })
    expect((await bench.until(job, 'failed')).errorMessage).toContain('5 times')
    expect(begun).toBe(false)
  })

  it('deletes output after seven days, and jobs after thirty', async () => {
    await using bench = await openJobBench()
    bench.runner(async ({ step }) => step([], () => ({ progress: 1, checkpoint: { at: 1 }, output: 'x' })), {
      pruneEveryMs: 0,
    })
    const job = await bench.order()
    await bench.until(job, 'completed')
    bench.clock.advance(7 * 86_400_000 - 1)
    expect(await bench.store.jobOutput(job.id, 0)).toBe('x')
    bench.clock.advance(2)
    await eventually('the output to go', async () => (await bench.store.jobOutput(job.id, 0)) === undefined)
    expect(await bench.store.findJob(job.organizationId, job.id)).toBeDefined()
    bench.clock.advance(23 * 86_400_000)
    await eventually('the job to go', async () => !(await bench.store.findJob(job.organizationId, job.id)))
  })
})
