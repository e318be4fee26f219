import { z } from 'zod'
import { formatDuration, parseDuration } from '../config/duration.ts'
import type { Grain } from '../store/analytics-store.ts'

const dimensions = ['time', 'total', 'route', 'key', 'code'] as const
const intervals = ['1m', '5m', '1h', '1d'] as const

/** Query parameters of analytics. */
export const analyticsQuery = {
  since: z.iso
    .datetime()
    .optional()
    .describe(
      '24 hours before `until` when left out; rounded down to the start of a bucket. At most 400 days before it, with `by=key` and no `key_id` 100.',
    ),
  until: z.iso.datetime().optional().describe('Now when left out; rounded up to the end of a bucket.'),
  by: z
    .enum(dimensions)
    .optional()
    .describe(
      'time (the default): one for each interval, also where nothing was. total: one for all of it. route, key: those with the most requests. code: why requests were refused.',
    ),
  interval: z
    .enum(['auto', ...intervals])
    .optional()
    .describe(
      'With `by=time`. auto, the default: the finest that makes at most 400 buckets. At most 1000; days are those of UTC.',
    ),
  route: z.string().optional().describe('The pattern of a route, as in the configuration.'),
  key_id: z.string().optional().describe('Keys are summed by the hour: `since` and `until` are rounded to it.'),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'must be a number from 1 to 200')
    .optional()
    .describe('How many routes, keys or codes; 50 when left out.'),
}

type Query = { readonly [Name in keyof typeof analyticsQuery]?: z.output<(typeof analyticsQuery)[Name]> }

/** What is to be asked of the store. */
export type AnalyticsPlan =
  | PlanOverTime
  | (Range & { readonly by: 'total' })
  | (Range & { readonly by: 'route' | 'key' | 'code'; readonly limit: number })

/** `since` and `until` are multiples of the interval. */
export type PlanOverTime = Range & { readonly by: 'time'; readonly intervalMs: number }

interface Range {
  readonly since: number
  readonly until: number
  readonly grain: Grain
}

/** @returns the plan, or what is wrong with the query and what to send instead. */
export function planAnalytics(
  query: Query,
  now: number,
  retentionMs: number,
): AnalyticsPlan | { path: string; message: string } {
  const { by = 'time', interval = 'auto', limit } = query
  const until = query.until === undefined ? now : Date.parse(query.until)
  const since = query.since === undefined ? until - dayMs : Date.parse(query.since)
  const isOfKeys = by === 'key' || query.key_id !== undefined
  const misfit = findMisfit(query, by)
  if (misfit !== undefined) return misfit
  if (since >= until) return { path: 'since', message: 'must be before until' }
  if (until - since > daysMax * dayMs) return { path: 'since', message: `must be at most ${daysMax} days before until` }
  if (by === 'key' && query.key_id === undefined && until - since > keyDaysMax * dayMs) {
    const message = `must be at most ${keyDaysMax} days before until where all keys are asked for; one key_id can be asked for with up to ${daysMax}`
    return { path: 'since', message }
  }

  // What retention has taken is known by the coarser sums alone.
  const isOld = since < now - retentionMs
  const finest = isOfKeys ? (isOld ? '1d' : '1h') : isOld ? '1h' : '1m'
  const grain = grainOf[finest]
  // Nothing is later than now: the whole day of it holds the same as its hours, of which there are more to add up.
  const end = until >= now ? Math.ceil(until / dayMs) * dayMs : until
  if (by === 'total') return { by, since, until: end, grain }
  if (by !== 'time') return { by, since, until: end, grain, limit: Number(limit ?? 50) }

  const fits = (one: string, max: number) => msOf(one) >= msOf(finest) && countOf(since, until, msOf(one)) <= max
  const chosen = interval === 'auto' ? (intervals.find((one) => fits(one, autoMax)) ?? '1d') : interval
  if (!fits(chosen, bucketsMax)) {
    const instead = intervals.find((one) => fits(one, bucketsMax))
    const why =
      msOf(chosen) < msOf(finest)
        ? `is finer than what is kept: keys are summed by the hour, and sums by the ${isOfKeys ? 'hour' : 'minute'} go after ${formatDuration(retentionMs)} (audit.retention)`
        : `makes more than ${bucketsMax} buckets of this range`
    const advice = instead === undefined ? 'ask for a shorter range' : `take ${instead}, or a shorter range`
    return { path: 'interval', message: `${chosen} ${why}; ${advice}` }
  }
  const intervalMs = msOf(chosen)
  return { by, grain, intervalMs, ...rounded(since, until, intervalMs) }
}

function findMisfit(query: Query, by: string): { path: string; message: string } | undefined {
  const { interval = 'auto', limit, route, key_id: keyId } = query
  if (by !== 'time' && interval !== 'auto') return { path: 'interval', message: 'goes with by=time alone' }
  if ((by === 'time' || by === 'total') && limit !== undefined)
    return { path: 'limit', message: 'goes with by=route, by=key and by=code' }
  if (keyId !== undefined && (route !== undefined || by === 'route' || by === 'code')) {
    return {
      path: 'key_id',
      message:
        'goes with by=time, by=total and by=key, without route: a key is not summed by route; the request log can be filtered by both',
    }
  }
  if (route !== undefined && (by === 'key' || by === 'code')) {
    return {
      path: 'route',
      message:
        'goes with by=time, by=total and by=route: keys and codes are not summed by route; the request log can be filtered by both',
    }
  }
  return undefined
}

function rounded(since: number, until: number, intervalMs: number): { since: number; until: number } {
  return { since: Math.floor(since / intervalMs) * intervalMs, until: Math.ceil(until / intervalMs) * intervalMs }
}

function countOf(since: number, until: number, intervalMs: number): number {
  const range = rounded(since, until, intervalMs)
  return (range.until - range.since) / intervalMs
}

const msOf = (interval: string): number => parseDuration(interval) ?? 0

const grainOf = { '1m': 'minute', '1h': 'hour', '1d': 'day' } as const
const dayMs = 86_400_000
/** A year and a month: adding up the hours of 20 routes takes a third of a second then, and they are few enough to be named. */
const daysMax = 400
/** 10,000 keys have a million sums then. */
const keyDaysMax = 100
const bucketsMax = 1000
const autoMax = 400
