import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { useMe } from '../../api/session.tsx'
import type { Names } from './event-words.ts'

const limit = '200'

/** What people, service accounts and organizations are called. Of each kind the newest 200. */
export function useEventNames(scope: string | undefined): Names {
  const me = useMe()
  const params = { path: { organization_id: scope ?? '' }, query: { limit } }
  const members = useQuery({
    queryKey: ['members', scope, 'names'],
    enabled: scope !== undefined,
    queryFn: ({ signal }) => ok(api.GET('/platform/organizations/{organization_id}/members', { params, signal })),
    staleTime: 60_000,
  })
  const accounts = useQuery({
    queryKey: ['service-accounts', scope, 'names'],
    enabled: scope !== undefined,
    queryFn: ({ signal }) =>
      ok(api.GET('/platform/organizations/{organization_id}/service-accounts', { params, signal })),
    staleTime: 60_000,
  })
  // Root has a hand in organizations without being a member of them.
  const operators = useQuery({
    queryKey: ['operators', 'names'],
    enabled: me.is_root,
    queryFn: ({ signal }) => ok(api.GET('/platform/operators', { params: { query: { limit } }, signal })),
    staleTime: 60_000,
  })
  const organizations = usePages(
    ['organizations'],
    (query, signal) => api.GET('/platform/organizations', { params: { query }, signal }),
    { limit: 200, enabled: scope === undefined },
  )
  return {
    people: new Map([...(operators.data ?? []), ...(members.data ?? [])].map(({ id, name }) => [id, name])),
    accounts: new Map(accounts.data?.map(({ id, name }) => [id, name])),
    organizations: scope === undefined ? new Map(organizations.items.map(({ id, name }) => [id, name])) : undefined,
    myId: me.id,
  }
}
