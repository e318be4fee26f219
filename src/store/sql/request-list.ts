import { type Expression, expressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { requestsLookedAtMax } from '../basics.ts'
import type { RequestLogTable, Tables } from '../schema.ts'
import type { Found, RequestFilter, RequestRow, Search } from '../store.ts'
import type { Reader } from './engine.ts'
import { foundOf, lastLookedAt, pageLimit } from './page.ts'

/**
 * One page of the request log. What is asked for is found by the index of the key, of the organization or of the time; within
 * that, rows are read one by one, and never more than `lookAt` of them: a filter that nothing matches would else read the
 * whole log, in the thread that also writes it.
 */
export async function listRequests(
  db: Reader,
  filter: RequestFilter = {},
  page: Search = {},
): Promise<Found<RequestRow>> {
  const { since, until, organizationId, keyId } = filter
  // Another organization's key has no rows here: how many it has, no cursor and no time shall tell.
  if (keyId !== undefined && organizationId !== undefined && (await ownerOf(db, keyId)) !== organizationId) {
    return { rows: [] }
  }
  const limit = pageLimit(page)
  const { inIndex, others } = conditions(filter)
  let newest: Expression<SqlBool>[] = until === undefined ? [] : [eb('at', '<', until)]
  if (page.before !== undefined) {
    // Another organization's is like none.
    const own = organizationId === undefined ? [] : [ofOrganization(organizationId)]
    const cursor = await db
      .selectFrom('request_log')
      .select(['at', 'id'])
      .where(and([eb('id', '=', page.before), ...own]))
      .executeTakeFirst()
    // Retention takes the oldest first: behind a row that is gone there is nothing left.
    if (!cursor) return { rows: [] }
    if (until === undefined || cursor.at < until) newest = beyond('<', cursor)
  }
  const oldest = since === undefined ? [] : [eb('at', '>=', since)]
  const newestFirst = db.selectFrom('request_log').orderBy('at', 'desc').orderBy('id', 'desc')
  const inRange = newestFirst.select(['at', 'id']).where(and([...inIndex, ...newest, ...oldest]))
  const end = others.length === 0 ? undefined : await lastLookedAt(inRange, page, requestsLookedAtMax)
  // One bound on each side: of two, SQLite goes by the first, and would read on to it.
  const range = [...newest, ...(end === undefined ? oldest : beyond('>=', end))]
  const rows = await newestFirst
    .selectAll()
    .where(and([...inIndex, ...range, ...others]))
    .limit(limit)
    .execute()
  return foundOf(rows, limit, end, toRequestRow)
}

const { eb, and, ref, refTuple, tuple } = expressionBuilder<Tables, 'request_log'>()

const ofOrganization = (id: string | null): Expression<SqlBool> =>
  id === null ? eb('organization_id', 'is', null) : eb('organization_id', '=', id)

/** Of a deleted key as well. */
async function ownerOf(db: Reader, keyId: string): Promise<string | undefined> {
  const key = await db.selectFrom('api_keys').select('organization_id').where('id', '=', keyId).executeTakeFirst()
  return key?.organization_id
}

/** @returns what an index finds beside the time, and what each row is asked for. With a key its index counts: it has the fewest rows. */
function conditions(filter: RequestFilter): { inIndex: Expression<SqlBool>[]; others: Expression<SqlBool>[] } {
  const { organizationId, keyId, route, status, statusFrom, statusTo, code, method, shadowCode } = filter
  const inIndex: Expression<SqlBool>[] = []
  const others: Expression<SqlBool>[] = []
  if (keyId !== undefined) {
    inIndex.push(eb('key_id', '=', keyId))
    // Not as the column alone: no index on it shall be taken for this.
    if (organizationId !== undefined) {
      others.push(eb(sql<string>`coalesce(${ref('organization_id')}, '')`, '=', organizationId ?? ''))
    }
  } else if (organizationId !== undefined) inIndex.push(ofOrganization(organizationId))
  if (route !== undefined) others.push(eb('route', '=', route))
  if (status !== undefined) others.push(eb('status', '=', status))
  if (statusFrom !== undefined) others.push(eb('status', '>=', statusFrom))
  if (statusTo !== undefined) others.push(eb('status', '<=', statusTo))
  if (code !== undefined) others.push(eb('code', '=', code))
  if (method !== undefined) others.push(eb('method', '=', method))
  if (shadowCode === true) others.push(eb('shadow_code', 'is not', null))
  else if (shadowCode !== undefined) others.push(eb('shadow_code', '=', shadowCode))
  return { inIndex, others }
}

/** The time is said twice: PostgreSQL leaves out days by it, which it can't do by a pair. */
function beyond(side: '<' | '>=', { at, id }: { at: number; id: string }): Expression<SqlBool>[] {
  return [eb('at', side === '<' ? '<=' : '>=', at), eb(refTuple('at', 'id'), side, tuple(at, id))]
}

export function toRequestRow(row: Selectable<RequestLogTable>): RequestRow {
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
