import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { type Role, rolesUpTo, useMe, useRole } from '../../api/session.tsx'
import { keysManage } from './scopes.ts'

export type ApiKey = Schema<'ApiKeyRecord'>
export type ServiceAccount = Schema<'ServiceAccountRecord'>

/** Whose keys there are: service accounts and members, by their names. Of each kind the newest 200. */
export function useOwners(organizationId: string) {
  const params = { path: { organization_id: organizationId }, query: { limit: '200' } }
  const accounts = useQuery({
    queryKey: ['service-accounts', organizationId, 'names'],
    queryFn: ({ signal }) =>
      ok(api.GET('/platform/organizations/{organization_id}/service-accounts', { params, signal })),
    staleTime: 60_000,
  })
  const members = useQuery({
    queryKey: ['members', organizationId, 'names'],
    queryFn: ({ signal }) => ok(api.GET('/platform/organizations/{organization_id}/members', { params, signal })),
    staleTime: 60_000,
  })
  return { accounts: accounts.data ?? [], members: members.data ?? [], myId: useMe().id }
}

type Owners = ReturnType<typeof useOwners>

/** The name of whose key it is, as far as it is known. */
export function ownerOf(
  key: ApiKey,
  { accounts, members, myId }: Owners,
): { name: string; account: boolean } | undefined {
  if (key.service_account_id !== null) {
    const account = accounts.find(({ id }) => id === key.service_account_id)
    return { name: account?.name ?? key.service_account_id, account: true }
  }
  if (key.created_by === null) return undefined
  if (key.created_by === 'admin_token') return { name: 'the admin token', account: false }
  const name = members.find(({ id }) => id === key.created_by)?.name
  return { name: key.created_by === myId ? 'you' : (name ?? shortened(key.created_by)), account: false }
}

/** An operator who is no member (any more). */
const shortened = (id: string): string => `${id.slice(0, 8)}…${id.slice(-4)}`

/**
 * What one may do with a key; the same rules as the server's, which refuses anyway. A system key is root's, one of a service
 * account is for those whose role is not below the account's, and engineers have those of service accounts alone.
 */
export function keyAccess(role: Role | undefined, key: ApiKey, account: ServiceAccount | undefined) {
  const isAdmin = role === 'root' || role === 'owner' || role === 'admin'
  const isLocked = key.system && role !== 'root'
  const isOwned = key.service_account_id !== null
  const isAbove = isOwned && (account === undefined || !(rolesUpTo(role) as Role[]).includes(account.role))
  const byEngineer = role === 'engineer' && isOwned && !key.scopes.includes(keysManage)
  const mayHandle = !isLocked && !isAbove && (isAdmin || byEngineer)
  return { mayHandle, mayEnd: !isLocked && (isAdmin || mayHandle) }
}

/** The service accounts for which one may make keys. */
export function useOwnableAccounts(organizationId: string): ServiceAccount[] {
  const { accounts } = useOwners(organizationId)
  const roles: readonly Role[] = rolesUpTo(useRole(organizationId))
  return accounts.filter(({ is_active, role }) => is_active && roles.includes(role))
}
