import { type QueryKey, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { whole } from './client.ts'

export interface Tagged<Item> {
  readonly item: Item
  /** Says whether somebody has changed it since. */
  readonly etag: string
}

/** One thing as it is now, to be changed: with what the server compares. */
export function useTagged<Item>(
  key: QueryKey,
  fetch: (signal: AbortSignal) => Promise<{ data?: Item; error?: unknown; response: Response }>,
  { enabled = true, refetchInterval }: { enabled?: boolean; refetchInterval?: number } = {},
): UseQueryResult<Tagged<Item>> {
  return useQuery({
    queryKey: [...key, 'tagged'],
    enabled,
    ...(refetchInterval !== undefined && { refetchInterval }),
    queryFn: async ({ signal }) => {
      const { data, response } = await whole(fetch(signal))
      return { item: data, etag: response.headers.get('etag') ?? '*' }
    },
  })
}
