import type { RequestLogTable } from '../schema.ts'
import type { RequestRow, RequestWrite } from '../store.ts'
import { addUp } from './add-up.ts'
import type { StatementRows } from './engine.ts'
import type { RollupStatements } from './rollups.ts'

/** What rows of the request log are written with. */
export interface RequestStatements {
  /** Leaves alone what is there. */
  readonly insert: string
  /** Completes what was admitted. */
  readonly finish: string
  readonly rollups: RollupStatements
}

/** How the store writes these rows: the first statement writes the log, the others add to the sums what has ended. */
export function statementsFor(
  write: RequestWrite,
  rows: readonly RequestRow[],
  { insert, finish, rollups }: RequestStatements,
): [StatementRows, ...StatementRows[]] {
  const ended = write !== 'admit'
  const log = {
    sql: write === 'finish' ? finish : insert,
    rows: rows.map((row) => Object.values(toLogRow(row, ended))),
  }
  return ended ? [log, ...addUp(rows, rollups)] : [log]
}

/** Always with the same members in the same order: the statement's parameters are in it. */
export function toLogRow(row: RequestRow, finished: boolean): RequestLogTable {
  return {
    id: row.id,
    at: Math.trunc(row.at),
    organization_id: row.organizationId,
    key_id: row.keyId,
    method: row.method,
    path: row.path,
    route: row.route,
    status: row.status,
    code: row.code,
    duration_ms: row.durationMs,
    upstream_ms: row.upstreamMs,
    bytes_in: row.bytesIn,
    bytes_out: row.bytesOut,
    ip: row.ip,
    user_agent: row.userAgent,
    request_id: row.requestId,
    shadow_code: row.shadowCode,
    finished: finished ? 1 : 0,
  }
}
