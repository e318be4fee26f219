/**
 * When to try again: after seconds first, for a target that restarts, then ever later, over a day in all. Each wait is
 * lengthened or shortened by up to a tenth, so that what failed together does not come back together.
 * @param attempts made so far. @param random 0 to 1. @returns undefined when it is enough.
 */
export function nextAttemptAt(attempts: number, now: number, random: number): number | undefined {
  const waitMs = waitsMs[attempts - 1]
  return waitMs === undefined ? undefined : now + Math.round(waitMs * (0.9 + random * 0.2))
}

const minute = 60_000
const hour = 60 * minute
// 24 hours together.
const waitsMs = [5000, 55_000, 4 * minute, 10 * minute, 45 * minute, hour, 2 * hour, 4 * hour, 6 * hour, 10 * hour]
