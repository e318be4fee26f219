import type { Schema } from '../../api/client.ts'

export type Job = Schema<'JobRecord'>
export type JobResult = Schema<'JobResultRecord'>

/** What a job does, in words. */
export const jobNames: Record<Job['type'], string> = {
  key_import: 'Import of keys',
  key_export: 'Export of keys',
  bulk_revoke: 'Revoking keys',
  bulk_rotate: 'Rotating keys',
  secret_rotation: 'Encrypting secrets anew',
  request_export: 'Export of requests',
}

export const jobTypes = Object.keys(jobNames) as readonly Job['type'][]
export const jobStatuses = [
  'pending',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly Job['status'][]

/** Who ordered it. */
export function orderedBy(
  id: string | null,
  myId: string | null,
  members: readonly { id: string; name: string }[],
): string {
  if (id === null) return 'the command line'
  if (id === 'admin_token') return 'the admin token'
  return id === myId ? 'you' : (members.find((member) => member.id === id)?.name ?? 'an operator')
}

/** What it counts. */
const units: Record<Job['type'], readonly [one: string, more: string]> = {
  key_import: ['line', 'lines'],
  key_export: ['key', 'keys'],
  bulk_revoke: ['key', 'keys'],
  bulk_rotate: ['key', 'keys'],
  secret_rotation: ['secret', 'secrets'],
  request_export: ['row', 'rows'],
}

export const isUnderWay = ({ completed_at }: Pick<Job, 'completed_at'>): boolean => completed_at === null

/** 0 to 100; undefined: nobody has counted how much there is. */
export const percentOf = ({ progress, total, status }: Job): number | undefined =>
  status === 'completed' ? 100 : total === null ? undefined : total === 0 ? 0 : (progress / total) * 100

const number = new Intl.NumberFormat('en-GB')

export function progressText({ type, progress, total }: Job): string {
  const unit = (count: number): string => units[type][count === 1 ? 0 : 1]
  return total === null
    ? `${number.format(progress)} ${unit(progress)}`
    : `${number.format(progress)} of ${number.format(total)} ${unit(total)}`
}

export const countText = (count: number): string => number.format(count)

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** How long it has taken, or takes so far. */
export function tookText({ started_at, completed_at }: Job, now = Date.now()): string | undefined {
  if (started_at === null) return undefined
  const ms = (completed_at === null ? now : Date.parse(completed_at)) - Date.parse(started_at)
  if (ms < 1000) return `${Math.max(0, ms)} ms`
  const seconds = Math.round(ms / 1000)
  return seconds < 90 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
