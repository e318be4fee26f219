import { useQueryClient } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import type { Filters } from './key-filters.tsx'

type JobOrder = Schema<'JobCreateRequest'>

/** Which keys a job is about: those that are ticked, or everything that the filters let through. */
export type Target =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'filters'; readonly filters: Filters }

/** As many ids as a job takes. */
export const idsMax = 200

/** Whether a job knows these filters: it has none for expiry, and of owners it knows service accounts. */
export const jobKnows = ({ expiring, owner }: Filters): boolean => expiring === '' && !owner.startsWith('usr_')

export const countText = (target: Target): string =>
  target.kind === 'ids' ? `${target.ids.length} ${target.ids.length === 1 ? 'key' : 'keys'}` : 'all matching keys'

function which(target: Target) {
  if (target.kind === 'ids') return { ids: [...target.ids] }
  const { q, status, environment, owner } = target.filters
  return {
    ...(q !== '' && { q }),
    ...(status !== '' && { status: status as 'active' | 'expired' | 'revoked' }),
    ...(environment !== '' && { environment }),
    ...(owner !== '' && { owner }),
  }
}

/** A filter that is left out must not mean everything by mistake: it has to be said. */
function whichOrAll(target: Target) {
  const named = which(target)
  return Object.keys(named).length === 0 ? { all: true as const } : named
}

export const revokeOrder = (target: Target, reason: string): JobOrder => ({
  type: 'bulk_revoke',
  params: { ...whichOrAll(target), ...(reason !== '' && { reason }) },
})

export const rotateOrder = (target: Target, graceSeconds: number): JobOrder => ({
  type: 'bulk_rotate',
  params: { ...whichOrAll(target), grace_period_seconds: graceSeconds },
})

export const exportOrder = (target: Target, format: 'csv' | 'jsonl'): JobOrder => ({
  type: 'key_export',
  params: { ...which(target), format },
})

/** Orders a job. @returns its id */
export function useOrder(organizationId: string): (order: JobOrder) => Promise<string> {
  const client = useQueryClient()
  const once = useOnce()
  return async (order) => {
    const job = await once(order, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/jobs', {
          params: { path: { organization_id: organizationId }, header },
          body: order,
        }),
      ),
    )
    void client.invalidateQueries({ queryKey: ['jobs', organizationId] })
    return job.id
  }
}
