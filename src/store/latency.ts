/**
 * Latencies as counts per bucket. The bounds are fixed for good: they are columns of a table, and counts that were added up
 * under other bounds would mean something else.
 */

/** Upper bounds in milliseconds: 0.25 ms, each one half more than the one before, to 108 s; one more bucket is open. */
const bounds: readonly number[] = Array.from({ length: 33 }, (_, index) => 0.25 * 1.5 ** index)

export const bucketCount = bounds.length + 1

/** @returns the index of the bucket that a duration belongs to; a bound belongs to the bucket below it. */
export function bucketOf(durationMs: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (durationMs <= (bounds[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * The duration that so large a part of the requests did not exceed (nearest rank). The true one is in the same bucket, so
 * this is off by less than half of it: at most 50 % above, at most a third below. In the first bucket, up to 0.25 ms, the
 * estimate is off by less than 0.25 ms; above 108 s it is the last bound.
 * @param counts one for each bucket. @param quantile above 0, up to 1.
 * @returns null when nothing was counted.
 */
export function percentileMs(counts: readonly number[], quantile: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = Math.max(1, Math.ceil(total * quantile))
  let below = 0
  for (const [index, count] of counts.entries()) {
    if (below + count >= rank) return round(within(index, (rank - below) / count))
    below += count
  }
  return round(bounds.at(-1) ?? 0)
}

/** Geometric, as the bounds are; linear in the first bucket, which begins at 0. */
function within(index: number, part: number): number {
  const to = bounds[index]
  if (to === undefined) return bounds.at(-1) ?? 0
  const from = bounds[index - 1]
  return from === undefined ? to * part : from * (to / from) ** part
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000
