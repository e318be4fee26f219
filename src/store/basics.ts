/** What every part of the store contract speaks of. Apart from store.ts, so that each part can have a file of its own. */

/** Who changes something. `id` is null for the command line and the gateway itself. */
export interface Actor {
  readonly type: 'cli' | 'system' | 'operator' | 'api_key'
  readonly id: string | null
  readonly requestId?: string
}

export type Role = 'owner' | 'admin' | 'engineer' | 'viewer'

export type Metadata = Readonly<Record<string, unknown>>

export interface Page {
  /** At most 200; 50 when left out. */
  readonly limit?: number
  /** Only what is older than the object with this id. */
  readonly before?: string
}

/** A page of a list with filters of which no index knows: rows are looked at one by one, and never more than so many. */
export interface Search extends Page {
  /** How many rows are looked at for one page. Left out: as many as take a moment, which is the most as well. */
  readonly lookAt?: number
}

/** Rows of the request log for one page: a tenth of a second; see docs/decisions/0008. */
export const requestsLookedAtMax = 50_000
/** The same of other lists. A delivery holds a whole message. */
export const eventsLookedAtMax = 50_000
export const jobsLookedAtMax = 20_000
export const deliveriesLookedAtMax = 10_000

/** What a search has found. It may be short, or empty, and there is more behind it. */
export interface Found<T> {
  readonly rows: readonly T[]
  /** `before` of the page that follows. Undefined: the list ends here. */
  readonly next?: string
}
