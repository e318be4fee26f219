import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { useQueryState } from '../../components/use-query-state.ts'

export type Bucket = Schema<'AnalyticsBucket'>
export type RangeName = keyof typeof ranges

/** What one can look back on, and how often that is asked for anew. */
export const ranges = {
  '1h': { label: '1 h', text: 'the last hour', ms: 3_600_000, everyMs: 10_000 },
  '24h': { label: '24 h', text: 'the last 24 hours', ms: 86_400_000, everyMs: 30_000 },
  '7d': { label: '7 d', text: 'the last 7 days', ms: 7 * 86_400_000, everyMs: 60_000 },
  '30d': { label: '30 d', text: 'the last 30 days', ms: 30 * 86_400_000, everyMs: 60_000 },
} as const

/** What of time is looked at: a range up to now, or a part that somebody has zoomed into. */
export interface View {
  readonly range: RangeName
  readonly part: { readonly since: string; readonly until: string } | undefined
}

export interface ViewState extends View {
  readonly look: (range: RangeName) => void
  /** Seconds since 1970; undefined: back to the whole range. */
  readonly zoom: (part: { since: number; until: number } | undefined) => void
}

/** Kept in the address. */
export function useView(): ViewState {
  const [{ range, since, until }, change] = useQueryState(['range', 'since', 'until'])
  const isPart = isTime(since) && isTime(until) && since < until
  return {
    range: isRange(range) ? range : '24h',
    part: isPart ? { since, until } : undefined,
    look: (next) => change({ range: next === '24h' ? '' : next, since: '', until: '' }),
    zoom: (part) => change(part === undefined ? { since: '', until: '' } : wholeMinutes(part)),
  }
}

/** Sums are kept by the minute: less than two of them would be a dot. */
function wholeMinutes({ since, until }: { since: number; until: number }): { since: string; until: string } {
  const from = Math.floor(since / 60) * 60
  const to = Math.max(Math.ceil(until / 60) * 60, from + 120)
  return { since: new Date(from * 1000).toISOString(), until: new Date(to * 1000).toISOString() }
}

type By = 'time' | 'total' | 'route' | 'key' | 'code'
type Interval = '1m' | '5m' | '1h' | '1d'
const intervals: readonly (readonly [Interval, number])[] = [
  ['1m', 60_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
]

/**
 * How finely the times that requests took can be told apart: 99 % of three requests say nothing. The finest interval that
 * has 30 requests on average and gives 300 points at most, as long as three points remain.
 */
export function intervalFor(requests: number, { range, part }: View): Interval {
  const ms = part === undefined ? ranges[range].ms : Date.parse(part.until) - Date.parse(part.since)
  const able = intervals.filter(([, each]) => ms / each <= 300 && ms / each >= 3)
  const [name] = able.find(([, each]) => (requests * each) / ms >= 30) ?? able.at(-1) ?? ['1m']
  return name
}

/** What happened in the view, in one organization or (undefined) in all of them. */
export function useAnalytics(
  organizationId: string | undefined,
  { range, part }: View,
  by: By,
  enabled: boolean,
  interval?: Interval,
) {
  const { ms, everyMs } = ranges[range]
  return useQuery({
    queryKey: ['analytics', organizationId ?? 'all', by, range, part?.since, part?.until, interval],
    queryFn: ({ signal }) => {
      const query = {
        by,
        ...(by === 'time' && part === undefined && range === '30d' && { interval: '1h' as const }),
        ...(interval !== undefined && { interval }),
        ...(by !== 'time' && by !== 'total' && { limit: '10' }),
        ...(part ?? { since: new Date(Date.now() - ms).toISOString() }),
      }
      return organizationId === undefined
        ? ok(api.GET('/platform/analytics', { params: { query }, signal }))
        : ok(
            api.GET('/platform/organizations/{organization_id}/analytics', {
              params: { path: { organization_id: organizationId }, query },
              signal,
            }),
          )
    },
    // The figures of before stay until the next ones are there, but never those of another organization.
    placeholderData: (before, query) => (query?.queryKey[1] === (organizationId ?? 'all') ? before : undefined),
    enabled,
    refetchInterval: part === undefined ? everyMs : false,
  })
}

const isRange = (name: string): name is RangeName => Object.hasOwn(ranges, name)
const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text))
