/** Times at which sums of one grain begin. */
export interface Span {
  /** Milliseconds. */
  readonly grain: number
  readonly times: readonly number[]
}

/**
 * Covers a range with as few sums as there can be: coarse ones where they fit whole, finer ones at the ends. A time between
 * two of the finest is rounded outward.
 * @param grains the finest first; each divides the next.
 */
export function spansOf(since: number, until: number, [finest, ...coarser]: readonly number[]): Span[] {
  if (finest === undefined) return []
  const from = Math.floor(since / finest) * finest
  const to = Math.ceil(until / finest) * finest
  const [next] = coarser
  const middleFrom = next === undefined ? to : Math.ceil(from / next) * next
  const middleTo = next === undefined ? to : Math.floor(to / next) * next
  const times = (start: number, end: number) =>
    Array.from({ length: Math.max(0, (end - start) / finest) }, (_, index) => start + index * finest)
  if (middleFrom >= middleTo) return from < to ? [{ grain: finest, times: times(from, to) }] : []
  const ends = [...times(from, middleFrom), ...times(middleTo, to)]
  return [...(ends.length > 0 ? [{ grain: finest, times: ends }] : []), ...spansOf(middleFrom, middleTo, coarser)]
}
