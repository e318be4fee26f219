import { newId } from '../../ids.ts'
import { canonicalJson, eventHash, genesisHash } from '../event-chain.ts'
import type { Actor, Change, Metadata, NewEvent, Store } from '../store.ts'
import type { StoredEvent } from '../verify-events.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { listEvents, toEvent } from './event-list.ts'
import { fillOutbox } from './outbox.ts'
import { toStoredEvent } from './stored-event.ts'

export type EventMethods = Pick<
  Store,
  'appendEvent' | 'listEvents' | 'findEvent' | 'listEventChain' | 'lastEvent' | 'pruneChanges'
>

export function eventMethods({ db, write, clock }: SqlEngine): EventMethods {
  return {
    appendEvent: (event, actor) => write((trx) => recordEvent(trx, event, actor, clock.now())),

    listEvents: (filter, page) => listEvents(db, filter, page),

    async findEvent(eventId) {
      const row = await db.selectFrom('admin_events').selectAll().where('id', '=', eventId).executeTakeFirst()
      return row && toEvent(row)
    },

    listEventChain: (afterSeq, limit) => readEventChain(db, afterSeq, limit),

    lastEvent: () =>
      db.selectFrom('admin_events').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst(),

    async pruneChanges(before) {
      // The newest row stays, however old: a follower tells from it that nothing is missing, and the next number comes from it.
      await db
        .deleteFrom('changes')
        .where('at', '<', before)
        .where('seq', '<', (eb) => eb.selectFrom('changes as newest').select((e) => e.fn.max('newest.seq').as('seq')))
        .execute()
    },
  }
}

/** As the method of the store. */
export async function readEventChain(db: Reader, afterSeq: number, limit: number): Promise<StoredEvent[]> {
  const rows = await db
    .selectFrom('admin_events')
    .selectAll()
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(Math.min(limit, 1000))
    .execute()
  return rows.map(toStoredEvent)
}

/** Adds an event to the chain, in the transaction of the change it records. */
export async function recordEvent(trx: Writer, event: NewEvent, actor: Actor, now: number): Promise<void> {
  const last = await trx
    .selectFrom('admin_events')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  // Through JSON first: the hash must be over what a later reader gets, not over what the caller held.
  const before = throughJson(event.before)
  const after = throughJson(event.after)
  const chained = {
    seq: (last?.seq ?? 0) + 1,
    id: newId('evt', now),
    at: now,
    type: event.type,
    organizationId: event.organizationId,
    target: event.target,
    actorType: actor.type,
    actorId: actor.id,
    requestId: actor.requestId ?? null,
    before,
    after,
    prevHash: last?.hash ?? genesisHash,
  }
  await trx
    .insertInto('admin_events')
    .values({
      seq: chained.seq,
      id: chained.id,
      at: now,
      type: chained.type,
      organization_id: chained.organizationId,
      target: chained.target,
      actor_type: chained.actorType,
      actor_id: chained.actorId,
      request_id: chained.requestId,
      before: before && canonicalJson(before),
      after: after && canonicalJson(after),
      prev_hash: chained.prevHash,
      hash: eventHash(chained),
    })
    .execute()
  await fillOutbox(trx, chained, now)
}

/** Tells every node what to forget, in the transaction of the change. */
export async function recordChange(trx: Writer, kind: Change['kind'], id: string, now: number): Promise<void> {
  await trx
    .insertInto('changes')
    .columns(['seq', 'kind', 'id', 'at'])
    .expression((eb) =>
      eb
        .selectFrom('changes')
        .select(({ fn, lit, val }) => [
          eb(fn.coalesce(fn.max('seq'), lit(0)), '+', lit(1)).as('seq'),
          val(kind).as('kind'),
          val(id).as('id'),
          val(now).as('at'),
        ]),
    )
    .execute()
}

const throughJson = (value: Metadata | null | undefined): Metadata | null =>
  value ? JSON.parse(JSON.stringify(value)) : null
