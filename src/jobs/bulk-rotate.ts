import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { FreshSecret } from '../keys/create.ts'
import type { ApiKey, Store } from '../store/store.ts'
import { type BulkDecision, bulkCheckpoint, bulkStart, changeAll } from './bulk.ts'
import { JobFailed, type JobHandler, jobHandler } from './handler.ts'
import { keyFilterFields, toKeyFilter } from './key-filter.ts'

export interface BulkRotateParts {
  readonly store: Pick<Store, 'listKeys' | 'countKeys' | 'findServiceAccount'>
  readonly clock: Pick<Clock, 'now'>
  /** `keys.environments`; empty when keys have none. */
  readonly environments: () => readonly string[]
  /** Undefined where a new secret could never be shown to anybody (`keys.reveal`). */
  readonly generate: () => ((environment: string | null) => FreshSecret) | undefined
}

const params = z.object({
  ...keyFilterFields,
  grace_period_seconds: z.number(),
  /** Roles of service accounts whose keys may be rotated: none above whoever ordered it. */
  service_account_roles: z.array(z.enum(['owner', 'admin', 'engineer', 'viewer'])),
})

/**
 * Gives every active key of a filter a new secret. No secret comes near the job: each is fetched afterwards from the
 * reveal endpoint of its key, hence only with `keys.reveal`.
 */
export const bulkRotate = ({ store, clock, environments, generate }: BulkRotateParts): JobHandler =>
  jobHandler({
    params,
    checkpoint: bulkCheckpoint,
    start: bulkStart,
    async run(run) {
      const { organizationId } = run.job
      const { grace_period_seconds: graceSeconds, service_account_roles: roles } = run.params

      const decide = async ({ id: keyId, ...key }: ApiKey): Promise<BulkDecision> => {
        const now = clock.now()
        if (key.revokedAt !== null || (key.expiresAt ?? Infinity) <= now) return 'not_active'
        // A new secret could carry no environment that the gateway would accept.
        const known = environments()
        if (known.length > 0 && !known.includes(key.environment ?? '')) return 'environment_gone'
        const owner =
          key.serviceAccountId === null
            ? undefined
            : await store.findServiceAccount(organizationId, key.serviceAccountId)
        if (owner !== undefined && !roles.includes(owner.role)) return 'not_allowed'
        const fresh = generate()
        // Asked for each: a reload can have turned it off since.
        if (fresh === undefined) throw new JobFailed('keys.reveal is off: nobody could ever see the new secrets.')
        const graceEndsAt = graceSeconds === 0 ? null : Math.min(now + graceSeconds * 1000, key.expiresAt ?? Infinity)
        return { kind: 'rotate', organizationId, keyId, secret: fresh(key.environment).stored, graceEndsAt }
      }
      await changeAll(run, store, toKeyFilter(run.params), 'rotated', decide)
    },
    result: ({ changed, skipped }) => ({ format: 'jsonl', rotated: changed, skipped }),
  })
