import { sql } from 'kysely'
import { packRequests, unpackRequests } from '../packed-requests.ts'
import type { RequestRow, RequestWrite, Store } from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { listRequests, toRequestRow } from './request-list.ts'
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

    listRequests: (filter, page) => listRequests(db, filter, page),

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
