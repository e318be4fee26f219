import { z } from 'zod'
import { exportFormat } from '../jobs/export.ts'
import { keyFilterFields } from '../jobs/key-filter.ts'
import { importColumns } from '../jobs/key-import-line.ts'
import { requestFilterFields } from '../jobs/request-export.ts'
import { outputKeptMs } from '../jobs/runner.ts'
import { gracePeriodSecondsMax } from '../keys/rotate.ts'
import type { Job } from '../store/jobs-store.ts'
import type { AccessRole } from './principal.ts'
import { optionalTime, organizationParams, reason, time } from './schemas.ts'

/** Shapes of jobs, as those order them and see them who use the API. */
export const jobParams = organizationParams.extend({ job_id: z.string() })

const format = exportFormat.optional().describe('jsonl, the default: one JSON object on each line.')
const everyKey = z.literal(true).optional().describe('Instead of a filter: every key of the organization.')

const keyFilter = { ...keyFilterFields, all: everyKey }
/** A filter that is left out by mistake must not mean everything. */
const someFilter = <T extends z.ZodObject>(shape: T) =>
  shape.refine((value) => Object.keys(keyFilter).some((name) => Reflect.get(value, name) !== undefined), {
    message: 'must name keys by status, environment, owner, q or ids; or say "all": true',
  })

const keyImport = z.strictObject({
  type: z.literal('key_import'),
  params: z.strictObject({
    format: z.enum(['jsonl', 'csv']),
    data: z
      .string()
      .min(1)
      .describe(
        `At most 100000 lines. Fields, or columns of the first line: ${importColumns.join(', ')}. ` +
          'With sha256 (hexadecimal or base64) and key_prefix, or with raw_key, callers keep the key that they have; ' +
          'raw keys are hashed on arrival and kept nowhere. Lists in CSV are separated by spaces, a rate limit is 100/1m.',
      ),
  }),
})
const keyExport = z.strictObject({
  type: z.literal('key_export'),
  params: z.strictObject({ ...keyFilterFields, format }).optional(),
})
const bulkRevoke = z.strictObject({
  type: z.literal('bulk_revoke'),
  params: someFilter(z.strictObject({ ...keyFilter, reason: reason.nullable().optional() })),
})
const bulkRotate = z.strictObject({
  type: z.literal('bulk_rotate'),
  params: someFilter(
    z.strictObject({
      ...keyFilter,
      grace_period_seconds: z
        .int()
        .min(0)
        .max(gracePeriodSecondsMax)
        .describe(
          'How long the secrets of now stay valid: long enough to fetch the new ones from the reveal endpoint.',
        ),
    }),
  ),
})
const secretRotation = z.strictObject({ type: z.literal('secret_rotation'), params: z.strictObject({}).optional() })
const requestExport = z.strictObject({
  type: z.literal('request_export'),
  params: z.strictObject({ ...requestFilterFields, format }).optional(),
})

export const jobOrder = z
  .discriminatedUnion('type', [keyImport, keyExport, bulkRevoke, bulkRotate, secretRotation, requestExport])
  .meta({ id: 'JobCreateRequest' })
export type JobOrderBody = z.output<typeof jobOrder>

const fields = {
  id: z.string(),
  organization_id: z.string(),
  project_id: z.string().nullable(),
  type: z.enum(['key_import', 'key_export', 'bulk_revoke', 'bulk_rotate', 'secret_rotation', 'request_export']),
  status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']),
  progress: z
    .int()
    .describe(
      'Lines, keys, secrets or rows that are dealt with. Those of secret_rotation are of the whole instance: root alone sees more than 0.',
    ),
  total: z.int().nullable().describe('Null as long as nobody has counted; of secret_rotation for root alone.'),
  created_by: z.string().nullable(),
  started_at: optionalTime,
  completed_at: optionalTime,
  error_message: z.string().nullable(),
  created_at: time,
  updated_at: time,
}

export const jobRecord = z.object(fields).meta({ id: 'JobRecord' })
export const jobResultRecord = z
  .object({
    ...fields,
    result: z
      .record(z.string(), z.json())
      .nullable()
      .describe(
        'Of a finished job: counts, and under output where everything can be fetched. Of secret_rotation for root alone.',
      ),
  })
  .meta({ id: 'JobResultRecord' })

/** @param role of whoever gets to see it. */
export function jobRecordOf(whole: Job, role: AccessRole): z.input<typeof jobRecord> {
  const job = seenBy(role, whole)
  return {
    id: job.id,
    organization_id: job.organizationId,
    // No job is about a single workspace.
    project_id: null,
    type: job.type,
    status: job.status,
    progress: job.progress,
    total: job.total,
    created_by: job.createdBy,
    started_at: isoTime(job.startedAt),
    completed_at: isoTime(job.completedAt),
    error_message: job.errorMessage,
    created_at: new Date(job.createdAt).toISOString(),
    updated_at: new Date(job.updatedAt).toISOString(),
  }
}

/** @param outputUrl where the output can be fetched. */
export function jobResultRecordOf(whole: Job, role: AccessRole, outputUrl: string): z.input<typeof jobResultRecord> {
  const record = jobRecordOf(whole, role)
  const job = seenBy(role, whole)
  if (job.result === null || job.completedAt === null) return { ...record, result: null }
  const result = z.record(z.string(), z.json()).parse(job.result)
  if (job.outputParts === 0) return { ...record, result }
  const output = { url: outputUrl, bytes: job.outputBytes, expires_at: isoTime(job.completedAt + outputKeptMs) }
  return { ...record, result: { ...result, output } }
}

/** The organization in which root has ordered a job about the whole instance sees that it is there, and how it ends. */
function seenBy(role: AccessRole, job: Job): Job {
  if (role === 'root' || !isAboutInstance(job)) return job
  return { ...job, progress: 0, total: null, result: null, errorMessage: job.errorMessage && forRoot }
}

/** Whether what it counts is more than the organization's in which it was ordered. */
export const isAboutInstance = ({ type }: { readonly type?: unknown }): boolean => type === 'secret_rotation'

const forRoot = 'Ask who runs this gateway.'
const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
