import type { ErrorCode } from '../errors.ts'
import type { KeyRecord } from '../store/store.ts'

/** A request under `self_service` as plain data: where it is answered need not be where its connection is. */
export interface Call {
  readonly operation: 'list' | 'create' | 'remove'
  /** The key that it came with, as it was when it was let in. */
  readonly key: KeyRecord
  readonly address: string
  readonly requestId: string
  readonly path: string
  /** With its question mark, or empty. */
  readonly query: string
  /** The key of the path; empty where the path has none. */
  readonly keyId: string
  /** Flat name-value pairs. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
}

/** What it comes to. Plain data as well. */
export type Outcome =
  | { readonly status: 200 | 201; readonly data: unknown; readonly next?: string }
  | { readonly refused: ErrorCode; readonly detail?: string }

export type AnswerCall = (call: Call) => Promise<Outcome>
