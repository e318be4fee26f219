import { useQuery } from '@tanstack/react-query'
import { useLocation, useRoute } from 'wouter'
import { ApiError, api, ok } from '../api/client.ts'
import { useMe } from '../api/session.tsx'
import { useOrganization } from './organization-switcher.tsx'

/**
 * The organization that the page is about: that of the address, else the one that was looked at last, else the only one there
 * is. What is remembered is an id and nothing more.
 */
export function useOrganizationId(): string | undefined {
  const me = useMe()
  const [location] = useLocation()
  const [, params] = useRoute('/o/:org/*?')
  const fromAddress = params?.org ?? /^\/o\/([^/]+)/.exec(location)?.[1]
  const last = fromAddress === undefined ? remembered() : undefined
  const only = useOnlyOrganization()
  const isMine = me.roles.some((role) => role.organization_id === last)
  // Root is in none, and may have seen one that is no more; whoever is in hundreds is not told of all.
  const mayBe = me.is_root || me.roles.length < me.roles_total
  const { data, error } = useOrganization(fromAddress ?? (!isMine && mayBe ? last : undefined))
  if (fromAddress !== undefined) {
    // Not one that is mistyped, or that is none of one's own any more.
    if (data !== undefined) remember(fromAddress)
    return fromAddress
  }
  const isGone = error instanceof ApiError && error.status === 404
  if (last !== undefined && (isMine || (mayBe && !isGone))) return last
  return me.roles[0]?.organization_id ?? only.data
}

/** Root is in none: where there is one alone, it is that. */
export function useOnlyOrganization() {
  const me = useMe()
  return useQuery({
    queryKey: ['organizations', 'only'],
    enabled: me.is_root && me.roles.length === 0 && remembered() === undefined,
    queryFn: async ({ signal }) => {
      const found = await ok(api.GET('/platform/organizations', { params: { query: { limit: '2' } }, signal }))
      return found.length === 1 ? (found[0]?.id ?? null) : null
    },
    staleTime: 60_000,
    select: (id) => id ?? undefined,
  })
}

/** On pages below `/o/:org`. */
export function useThisOrganization(): string {
  const organizationId = useOrganizationId()
  if (organizationId === undefined) throw new Error('this page is about an organization')
  return organizationId
}

/** undefined on pages about the whole instance. */
export function useScope(): string | undefined {
  const [location] = useLocation()
  return /^\/o\/([^/]+)/.exec(location)?.[1]
}

const storageKey = 'sallyport.organization'

function remember(id: string): void {
  try {
    localStorage.setItem(storageKey, id)
  } catch {
    // A browser that stores nothing: the switcher is still there.
  }
}

/** After it was deleted. */
export function forgetOrganization(id: string): void {
  try {
    if (remembered() === id) localStorage.removeItem(storageKey)
  } catch {
    // Then nothing was kept.
  }
}

function remembered(): string | undefined {
  try {
    return localStorage.getItem(storageKey) ?? undefined
  } catch {
    return undefined
  }
}
