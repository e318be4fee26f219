import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { ClaimedJob, JobEnd, JobHold, JobsStore } from '../store/jobs-store.ts'
import { type Metadata, StoreUnavailable } from '../store/store.ts'
import { JobFailed, type JobHandler, type JobRun, JobStopped } from './handler.ts'
import { neededRole } from './needed-role.ts'

export interface RunJobOptions {
  readonly store: Pick<JobsStore, 'beatJob' | 'saveJobStep' | 'releaseJob' | 'finishJob'>
  readonly handler: JobHandler
  readonly clock: Pick<Clock, 'monotonic'>
  readonly events: Pick<Events, 'fault'>
  readonly leaseMs: number
  /** Aborted when the process is about to end. */
  readonly closing: AbortSignal
}

/**
 * One turn at a job. Its end is written down here whatever it is; only when the lease is lost, or the store does not answer,
 * nothing is: then somebody else has the job, or will.
 */
export async function runJob(job: ClaimedJob, options: RunJobOptions): Promise<void> {
  const { store, handler, events, leaseMs, closing } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, closing])
  const terms = { leaseMs, needs: neededRole(job) }
  let checkpoint = job.checkpoint

  const obey = (hold: JobHold): void => {
    if (hold === 'held') return
    stop.abort(new JobStopped(hold === 'cancelling' ? 'cancelled' : hold))
  }
  const heartbeat = setInterval(() => {
    // A store that does not answer costs the lease, which the next step finds out.
    store.beatJob(job.lease, terms).then(obey, () => undefined)
  }, leaseMs / 3)
  heartbeat.unref()

  const step: JobRun['step'] = async (changes, describe) => {
    throwIfStopped(signal)
    const startedAt = options.clock.monotonic()
    const hold = await store.saveJobStep(job.lease, terms, changes, (outcomes) => {
      const saved = describe(outcomes)
      checkpoint = saved.checkpoint
      return saved
    })
    obey(hold)
    throwIfStopped(signal)
    await rest(options.clock.monotonic() - startedAt, signal)
  }
  const result = (): Metadata | null => (checkpoint === null ? null : handler.result(checkpoint))
  const finish = async (status: JobEnd['status'], errorMessage: string | null = null): Promise<void> => {
    await store.finishJob(job.lease, { status, result: result(), errorMessage })
  }

  try {
    if (job.cancelRequested) return await finish('cancelled')
    if (job.lost >= lostMax) return await finish('failed', lostTooOften)
    await handler.run({ job, checkpoint, signal, step })
    await finish('completed')
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error
    if (reason instanceof JobStopped) {
      if (reason.why === 'cancelled') await finish('cancelled')
      if (reason.why === 'forbidden') await finish('failed', roleLost)
      if (reason.why === 'closing') await store.releaseJob(job.lease)
    } else if (error instanceof StoreUnavailable) {
      // The lease runs out, and whoever takes it goes on from the last step.
      events.fault(`job ${job.type}`, error)
    } else if (error instanceof JobFailed) {
      await finish('failed', error.message)
    } else {
      events.fault(`job ${job.type}`, error)
      await finish('failed', `Something went wrong on our side. Quote ${job.id} when you report it.`)
    }
  } finally {
    clearInterval(heartbeat)
  }
}

/** Leaves the store to others for as long as it was taken. */
async function rest(forMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(forMs, restMaxMs))
    signal.addEventListener('abort', end)
  })
  throwIfStopped(signal)
}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason
}

/** A job that ends its process each time must not do so for ever. */
const lostMax = 5
const lostTooOften = `It was given up: the process that ran it ended ${lostMax} times without getting any further.`
const roleLost =
  'Whoever ordered it has lost the role that it takes. What is done stays done; somebody with the role can order it again.'
const restMaxMs = 1000
