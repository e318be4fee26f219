/** What the store promises of requests that may be sent again. */
export interface IdempotencyStore {
  /**
   * Starts a request, or says what became of the first one. Of several at once exactly one is `started`. Takes over one
   * whose lease has run out: its process is gone. Also deletes some of those that are too old to matter.
   * @param id hash over actor, method, path and Idempotency-Key.
   */
  startIdempotent(id: string, times: { leaseEndsAt: number; expiresAt: number }): Promise<StartedIdempotent>
  /** Keeps the answer. Without effect when another has taken over since. @returns whether it was kept. */
  finishIdempotent(id: string, lease: string, answer: Uint8Array): Promise<boolean>
  /** Forgets a request that has failed, so that it can be tried again. */
  releaseIdempotent(id: string, lease: string): Promise<void>
  /** Deletes at most `limit` of those that expired before `before`. @returns how many went. */
  pruneIdempotent(before: number, limit: number): Promise<number>
}

type StartedIdempotent =
  /** `lease` proves later that it was this one. */
  | { readonly state: 'started'; readonly lease: string }
  | { readonly state: 'running' }
  /** `answer` is what `finishIdempotent` was given. */
  | { readonly state: 'finished'; readonly answer: Uint8Array }
