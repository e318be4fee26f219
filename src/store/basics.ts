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
