import { type Selectable, sql } from 'kysely'
import type { RequestLogTable } from '../schema.ts'
import type { RequestRow, Store } from '../store.ts'
import type { SqlEngine } from './engine.ts'
import { pageLimit } from './page.ts'
import { createRollups } from './rollups.ts'

export type RequestMethods = Pick<
  Store,
  'insertRequests' | 'admitRequests' | 'finishRequests' | 'listRequests' | 'pruneRequests'
>

export function requestMethods({ db, many, batch }: SqlEngine): RequestMethods {
  // Compiled once: building the same statement for each batch would cost more than sending the rows.
  const insertInto = db.insertInto('request_log').values(toLogRow(example, true))
  // A batch that is sent again because its answer was lost must not fail on what it wrote the first time.
  const insert = insertInto.onConflict((conflict) => conflict.column('id').doNothing()).compile().sql
  const finish = insertInto
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet(({ ref }) => ({
          organization_id: ref('excluded.organization_id'),
          key_id: ref('excluded.key_id'),
          route: ref('excluded.route'),
          status: ref('excluded.status'),
          code: ref('excluded.code'),
          duration_ms: ref('excluded.duration_ms'),
          upstream_ms: ref('excluded.upstream_ms'),
          bytes_in: ref('excluded.bytes_in'),
          bytes_out: ref('excluded.bytes_out'),
          shadow_code: ref('excluded.shadow_code'),
          finished: ref('excluded.finished'),
        }))
        .where('request_log.finished', '=', sql.lit(0)),
    )
    .compile().sql
  const rollups = createRollups(db)
  const parameters = (rows: readonly RequestRow[], finished: boolean) =>
    rows.map((row) => Object.values(toLogRow(row, finished)))

  /** A row that changes nothing was written and counted before; it must not be counted again with the others. */
  const writeAndCount = async (statement: string, rows: readonly RequestRow[]): Promise<void> => {
    let fresh = rows
    while (fresh.length > 0) {
      const known = await batch([{ sql: statement, rows: parameters(fresh, true) }, ...rollups(fresh)])
      if (known.length === 0) return
      const indexes = new Set(known)
      fresh = fresh.filter((_, index) => !indexes.has(index))
    }
  }

  return {
    insertRequests: (rows) => writeAndCount(insert, rows),
    finishRequests: (rows) => writeAndCount(finish, rows),
    async admitRequests(rows) {
      if (rows.length > 0) await many(insert, parameters(rows, false))
    },

    async listRequests(filter = {}, page = {}) {
      let query = db
        .selectFrom('request_log')
        .selectAll()
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(pageLimit(page))
      const { organizationId, keyId, route, status, statusFrom, statusTo, code, method, since, until } = filter
      if (organizationId === null) query = query.where('organization_id', 'is', null)
      else if (organizationId !== undefined) query = query.where('organization_id', '=', organizationId)
      if (keyId !== undefined) query = query.where('key_id', '=', keyId)
      if (route !== undefined) query = query.where('route', '=', route)
      if (status !== undefined) query = query.where('status', '=', status)
      if (statusFrom !== undefined) query = query.where('status', '>=', statusFrom)
      if (statusTo !== undefined) query = query.where('status', '<=', statusTo)
      if (code !== undefined) query = query.where('code', '=', code)
      if (method !== undefined) query = query.where('method', '=', method)
      if (since !== undefined) query = query.where('at', '>=', since)
      if (until !== undefined) query = query.where('at', '<', until)
      if (page.before !== undefined) {
        const cursor = await db.selectFrom('request_log').select('at').where('id', '=', page.before).executeTakeFirst()
        // Retention takes the oldest first: behind a row that is gone there is nothing left.
        if (!cursor) return []
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('at', 'id'), '<', tuple(cursor.at, page.before ?? '')),
        )
      }
      const rows = await query.execute()
      return rows.map(toRequestRow)
    },

    async pruneRequests(before, limit) {
      const { numDeletedRows } = await db
        .deleteFrom('request_log')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('request_log as old')
            .select('old.id')
            .where('old.at', '<', before)
            .orderBy('old.at')
            .orderBy('old.id')
            .limit(limit),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}

/** Always with the same members in the same order: the statement's parameters are in it. */
function toLogRow(row: RequestRow, finished: boolean): RequestLogTable {
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

function toRequestRow(row: Selectable<RequestLogTable>): RequestRow {
  return {
    id: row.id,
    at: row.at,
    organizationId: row.organization_id,
    keyId: row.key_id,
    method: row.method,
    path: row.path,
    route: row.route,
    status: row.status,
    code: row.code,
    durationMs: row.duration_ms,
    upstreamMs: row.upstream_ms,
    bytesIn: row.bytes_in,
    bytesOut: row.bytes_out,
    ip: row.ip,
    userAgent: row.user_agent,
    requestId: row.request_id,
    shadowCode: row.shadow_code,
  }
}

/** Gives the statements their shape; its values go nowhere. */
const example: RequestRow = {
  id: '',
  at: 0,
  organizationId: '',
  keyId: '',
  method: '',
  path: '',
  route: '',
  status: 0,
  code: '',
  durationMs: 0,
  upstreamMs: 0,
  bytesIn: 0,
  bytesOut: 0,
  ip: '',
  userAgent: '',
  requestId: '',
  shadowCode: '',
}
