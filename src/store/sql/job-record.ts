import type { Selectable } from 'kysely'
import type { JobsTable } from '../jobs-schema.ts'
import { type Job, type JobStatus, type JobType, jobStatuses, jobTypes, type NewJob } from '../jobs-store.ts'
import type { Actor, Metadata } from '../store.ts'
import type { Reader, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { requireOrganization } from './organizations.ts'

export type JobRow = Selectable<JobsTable>

/** The row of a new job and its event. @throws StoreMissing when there is no such organization. */
export async function createIn(trx: Writer, input: NewJob, actor: Actor, now: number): Promise<Job> {
  const { id, organizationId, type, params, total } = input
  await requireOrganization(trx, organizationId)
  const row: JobRow = {
    id,
    organization_id: organizationId,
    type,
    status: 'pending',
    progress: 0,
    total,
    created_by: actor.id,
    created_at: now,
    started_at: null,
    completed_at: null,
    updated_at: now,
    error_message: null,
    output_parts: 0,
    output_bytes: 0,
    cancel_requested: 0,
    lease_token: null,
    lease_ends_at: null,
    lost: 0,
    actor_type: actor.type,
    request_id: actor.requestId ?? null,
    params: JSON.stringify(params),
    checkpoint: null,
    result: null,
  }
  await trx.insertInto('jobs').values(row).execute()
  const after = { type, params, total }
  await recordEvent(trx, { type: 'job.created', organizationId, target: id, after }, actor, now)
  return toJob(row)
}

/** @returns the row as it is afterwards, undefined when there was nothing left to cancel. */
export async function cancelIn(trx: Writer, row: JobRow, now: number): Promise<JobRow | undefined> {
  const waits = row.status === 'pending'
  if (!waits && (row.status !== 'running' || row.cancel_requested === 1)) return undefined
  const change = waits
    ? { status: 'cancelled', completed_at: now, updated_at: now }
    : { cancel_requested: 1, updated_at: now }
  await trx.updateTable('jobs').set(change).where('id', '=', row.id).execute()
  return { ...row, ...change }
}

export async function unfinished(db: Reader, organizationId: string): Promise<number> {
  const { count } = await db
    .selectFrom('jobs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('organization_id', '=', organizationId)
    .where('status', 'in', ['pending', 'running'])
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** What the audit trail keeps of a job's end. */
export const describeEnd = ({ type, status, progress, total, error_message }: JobRow): Metadata => ({
  type,
  status,
  progress,
  total,
  ...(error_message !== null && { error_message }),
})

export function toJob(
  row: Omit<
    JobRow,
    'cancel_requested' | `lease_${string}` | 'lost' | 'actor_type' | 'request_id' | 'params' | 'checkpoint'
  >,
): Job {
  return {
    id: row.id,
    organizationId: row.organization_id,
    type: typeOf(row.type),
    status: statusOf(row.status),
    progress: row.progress,
    total: row.total,
    result: row.result === null ? null : JSON.parse(row.result),
    errorMessage: row.error_message,
    createdBy: row.created_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    updatedAt: row.updated_at,
    outputParts: row.output_parts,
    outputBytes: row.output_bytes,
  }
}

function typeOf(text: string): JobType {
  const type = jobTypes.find((name) => name === text)
  if (type === undefined) throw new Error(`the store holds a job of the unknown type ${text}`)
  return type
}

function statusOf(text: string): JobStatus {
  const status = jobStatuses.find((name) => name === text)
  if (status === undefined) throw new Error(`the store holds a job of the unknown status ${text}`)
  return status
}
