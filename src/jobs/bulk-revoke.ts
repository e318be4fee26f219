import { z } from 'zod'
import type { Store } from '../store/store.ts'
import { bulkCheckpoint, bulkStart, changeAll } from './bulk.ts'
import { type JobHandler, jobHandler } from './handler.ts'
import { keyFilterFields, toKeyFilter } from './key-filter.ts'

const params = z.object({ ...keyFilterFields, reason: z.string().nullable() })

/** Revokes every key of a filter. Irreversible, also when it is cancelled half-way. */
export const bulkRevoke = (store: Pick<Store, 'listKeys' | 'countKeys'>): JobHandler =>
  jobHandler({
    params,
    checkpoint: bulkCheckpoint,
    start: bulkStart,
    async run(run) {
      const { organizationId } = run.job
      const { reason } = run.params
      await changeAll(run, store, toKeyFilter(run.params), 'revoked', ({ id: keyId, revokedAt }) =>
        revokedAt === null ? { kind: 'revoke', organizationId, keyId, reason } : 'not_active',
      )
    },
    result: ({ changed, skipped }) => ({ format: 'jsonl', revoked: changed, skipped }),
  })
