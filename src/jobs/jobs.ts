import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { newId } from '../ids.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { Reencrypted, ReencryptOptions } from '../keys/reencrypt.ts'
import type { Job, JobType } from '../store/jobs-store.ts'
import type { Actor, ApiKey, Metadata, RequestRow, Store } from '../store/store.ts'
import { bulkRevoke } from './bulk-revoke.ts'
import { bulkRotate } from './bulk-rotate.ts'
import type { JobHandler } from './handler.ts'
import { keyExport } from './key-export.ts'
import { keyImport } from './key-import.ts'
import { keyImportParts, putImportText } from './key-import-parts.ts'
import type { ImportFormat } from './key-import-text.ts'
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
      return { jobId, lines: await putImportText(store, jobId, { text, format, formats: formats() }) }
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
  const importing = keyImportParts({ store, clock, config, formats })
  const environments = () => config().keys.environments
  return {
    key_import: keyImport(importing),
    key_export: keyExport({ store, record: options.keyRecord }),
    bulk_revoke: bulkRevoke(store),
    bulk_rotate: bulkRotate({ store, clock, environments, generate: importing.generate }),
    secret_rotation: secretRotation(options.reencrypt),
    request_export: requestExport({ store, record: options.requestRecord }),
  }
}

/** In one organization. */
export const unfinishedMax = 20
