import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { useMe } from '../../api/session.tsx'

export type Policy = Schema<'PolicyRecord'>
export type Rule = Schema<'PolicyRoute'>

/** The policy in force. For root alone: nobody else is asked for it. */
export function usePolicy() {
  const me = useMe()
  return useQuery({
    queryKey: ['policy'],
    queryFn: ({ signal }) => ok(api.GET('/platform/policy', { signal })),
    enabled: me.is_root,
    staleTime: 30_000,
  })
}

/** The route of a pattern that takes a method, HEAD as the gateway does. */
export function ruleFor(policy: Policy | undefined, path: string | null, method: string): Rule | undefined {
  const here = policy?.routes.filter((route) => route.path === path) ?? []
  const taking = (wanted: string) => here.find(({ methods }) => methods?.includes(wanted))
  return (
    taking(method) ?? (method === 'HEAD' ? taking('GET') : undefined) ?? here.find(({ methods }) => methods === null)
  )
}
