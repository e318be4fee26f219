/** The tables of analytics; as the others in schema.ts. */
export interface AnalyticsTables {
  request_rollups: RequestRollupsTable
}

/**
 * Sums over the request log. A row is known by its first five columns: what it sums by, over how long, from when, in which
 * organization, and for which route, key or code.
 */
export interface RequestRollupsTable extends Record<LatencyColumn, number> {
  /** `route`, `key` or `code`. */
  dimension: string
  /** Milliseconds that the row covers. */
  grain: number
  /** A multiple of `grain`. */
  at: number
  /** Empty: of none; `*`: over all, for routes and codes alone. */
  organization_id: string
  /** The route's pattern (empty: none matched), the key's id or the error code. */
  name: string
  requests: number
  errors: number
  denied: number
  limited: number
  bytes_in: number
  bytes_out: number
}

/** One for each bucket of latency.ts. */
export type LatencyColumn = `latency_${number}`
