import { type Expression, expressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { eventsLookedAtMax, type Found, type Search } from '../basics.ts'
import type { AdminEventsTable, Tables } from '../schema.ts'
import type { Actor, AdminEvent, EventFilter } from '../store.ts'
import type { Reader } from './engine.ts'
import { foundOf, lastLookedAt, pageLimit } from './page.ts'

/**
 * One page of the audit trail. One part of the filter is found by an index, see `conditions`; within that, rows are read one
 * by one, and never more than `lookAt` of them: a filter that nothing matches would else read the whole trail.
 */
export async function listEvents(db: Reader, filter: EventFilter = {}, page: Search = {}): Promise<Found<AdminEvent>> {
  const limit = pageLimit(page)
  const { inIndex, others, order } = conditions(filter)
  if (page.before !== undefined) {
    const { organizationId } = filter
    let cursor = db.selectFrom('admin_events').select(['seq', 'at']).where('id', '=', page.before)
    // Another organization's is like none.
    if (organizationId !== undefined) cursor = cursor.where('organization_id', '=', organizationId)
    const behind = await cursor.executeTakeFirst()
    if (!behind) return { rows: [] }
    inIndex.push(beyond(order, '<', behind))
  }
  const inTrail = db.selectFrom('admin_events').orderBy('seq', 'desc')
  const newestFirst =
    order === 'seq' ? inTrail : db.selectFrom('admin_events').orderBy('at', 'desc').orderBy('seq', 'desc')
  const inRange = newestFirst.select(['id', 'seq', 'at']).where(and(inIndex))
  const end = others.length === 0 ? undefined : await lastLookedAt(inRange, page, eventsLookedAtMax)
  const wanted = [...inIndex, ...(end === undefined ? [] : [beyond(order, '>=', end)]), ...others]
  const rows: Selectable<AdminEventsTable>[] = await newestFirst.selectAll().where(and(wanted)).limit(limit).execute()
  return foundOf(rows, limit, end, toEvent)
}

const { eb, and, ref, refTuple, tuple } = expressionBuilder<Tables, 'admin_events'>()

type Condition = Expression<SqlBool>

/**
 * Each organization has its own events by target and by time, and so has the whole instance, which has them by actor and by
 * type as well. Times come in their own order; all else in that of the trail, which no clock has a part in.
 * @returns what an index finds, and what each row is asked for.
 */
function conditions(filter: EventFilter): { inIndex: Condition[]; others: Condition[]; order: 'seq' | 'at' } {
  const { organizationId, type, actorId, target, since, until } = filter
  const order = target === undefined && (since ?? until) !== undefined ? 'at' : 'seq'
  const isOne = organizationId !== undefined || order === 'at'
  const indexed = target !== undefined ? 'target' : isOne ? undefined : actorId !== undefined ? 'actor_id' : 'type'
  const inIndex: Condition[] = []
  const others: Condition[] = []

  if (organizationId !== undefined) inIndex.push(eb('organization_id', '=', organizationId))
  const put = (name: 'target' | 'actor_id' | 'type', value: string | undefined): void => {
    if (value === undefined) return
    if (name === indexed) inIndex.push(eb(name, '=', value))
    // Not as the column alone: no index on it shall be taken, in which more rows would be read than are looked at.
    else others.push(eb(sql<string>`coalesce(${ref(name)}, '')`, '=', value))
  }
  put('target', target)
  put('actor_id', actorId)
  if (type?.endsWith('.*')) {
    const family = type.slice(0, -1)
    others.push(eb(sql<string>`substr(${ref('type')}, 1, ${sql.lit(family.length)})`, '=', family))
  } else put('type', type)
  const [at, times] = order === 'at' ? (['at', inIndex] as const) : ([sql<number>`${ref('at')} + 0`, others] as const)
  if (since !== undefined) times.push(eb(at, '>=', since))
  if (until !== undefined) times.push(eb(at, '<', until))
  return { inIndex, others, order }
}

const beyond = (order: 'seq' | 'at', side: '<' | '>=', { at, seq }: { at: number; seq: number }): Condition =>
  order === 'seq' ? eb('seq', side, seq) : eb(refTuple('at', 'seq'), side, tuple(at, seq))

export function toEvent(row: Selectable<AdminEventsTable>): AdminEvent {
  return {
    id: row.id,
    seq: row.seq,
    at: row.at,
    type: row.type,
    organizationId: row.organization_id,
    target: row.target,
    actor: {
      type: row.actor_type as Actor['type'],
      id: row.actor_id,
      ...(row.request_id !== null && { requestId: row.request_id }),
    },
    before: row.before === null ? null : JSON.parse(row.before),
    after: row.after === null ? null : JSON.parse(row.after),
  }
}
