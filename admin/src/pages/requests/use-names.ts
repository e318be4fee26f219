import { useQueries } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import type { Names, Row } from './request-columns.tsx'

/** A list of many keys shows ids for the rest: a page asks no more than this. */
const keysMax = 15

/** What the keys and organizations of these rows are called. */
export function useNames(rows: readonly Pick<Row, 'key_id' | 'organization_id'>[], scope: string | undefined): Names {
  const owners = new Map<string, string>()
  for (const { key_id, organization_id } of rows) {
    if (owners.size >= keysMax) break
    if (key_id !== null && organization_id !== null) owners.set(key_id, organization_id)
  }
  const keys = useQueries({
    queries: [...owners].map(([keyId, organizationId]) => ({
      queryKey: ['key-name', organizationId, keyId],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<readonly [string, string]> => {
        const path = { organization_id: organizationId, key_id: keyId }
        const key = await ok(
          api.GET('/platform/organizations/{organization_id}/api-keys/{key_id}', { params: { path }, signal }),
        )
        return [keyId, key.name]
      },
      staleTime: 5 * 60_000,
      // One that was deleted has no name any more.
      retry: false,
    })),
    combine: (results) => new Map(results.flatMap(({ data }) => (data === undefined ? [] : [data]))),
  })
  const { items } = usePages(
    ['organizations'],
    (query, signal) => api.GET('/platform/organizations', { params: { query }, signal }),
    { limit: 200, enabled: scope === undefined },
  )
  return {
    keys,
    organizations: scope === undefined ? new Map(items.map(({ id, name }) => [id, name])) : undefined,
  }
}
