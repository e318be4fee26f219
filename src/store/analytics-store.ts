/**
 * What the store promises of analytics: sums that are kept as rows of the request log are written, in the same transaction,
 * so that no question is answered by reading the log. Each row counts once, in the minute in which its request arrived: a batch
 * that is sent again adds nothing, and what was written with its decision alone counts when it is finished.
 *
 * Routes and codes are summed by minute, hour and day, keys by hour and day.
 */
export interface AnalyticsStore {
  /** @returns one for each point of time that has requests, oldest first. */
  requestsOverTime(query: RequestsOverTime): Promise<SumsAt[]>
  /** Those with the most requests first. */
  requestsByRoute(query: AnalyticsQuery & { readonly route?: string; readonly limit: number }): Promise<SumsOfRoute[]>
  requestsByKey(query: AnalyticsQuery & { readonly keyId?: string; readonly limit: number }): Promise<SumsOfKey[]>
  /** Refused requests alone. */
  requestsByCode(query: AnalyticsQuery & { readonly limit: number }): Promise<SumsOfCode[]>
  /** Deletes some of what is older, oldest first, about `limit` rows of each kind. @returns how many went. */
  pruneAnalytics(before: AnalyticsAge, limit: number): Promise<number>
}

export interface AnalyticsQuery {
  /** Null: rows of no organization. Left out: all of them. */
  readonly organizationId?: string | null
  /** Included; times between two sums are rounded down to the earlier one. */
  readonly since: number
  /** Not included; rounded up. */
  readonly until: number
  /** The finest that is asked for; hours at least where the question is about keys. Coarser sums are taken where they fit whole. */
  readonly grain: Grain
}

/** `intervalMs` is a multiple of the grain. */
export type RequestsOverTime = AnalyticsQuery & {
  readonly intervalMs: number
  /** At most one of the two. */
  readonly route?: string
  readonly keyId?: string
}

export type Grain = 'minute' | 'hour' | 'day'

export interface RequestSums {
  readonly requests: number
  /** Answered 5xx, or left by the caller before there was an answer. */
  readonly errors: number
  /** Refused by the gateway itself with 401, 403, 404 or 405. */
  readonly denied: number
  /** Refused with RATE_LIMITED. */
  readonly limited: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Null without requests. See percentileMs for how exact they are. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

export interface SumsAt extends RequestSums {
  readonly at: number
}

export interface SumsOfRoute extends RequestSums {
  /** The pattern; null for requests that matched none. */
  readonly route: string | null
}

export interface SumsOfKey extends RequestSums {
  readonly keyId: string
  /** Null, as the others, where the key is gone with its organization. */
  readonly name: string | null
  readonly keyPrefix: string | null
  readonly organizationId: string | null
}

export interface SumsOfCode extends RequestSums {
  readonly code: string
}

/** Sums by the finest grain of their kind, and the coarser ones. */
export interface AnalyticsAge {
  readonly fine: number
  readonly coarse: number
}
