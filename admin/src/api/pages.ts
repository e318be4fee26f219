import { type InfiniteData, type QueryKey, type UseInfiniteQueryResult, useInfiniteQuery } from '@tanstack/react-query'
import { whole } from './client.ts'

type Fetch<Item> = (
  query: { limit: string; cursor?: string },
  signal: AbortSignal,
) => Promise<{ data?: Item[]; error?: unknown; response: Response }>

export interface Pages<Item> {
  readonly items: readonly Item[]
  readonly query: UseInfiniteQueryResult<InfiniteData<{ items: Item[] }>>
}

interface Options<Item> {
  readonly limit?: number
  readonly enabled?: boolean
  /** Milliseconds: always, or by what the rows are, and in how many pages. */
  readonly refetchInterval?: number | ((items: readonly Item[], pages: number) => number)
}

/** A list by pages: the server says in `Link` whether there is another. Never more than was asked to be seen is loaded. */
export function usePages<Item extends { readonly id: string }>(
  key: QueryKey,
  fetch: Fetch<Item>,
  { limit = 50, enabled = true, refetchInterval }: Options<Item> = {},
): Pages<Item> {
  const query = useInfiniteQuery({
    queryKey: [...key, { limit }],
    enabled,
    refetchInterval: ({ state }: { state: { data: InfiniteData<{ items: Item[] }> | undefined } }) =>
      (typeof refetchInterval === 'function'
        ? refetchInterval(state.data?.pages.flatMap(({ items }) => items) ?? [], state.data?.pages.length ?? 0)
        : refetchInterval) ?? false,
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const { data, response } = await whole(
        fetch({ limit: String(limit), ...(pageParam !== undefined && { cursor: pageParam }) }, signal),
      )
      return { items: data, next: nextCursor(response) }
    },
    getNextPageParam: (last) => last.next,
    // Each page is asked for again: a list that somebody has gone far into stays as it is.
    refetchOnWindowFocus: ({ state }: { state: { data: InfiniteData<unknown> | undefined } }) =>
      (state.data?.pages.length ?? 0) <= 5,
    // Another filter: the rows of before stay until there are others, so that nothing flashes while somebody types. Never
    // those of another organization.
    placeholderData: (before, query) => (query?.queryKey[1] === key[1] ? before : undefined),
  })
  return { items: query.data?.pages.flatMap(({ items }) => items) ?? [], query }
}

function nextCursor(response: Response): string | undefined {
  const [, url] = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '') ?? []
  return url === undefined ? undefined : (new URL(url, window.location.origin).searchParams.get('cursor') ?? undefined)
}
