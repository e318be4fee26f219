import { useCallback, useEffect, useState } from 'react'
import type { Pages } from '../api/pages.ts'

export interface Look {
  /**
   * `none`: the last page was full, or the last one that there is. `looking`: it came back short, and the next one is asked
   * for. `held`: the same, and whoever looks says whether to go on.
   */
  readonly state: 'none' | 'looking' | 'held'
  /** How many rows have been looked through for pages that came back short. */
  readonly lookedAt: number
  /** What they are: "requests". */
  readonly what: string
  stop(): void
  goOn(): void
}

/** So many pages, or until a whole one is found: some seconds of work that nobody has asked for by name. */
const pagesMax = 10

/**
 * The log is looked through a part at a time. Where little of a part matches the next one is asked for by itself, for a while.
 * @param of what is looked for: another one begins anew.
 */
export function useLookFurther(
  of: string,
  { query }: Pages<{ readonly id: string }>,
  { limit, enabled, what, each }: LookOptions,
): Look {
  const [turn, setTurn] = useState<Turn>(firstOf(of))
  const { from, stopped } = turn.of === of ? turn : firstOf(of)
  const pages = query.isPlaceholderData ? [] : (query.data?.pages ?? [])
  const { hasNextPage, isFetching, isError, fetchNextPage } = query
  const isShort = (page: { items: readonly unknown[] } | undefined) => page !== undefined && page.items.length < limit
  const hasMore = hasNextPage && isShort(pages.at(-1))
  const fresh = pages.slice(from)
  const found = fresh.reduce((sum, { items }) => sum + items.length, 0)
  const goesOn = hasMore && enabled && !stopped && !isError && found < limit && fresh.length < pagesMax

  useEffect(() => {
    // A refetch under way is not cut off: it ends in another of these.
    if (goesOn && !isFetching) void fetchNextPage({ cancelRefetch: false })
  }, [goesOn, isFetching, fetchNextPage])

  const count = pages.length
  return {
    state: goesOn ? 'looking' : hasMore ? 'held' : 'none',
    lookedAt: pages.filter((page, index) => isShort(page) && (index < count - 1 || hasNextPage)).length * each,
    what,
    stop: useCallback(() => setTurn({ of, from, stopped: true }), [of, from]),
    goOn: useCallback(() => setTurn({ of, from: count, stopped: false }), [of, count]),
  }
}

interface LookOptions {
  readonly limit: number
  readonly enabled: boolean
  readonly what: string
  /** How many the server looks at for one page. */
  readonly each: number
}

interface Turn {
  readonly of: string
  /** How many pages there were when it began. */
  readonly from: number
  readonly stopped: boolean
}

const firstOf = (of: string): Turn => ({ of, from: 0, stopped: false })
