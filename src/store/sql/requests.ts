import { type Selectable, sql } from 'kysely'
import { packRequests, unpackRequests } from '../packed-requests.ts'
import type { RequestLogTable } from '../schema.ts'
import type { RequestRow, RequestWrite, Store } from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { pageLimit } from './page.ts'
import { type RequestStatements, statementsFor, toLogRow } from './request-writes.ts'
import { compileRollups } from './rollups.ts'

export type RequestMethods = Pick<
  Store,
  | 'insertRequests'
  | 'admitRequests'
  | 'finishRequests'
  | 'writePackedRequests'
  | 'listRequests'
  | 'findRequest'
  | 'pruneRequests'
>

export function requestMethods(engine: SqlEngine): RequestMethods {
  const { db } = engine
  const { write, writePacked } = engine.writeRequests ? packed(engine.writeRequests) : unpacked(engine)

  return {
    insertRequests: (rows) => write('insert', rows),
    admitRequests: (rows) => write('admit', rows),
    finishRequests: (rows) => write('finish', rows),
    writePackedRequests: writePacked,

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

    async findRequest(rowId) {
      const row = await db.selectFrom('request_log').selectAll().where('id', '=', rowId).executeTakeFirst()
      return row && toRequestRow(row)
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

interface Writes {
  write(how: RequestWrite, rows: readonly RequestRow[]): Promise<void>
  readonly writePacked: Store['writePackedRequests']
}

/** Where whoever writes them unpacks them as well. */
const packed = (writePacked: Store['writePackedRequests']): Writes => ({
  writePacked,
  async write(how, rows) {
    if (rows.length > 0) await writePacked(how, [packRequests(rows)])
  },
})

function unpacked({ db, requestKey, many, batch }: SqlEngine): Writes {
  const statements = compileRequests(db, requestKey)
  const write: Writes['write'] = async (how, rows) => {
    let fresh = rows
    while (fresh.length > 0) {
      const all = statementsFor(how, fresh, statements)
      if (how === 'admit') return many(all[0].sql, all[0].rows)
      const known = await batch(all)
      if (known.length === 0) return
      // What changes nothing was written and counted before; it must not be counted again with the others.
      const indexes = new Set(known)
      fresh = fresh.filter((_, index) => !indexes.has(index))
    }
  }
  return { write, writePacked: (how, parts) => write(how, parts.flatMap(unpackRequests)) }
}

/** Compiled once: building the same statement for each batch would cost more than sending the rows. */
export function compileRequests(db: Reader, requestKey: SqlEngine['requestKey']): RequestStatements {
  const insertInto = db.insertInto('request_log').values(toLogRow(example, true))
  return {
    // A batch that is sent again because its answer was lost must not fail on what it wrote the first time.
    insert: insertInto.onConflict((conflict) => conflict.columns(requestKey).doNothing()).compile().sql,
    finish: insertInto
      .onConflict((conflict) =>
        conflict
          .columns(requestKey)
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
      .compile().sql,
    rollups: compileRollups(db),
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
