import { z } from 'zod'
import type { RequestRow, Store } from '../store/store.ts'
import { exportAll, exportCheckpoint, exportFormat, exportResult, exportStart, pageSize } from './export.ts'
import { type JobHandler, jobHandler } from './handler.ts'

export interface RequestExportParts {
  readonly store: Pick<Store, 'listRequests'>
  /** A row of the request log as the admin API shows it. */
  readonly record: (row: RequestRow) => Readonly<Record<string, unknown>>
}

export const requestFilterFields = {
  key_id: z.string().min(1).max(64).optional(),
  route: z.string().min(1).max(2000).optional().describe('The pattern of a route.'),
  status: z.int().min(0).max(599).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
}

const params = z.object({ ...requestFilterFields, format: exportFormat })

/** Writes rows of the organization's request log. How many there are is known when all are written: counting reads them all. */
export const requestExport = ({ store, record }: RequestExportParts): JobHandler =>
  jobHandler({
    params,
    checkpoint: exportCheckpoint,
    start: exportStart,
    async run(run) {
      const { format, key_id: keyId, route, status, since, until } = run.params
      const filter = {
        organizationId: run.job.organizationId,
        ...(keyId !== undefined && { keyId }),
        ...(route !== undefined && { route }),
        ...(status !== undefined && { status }),
        ...(since !== undefined && { since: Date.parse(since) }),
        // What comes in while it runs would make the first page depend on when it is read.
        until: Math.min(until === undefined ? Infinity : Date.parse(until), run.job.createdAt),
      }
      await exportAll(run, format, {
        columns: requestColumns,
        async page(before) {
          const query = { limit: pageSize, ...(before !== null && { before }) }
          const { rows, next } = await store.listRequests(filter, query)
          return { records: rows.map(record), next }
        },
      })
    },
    result: exportResult,
  })

export const requestColumns = [
  'id',
  'at',
  'organization_id',
  'key_id',
  'method',
  'path',
  'route',
  'status_code',
  'code',
  'duration_ms',
  'upstream_ms',
  'bytes_in',
  'bytes_out',
  'ip',
  'user_agent',
  'request_id',
  'shadow_code',
]
