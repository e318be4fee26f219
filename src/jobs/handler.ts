import type { z } from 'zod'
import type { ClaimedJob, DescribeStep, JobStep, KeyChange } from '../store/jobs-store.ts'
import type { Metadata } from '../store/store.ts'

/** How jobs of one type are done. One file each. */
export interface JobHandler {
  /** Goes on where `run.checkpoint` left off. @throws JobFailed for what the one who ordered it must know. */
  run(run: JobRun): Promise<void>
  /** What is told of the work done until then, also of a job that failed or was cancelled. */
  result(checkpoint: Metadata): Metadata
}

/** One turn at a job: from a claim to its end, or to the loss of the lease. */
export interface JobRun {
  readonly job: ClaimedJob
  readonly checkpoint: Metadata | null
  /** Aborted when the job is cancelled, its lease is lost or the process ends. */
  readonly signal: AbortSignal
  /**
   * Makes the changes and keeps what `describe` says of their outcomes, in one transaction; then lets others have the store
   * for as long as it took.
   * @throws JobStopped when the job shall go no further: steps are the places where it can end.
   */
  step(changes: readonly KeyChange[], describe: DescribeStep): Promise<void>
}

/** The same for one type, whose parameters and checkpoints have a shape. */
export interface TypedRun<P, C> extends Omit<JobRun, 'checkpoint' | 'step'> {
  readonly params: P
  readonly checkpoint: C
  step(changes: readonly KeyChange[], describe: (...input: Parameters<DescribeStep>) => TypedStep<C>): Promise<void>
}

export type TypedStep<C> = Omit<JobStep, 'checkpoint'> & { readonly checkpoint: C }

/** Something that the one who ordered the job can understand and mend. The message is shown. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed'
}

/** The job goes no further here. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped'
  readonly why: 'cancelled' | 'forbidden' | 'lost' | 'closing'
  constructor(why: JobStopped['why']) {
    super(`the job was ${why}`)
    this.why = why
  }
}

export interface HandlerParts<P, C extends Metadata> {
  readonly params: z.ZodType<P>
  readonly checkpoint: z.ZodType<C>
  /** Where a job that nobody has begun stands. */
  readonly start: C
  readonly run: (run: TypedRun<P, C>) => Promise<void>
  readonly result: (checkpoint: C) => Metadata
}

/** What comes back from the store is parsed once, here. */
export function jobHandler<P, C extends Metadata>(parts: HandlerParts<P, C>): JobHandler {
  const checkpointOf = (saved: Metadata | null): C => (saved === null ? parts.start : parts.checkpoint.parse(saved))
  return {
    run: (run) =>
      parts.run({ ...run, params: parts.params.parse(run.job.params), checkpoint: checkpointOf(run.checkpoint) }),
    result: (checkpoint) => parts.result(parts.checkpoint.parse(checkpoint)),
  }
}
