import { z } from 'zod'
import type { ApiKey, Store } from '../store/store.ts'
import { exportAll, exportCheckpoint, exportFormat, exportResult, exportStart, pageSize } from './export.ts'
import { type JobHandler, jobHandler } from './handler.ts'
import { keyFilterFields, toKeyFilter } from './key-filter.ts'

export interface KeyExportParts {
  readonly store: Pick<Store, 'listKeys' | 'countKeys'>
  /** A key as the admin API shows it. */
  readonly record: (key: ApiKey) => Readonly<Record<string, unknown>>
}

const params = z.object({ ...keyFilterFields, format: exportFormat })

/** Writes keys as the admin API shows them: neither secrets nor hashes of them. */
export const keyExport = ({ store, record }: KeyExportParts): JobHandler =>
  jobHandler({
    params,
    checkpoint: exportCheckpoint,
    start: exportStart,
    async run(run) {
      const { organizationId } = run.job
      const filter = toKeyFilter(run.params)
      await exportAll(run, run.params.format, {
        columns: keyColumns,
        total: await store.countKeys(organizationId, filter),
        async page(before) {
          const keys = await store.listKeys(organizationId, filter, {
            limit: pageSize,
            ...(before !== null && { before }),
          })
          return { records: keys.map(record), next: keys.length < pageSize ? undefined : keys.at(-1)?.id }
        },
      })
    },
    result: exportResult,
  })

export const keyColumns = [
  'id',
  'name',
  'description',
  'environment',
  'status',
  'scopes',
  'key_prefix',
  'key_suffix',
  'project_id',
  'service_account_id',
  'allowed_ips',
  'rate_limit',
  'metadata',
  'system',
  'workspaces_total',
  'created_by',
  'created_at',
  'updated_at',
  'expires_at',
  'last_used_at',
  'revoked_at',
  'revoked_reason',
]
