import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { ApiError, api, ok, type Schema } from './client.ts'

export type Me = Schema<'Me'>
export type Role = 'viewer' | 'engineer' | 'admin' | 'owner' | 'root'

const order: readonly Role[] = ['viewer', 'engineer', 'admin', 'owner', 'root']

/** Who is logged in; null: nobody. */
export const meQuery = {
  queryKey: ['me'],
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Me | null> => {
    try {
      return await ok(api.GET('/platform/me', { signal }))
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null
      throw error
    }
  },
  staleTime: 60_000,
}

const SessionContext = createContext<Me | undefined>(undefined)

export function SessionProvider({ me, children }: { me: Me; children: ReactNode }) {
  return <SessionContext value={me}>{children}</SessionContext>
}

/** Who is logged in. Only below the log-in. */
export function useMe(): Me {
  const me = useContext(SessionContext)
  if (me === undefined) throw new Error('useMe is for pages behind the log-in')
  return me
}

/** The role in an organization, or undefined: not a member. */
export function useRole(organizationId: string | undefined): Role | undefined {
  const me = useMe()
  const known = me.roles.find((role) => role.organization_id === organizationId)?.role
  // Whoever is in hundreds is not told of all at once.
  const isTold = me.is_root || known !== undefined || me.roles.length >= me.roles_total
  const { data } = useQuery({
    queryKey: ['me', 'in', organizationId],
    enabled: organizationId !== undefined && !isTold,
    queryFn: ({ signal }) =>
      ok(api.GET('/platform/me', { params: { query: { organization_id: organizationId ?? '' } }, signal })),
    staleTime: 60_000,
  })
  return me.is_root ? 'root' : (known ?? (isTold ? undefined : data?.roles[0]?.role))
}

/** Whether the role is at least this one. What it refuses is not offered; the server refuses it anyway. */
export function useMay(organizationId: string | undefined, least: Role): boolean {
  const role = useRole(organizationId)
  return role !== undefined && order.indexOf(role) >= order.indexOf(least)
}

/** For selects: roles up to one's own. */
export const rolesUpTo = (role: Role | undefined): Exclude<Role, 'root'>[] =>
  order.slice(0, role === undefined ? 0 : order.indexOf(role) + 1).filter((name) => name !== 'root')

/** After a log-in. Nothing that somebody else has seen stays in memory. */
export function enter(client: QueryClient, me: Me): void {
  client.removeQueries({ predicate: ({ queryKey: [first, more] }) => first !== 'me' || more !== undefined })
  client.setQueryData(['me'], me)
}

export function useLogOut(): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    await ok(api.DELETE('/platform/sessions/current')).catch(() => undefined)
    // Nothing of the one who was here stays in memory for the next.
    client.clear()
    window.location.assign('/login')
  }
}

/** How one can log in here. */
export const methodsQuery = {
  queryKey: ['auth-methods'],
  queryFn: ({ signal }: { signal: AbortSignal }) => ok(api.GET('/platform/auth/methods', { signal })),
}

const settingsQuery = {
  queryKey: ['settings'],
  queryFn: ({ signal }: { signal: AbortSignal }) => ok(api.GET('/platform/settings', { signal })),
  staleTime: 5 * 60_000,
}

/** Scopes, environments and what else pages must know of the configuration. */
export function useSettings() {
  return useQuery(settingsQuery)
}
