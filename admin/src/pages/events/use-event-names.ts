import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'
import { useMe } from '../../api/session.tsx'
import { useNames } from '../requests/use-names.ts'
import type { Event, Names } from './event-words.ts'

const limit = '200'

/** What people, service accounts and organizations are called. Of each kind the newest 200. */
export function useEventNames(events: readonly Event[], scope: string | undefined): Names {
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
  const { keys, organizations } = useNames(events.flatMap(keysOf), scope)
  return {
    people: new Map([...(operators.data ?? []), ...(members.data ?? [])].map(({ id, name }) => [id, name])),
    accounts: new Map(accounts.data?.map(({ id, name }) => [id, name])),
    keys,
    organizations,
    myId: me.id,
  }
}

/** The keys that an event is about, or that did it. */
const keysOf = ({ target, actor, organization_id }: Event) =>
  [target, actor.id].filter((id) => id?.startsWith('key_')).map((key_id) => ({ key_id, organization_id }))
