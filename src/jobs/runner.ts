import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { JobsStore, JobType } from '../store/jobs-store.ts'
import { type JobHandler, JobStopped } from './handler.ts'
import { runJob } from './run-job.ts'

export interface JobRunner {
  /** There may be something new to do. */
  wake(): void
  /** Ends each job at its next step and gives it back, for whoever comes next. */
  close(): Promise<void>
}

export interface RunnerOptions {
  readonly store: Pick<JobsStore, 'claimJob' | 'beatJob' | 'saveJobStep' | 'releaseJob' | 'finishJob' | 'pruneJobs'>
  readonly handlers: Readonly<Record<JobType, JobHandler>>
  readonly clock: Clock
  readonly events: Pick<Events, 'fault'>
  /** How long a job rests with a runner that is not heard of. */
  readonly leaseMs?: number
  /** Jobs at a time, over all nodes. */
  readonly runningMax?: number
  /** How often to look for jobs that others made, or left. */
  readonly pollMs?: number
  readonly pruneEveryMs?: number
}

/** Takes jobs from the store, oldest first, and does them. Any number of these may share a store. */
export function startJobs({
  leaseMs = 15_000,
  runningMax = 2,
  pollMs = 1000,
  pruneEveryMs = 60_000,
  ...options
}: RunnerOptions): JobRunner {
  const { store, clock, events } = options
  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  let woken = false
  let endPause = (): void => undefined
  let prunedAt = Number.NEGATIVE_INFINITY

  const wake = (): void => {
    woken = true
    endPause()
  }

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      timer.unref()
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
      // Woken between the last look and now.
      if (woken || closing.signal.aborted) endPause()
    })

  /** @returns whether a job was begun. */
  const begin = async (): Promise<boolean> => {
    if (running.size >= runningMax) return false
    const job = await store.claimJob({ leaseMs, runningMax })
    if (job === undefined) return false
    const handler = options.handlers[job.type]
    const turn = runJob(job, { ...options, handler, leaseMs, closing: closing.signal })
      // The end could not be written: the lease runs out, and the job is taken up again.
      .catch((error: unknown) => events.fault(`job ${job.type}`, error))
      .finally(() => {
        running.delete(turn)
        wake()
      })
    running.add(turn)
    return true
  }

  const prune = async (): Promise<void> => {
    if (clock.monotonic() - prunedAt < pruneEveryMs) return
    const now = clock.now()
    const limits = {
      outputBefore: now - outputKeptMs,
      jobsBefore: now - jobsKeptMs,
      orphansBefore: now - orphansKeptMs,
    }
    // What is left is for the next round.
    if ((await store.pruneJobs(limits, pruneMax)) < pruneMax) prunedAt = clock.monotonic()
  }

  const loop = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      woken = false
      try {
        if (await begin()) continue
        await prune()
      } catch (error) {
        events.fault('jobs', error)
      }
      await pause()
    }
  }

  const looping = loop()
  return {
    wake,
    async close() {
      closing.abort(new JobStopped('closing'))
      endPause()
      // Unless the store hangs: then leases run out.
      const deadline = Promise.withResolvers<void>()
      const timer = setTimeout(deadline.resolve, closeWithinMs)
      await Promise.race([looping.then(() => Promise.all(running)), deadline.promise])
      clearTimeout(timer)
    },
  }
}

/** How long what a job gave can be fetched. */
export const outputKeptMs = 7 * 86_400_000
const jobsKeptMs = 30 * 86_400_000
/** No upload takes so long. */
const orphansKeptMs = 3_600_000
const pruneMax = 20
const closeWithinMs = 5000
