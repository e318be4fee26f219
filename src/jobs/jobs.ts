import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { newId } from '../ids.ts'
import { keyRules } from '../keys/create.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { Reencrypted, ReencryptOptions } from '../keys/reencrypt.ts'
import type { Job, JobType } from '../store/jobs-store.ts'
import type { Actor, ApiKey, Metadata, RequestRow, Store } from '../store/store.ts'
import { bulkRevoke } from './bulk-revoke.ts'
import { bulkRotate } from './bulk-rotate.ts'
import type { JobHandler } from './handler.ts'
import { keyExport } from './key-export.ts'
import { keyImport } from './key-import.ts'
import { type ImportFormat, readImport } from './key-import-text.ts'
import { requestExport } from './request-export.ts'
import { startJobs } from './runner.ts'
import { secretRotation } from './secret-rotation.ts'

export interface Jobs {
  /**
   * Call `wake` when it is committed.
   * @param store the one of the transaction that it belongs to.
   * @returns undefined when too many jobs of the organization wait already.
   */
  order(order: JobOrder, store: Pick<Store, 'createJob'>): Promise<Job | undefined>
  /**
   * Reads the text of an import and keeps it, without any raw key, for an order.
   * @returns undefined as above.
   * @throws ImportRefused when the text as a whole can't be used.
   */
  putImport(organizationId: string, text: string, format: ImportFormat): Promise<JobInput | undefined>
  /** Something about a job has changed: a new one starts, a cancellation is seen sooner. */
  wake(): void
  /** Gives running jobs back at their next step. */
  close(): Promise<void>
}

export interface JobOrder {
  readonly organizationId: string
  readonly type: JobType
  readonly params: Metadata
  readonly actor: Actor
  /** What it works on, where that was put first. */
  readonly input?: JobInput
}

/** Kept under the id of the job that is to come. */
export interface JobInput {
  readonly jobId: string
  readonly lines: number
}

export interface JobsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly events: Pick<Events, 'fault'>
  readonly config: () => Config
  readonly formats: () => KeyFormats
  readonly reencrypt: (options: ReencryptOptions) => Promise<Reencrypted>
  readonly keyRecord: (key: ApiKey) => Readonly<Record<string, unknown>>
  readonly requestRecord: (row: RequestRow) => Readonly<Record<string, unknown>>
  readonly leaseMs?: number
  readonly pollMs?: number
}

/** Long-running work: orders are kept in the store, and done here or by whatever other node gets at them first. */
export function createJobs({ leaseMs, pollMs, ...options }: JobsOptions): Jobs {
  const { store, clock, events, formats } = options
  const runner = startJobs({
    store,
    clock,
    events,
    handlers: handlersOf(options),
    ...(leaseMs !== undefined && { leaseMs }),
    ...(pollMs !== undefined && { pollMs }),
  })

  return {
    async order({ actor, input, ...order }, store) {
      const job = { ...order, id: input?.jobId ?? newId('job', clock.now()), total: input?.lines ?? null }
      return store.createJob(job, unfinishedMax, actor)
    },
    async putImport(organizationId, text, format) {
      // Asked before the work as well as in the transaction of the new job.
      if ((await store.countUnfinishedJobs(organizationId)) >= unfinishedMax) return undefined
      const jobId = newId('job', clock.now())
      let lines = 0
      let parts = 0
      for await (const some of readImport(text, format, formats())) {
        await store.putJobInput(jobId, parts++, JSON.stringify(some))
        lines += some.length
      }
      return { jobId, lines }
    },
    wake: runner.wake,
    close: runner.close,
  }
}

function handlersOf({
  store,
  clock,
  config,
  formats,
  ...options
}: Omit<JobsOptions, 'leaseMs' | 'pollMs'>): Record<JobType, JobHandler> {
  const generate = () => {
    const { reveal } = config().keys
    return reveal ? (environment: string | null) => formats().generate(environment) : undefined
  }
  const environments = () => config().keys.environments
  const rules = () => keyRules(config())
  const prefixes = () => keyPrefixes(config())
  return {
    key_import: keyImport({ store, clock, rules, prefixes, generate }),
    key_export: keyExport({ store, record: options.keyRecord }),
    bulk_revoke: bulkRevoke(store),
    bulk_rotate: bulkRotate({ store, clock, environments, generate }),
    secret_rotation: secretRotation(options.reencrypt),
    request_export: requestExport({ store, record: options.requestRecord }),
  }
}

/** What the keys start with that are worth a look-up. */
function keyPrefixes({ keys: { prefix, environments, accept } }: Pick<Config, 'keys'>): string[] {
  const own = environments.length === 0 ? [`${prefix}_`] : environments.map((name) => `${prefix}_${name}_`)
  return [...own, ...accept.map((format) => format.prefix)]
}

/** In one organization. */
const unfinishedMax = 20
