import type { StatementRows } from '../sql/engine.ts'
import type { RequestStatements } from '../sql/request-writes.ts'
import type { PackedRequests, RequestWrite } from '../store.ts'

/** What the thread that owns the database is asked, one at a time, and what it answers. */
export type ThreadRequest = { readonly id: number } & (
  | { readonly op: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  /** One statement for each row of parameters, all of them or none. */
  | { readonly op: 'many'; readonly sql: string; readonly rows: readonly (readonly unknown[])[] }
  /** Several such, all of them or none. Answers with the indexes of rows of the first that changed nothing; then it was none. */
  | { readonly op: 'batch'; readonly statements: readonly StatementRows[] }
  /** Rows of the request log, all of them or none. Those that are there already stay as they are, and are not counted. */
  | { readonly op: 'requests'; readonly write: RequestWrite; readonly parts: readonly PackedRequests[] }
  /** Does nothing where no transaction is open. */
  | { readonly op: 'rollback' }
  | { readonly op: 'close' }
)

export type ThreadReply =
  | { readonly id: number; readonly rows: readonly unknown[]; readonly changes: number }
  | { readonly id: number; readonly error: ThreadError }

export interface ThreadError {
  /** SQLite's extended result code, 0 when the error is not SQLite's. */
  readonly code: number
  readonly message: string
}

/** The id under which the thread reports that the database is open. */
export const openedId = 0

export interface ThreadData {
  readonly path: string
  /** Without it no requests are written. */
  readonly requests: RequestStatements | undefined
}
