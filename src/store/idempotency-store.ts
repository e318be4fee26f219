/** What the store promises of requests that may be sent again. */
export interface IdempotencyStore {
  /**
   * Starts a request, or says what became of the first one. Of several at once exactly one is `started`. Takes over one
   * whose lease has run out: its process is gone. Also deletes some of those that are too old to matter.
   * @param id hash over actor, method, path and Idempotency-Key.
   */
  startIdempotent(id: string, times: { leaseEndsAt: number; expiresAt: number }): Promise<StartedIdempotent>
  /**
   * Keeps the answer. Without effect when another has taken over since: asked in the transaction of the change
   * (`together`), it tells that the change must not be made either. @returns whether it was kept.
   */
  finishIdempotent(id: string, lease: string, answer: KeptAnswer): Promise<boolean>
  /** Forgets a request that has failed, so that it can be tried again. */
  releaseIdempotent(id: string, lease: string): Promise<void>
  /**
   * Ends the leases of all that are running. For a process that starts on a store that no other one serves: whoever had
   * them is gone. One that lives after all can still finish, unless a repeat has taken over before.
   */
  endIdempotentLeases(): Promise<void>
  /** The master keys that answers are sealed with which are still given again, and when the last of each ends. */
  masterKeysOfAnswers(): Promise<AnswersUnder[]>
  /** Deletes at most `limit` of those that expired before `before`. @returns how many went. */
  pruneIdempotent(before: number, limit: number): Promise<number>
}

/** An answer, sealed, and the id of the master key that it takes to open it. */
export interface KeptAnswer {
  readonly sealed: Uint8Array
  readonly sealedWith: string
}

export interface AnswersUnder {
  readonly masterKeyId: string
  /** When the last of them is given no more. */
  readonly until: number
}

type StartedIdempotent =
  /** `lease` proves later that it was this one. */
  | { readonly state: 'started'; readonly lease: string }
  | { readonly state: 'running' }
  /** `answer` is the sealed one that `finishIdempotent` was given. */
  | { readonly state: 'finished'; readonly answer: Uint8Array }
