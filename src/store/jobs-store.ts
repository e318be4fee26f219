import type { Actor, Found, Metadata, Role, Search } from './basics.ts'
import type { ApiKey, NewKey, NewSecret } from './objects.ts'

/**
 * Long-running work as the store keeps it: what is to be done, how far it is, and who does it. Nothing in it is a secret.
 *
 * Whoever runs a job holds a lease on it. Progress, output and the changes of one step are one transaction that checks the
 * lease: a step is done once or not at all, however often its runner dies or is taken for dead.
 */
export interface JobsStore {
  /** A part of what a job that is about to be created works on. Parts whose job never comes are pruned. */
  putJobInput(jobId: string, seq: number, data: string): Promise<void>
  /** @returns undefined when the organization has `unfinishedMax` jobs that are not finished. */
  createJob(input: NewJob, unfinishedMax: number, actor: Actor): Promise<Job | undefined>
  /** Jobs that are neither completed nor failed nor cancelled. */
  countUnfinishedJobs(organizationId: string): Promise<number>
  findJob(organizationId: string, jobId: string): Promise<Job | undefined>
  /** Newest first, without results. With a filter a bounded number is looked at. */
  listJobs(organizationId: string, filter?: JobFilter, page?: Search): Promise<Found<Job>>
  /** One that waits is cancelled at once, one that runs at the end of its step; a finished one stays as it is. */
  cancelJob(organizationId: string, jobId: string, actor: Actor): Promise<Job | undefined>

  /**
   * The oldest job that waits, or whose lease has run out. One at a time in each organization, `runningMax` in all: jobs take
   * turns on one store, however many nodes there are.
   * @param options.jobId for one who wants to do this job alone, whatever waits before it.
   */
  claimJob(options: {
    readonly leaseMs: number
    readonly runningMax: number
    readonly jobId?: string
  }): Promise<ClaimedJob | undefined>
  /** Prolongs the lease. */
  beatJob(lease: JobLease, terms: JobTerms): Promise<JobHold>
  /**
   * Makes the changes, and keeps what `describe` says about their outcomes, which are in the order of the changes. Nothing of
   * it happens when the lease is lost, or whoever ordered the job may no longer.
   */
  saveJobStep(lease: JobLease, terms: JobTerms, changes: readonly KeyChange[], describe: DescribeStep): Promise<JobHold>
  /** Gives the lease back, for somebody else to go on at once. */
  releaseJob(lease: JobLease): Promise<void>
  /** @returns false when the lease is lost. */
  finishJob(lease: JobLease, end: JobEnd): Promise<boolean>

  jobInput(jobId: string, seq: number): Promise<string | undefined>
  jobOutput(jobId: string, seq: number): Promise<string | undefined>
  /** Deletes at most `limit` parts and as many jobs that nobody needs any more. @returns how many went. */
  pruneJobs(limits: JobRetention, limit: number): Promise<number>
}

export const jobTypes = [
  'key_import',
  'key_export',
  'bulk_revoke',
  'bulk_rotate',
  'secret_rotation',
  'request_export',
] as const
export type JobType = (typeof jobTypes)[number]

export const jobStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const
export type JobStatus = (typeof jobStatuses)[number]

export interface JobFilter {
  readonly type?: JobType
  readonly status?: JobStatus
}

export interface Job {
  /** `job_…` */
  readonly id: string
  readonly organizationId: string
  readonly type: JobType
  readonly status: JobStatus
  /** Lines, keys or rows that are dealt with. */
  readonly progress: number
  /** Null as long as nobody has counted. */
  readonly total: number | null
  readonly result: Metadata | null
  readonly errorMessage: string | null
  readonly createdBy: string | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly completedAt: number | null
  readonly updatedAt: number
  /** How many parts of output there are. */
  readonly outputParts: number
  readonly outputBytes: number
}

export interface NewJob {
  readonly id: string
  readonly organizationId: string
  readonly type: JobType
  /** What its runner needs to know, and the audit trail may. */
  readonly params: Metadata
  readonly total: number | null
}

export interface ClaimedJob extends Job {
  readonly lease: JobLease
  readonly params: Metadata
  /** As the last step left it. */
  readonly checkpoint: Metadata | null
  /** Who created it: its changes are theirs. */
  readonly actor: Actor
  readonly cancelRequested: boolean
  /** How often in a row a runner was lost without a step. */
  readonly lost: number
}

export interface JobLease {
  readonly jobId: string
  /** Of this claim alone. */
  readonly token: string
}

export interface JobTerms {
  readonly leaseMs: number
  readonly needs: JobNeeds
}

/** The least role, in its organization, of an operator whose job may go on; null: any. */
export type JobNeeds = Role | 'root' | null

/**
 * What the holder of a lease finds out: its own still, its own but somebody wants it cancelled, its own but whoever ordered it
 * has lost the role, no longer its own.
 */
export type JobHold = 'held' | 'cancelling' | 'forbidden' | 'lost'

export type DescribeStep = (outcomes: readonly KeyOutcome[]) => JobStep

export interface JobStep {
  readonly progress: number
  /** Left out: as it was. */
  readonly total?: number
  readonly checkpoint: Metadata
  /** Goes behind the output that is there. */
  readonly output?: string
}

export type KeyChange =
  | { readonly kind: 'create'; readonly key: NewKey }
  | { readonly kind: 'revoke'; readonly organizationId: string; readonly keyId: string; readonly reason: string | null }
  | {
      readonly kind: 'rotate'
      readonly organizationId: string
      readonly keyId: string
      readonly secret: NewSecret
      readonly graceEndsAt: number | null
    }

export type KeyOutcome =
  | { readonly kind: 'done'; readonly key: ApiKey }
  /** A key of the same organization has this secret already. */
  | { readonly kind: 'present'; readonly keyId: string }
  /** The secret is or was somebody else's. */
  | { readonly kind: 'taken' }
  /** Something that the new key names is not there. */
  | { readonly kind: 'missing'; readonly field: string }
  | { readonly kind: 'conflict'; readonly field: string }
  /** The key is gone, not active any more, or the platform's own. */
  | { readonly kind: 'skipped' }

export interface JobEnd {
  readonly status: Extract<JobStatus, 'completed' | 'failed' | 'cancelled'>
  readonly result: Metadata | null
  readonly errorMessage: string | null
}

export interface JobRetention {
  /** Output of jobs that finished before. */
  readonly outputBefore: number
  /** Jobs that finished before. */
  readonly jobsBefore: number
  /** Input that came before and whose job is not there. */
  readonly orphansBefore: number
}
