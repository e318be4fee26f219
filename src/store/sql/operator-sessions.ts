import type { Selectable } from 'kysely'
import { newId } from '../../ids.ts'
import type { OperatorSessionsTable } from '../operators-schema.ts'
import type { OperatorSession, OperatorsStore, SessionLimits, SessionMethod } from '../operators-store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { rolesOf } from './members.ts'
import { operatorById } from './operators.ts'
import { pageLimit } from './page.ts'

export type OperatorSessionMethods = Pick<
  OperatorsStore,
  'createSession' | 'findSession' | 'findSessionById' | 'listSessions' | 'touchSession' | 'endSession'
>

export function operatorSessionMethods({ db, write, read, clock }: SqlEngine): OperatorSessionMethods {
  return {
    createSession: ({ operatorId, method, ip, userAgent, provedAt, tokenSha256, requestId }, limits) =>
      write(async (trx) => {
        const now = clock.now()
        await clearEnded(trx, operatorId, limits)
        const row = {
          id: newId('ses', now),
          operator_id: operatorId,
          sha256: tokenSha256,
          method,
          ip,
          user_agent: userAgent,
          created_at: now,
          last_seen_at: now,
          proved_at: provedAt,
        }
        await trx.insertInto('operator_sessions').values(row).execute()
        await trx.updateTable('operators').set({ last_login_at: now }).where('id', '=', operatorId).execute()
        await recordEvent(
          trx,
          { type: 'session.created', organizationId: null, target: row.id, after: { method, ip } },
          { type: 'operator', id: operatorId, requestId },
          now,
        )
        return toSession(row)
      }),

    findSession: (tokenSha256) =>
      read(async (trx) => {
        const row = await trx
          .selectFrom('operator_sessions')
          .selectAll()
          .where('sha256', '=', tokenSha256)
          .executeTakeFirst()
        const operator = row && (await operatorById(trx, row.operator_id))
        return operator && { session: toSession(row), operator, roles: await rolesOf(trx, operator.id) }
      }),

    async findSessionById(id) {
      const row = await db.selectFrom('operator_sessions').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toSession(row)
    },

    async listSessions({ operatorId, createdAfter, seenAfter }, page = {}) {
      let query = db
        .selectFrom('operator_sessions')
        .selectAll()
        .where('created_at', '>', createdAfter)
        .where('last_seen_at', '>', seenAfter)
        .orderBy('id', 'desc')
        .limit(pageLimit(page))
      if (operatorId !== undefined) query = query.where('operator_id', '=', operatorId)
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toSession)
    },

    async touchSession(id, seenAt) {
      await db
        .updateTable('operator_sessions')
        .set({ last_seen_at: seenAt })
        .where('id', '=', id)
        .where('last_seen_at', '<', seenAt)
        .execute()
    },

    endSession: (id, actor) =>
      write(async (trx) => {
        const row = await trx.selectFrom('operator_sessions').selectAll().where('id', '=', id).executeTakeFirst()
        if (!row) return false
        await trx.deleteFrom('operator_sessions').where('id', '=', id).execute()
        const before = { operator_id: row.operator_id }
        const event = { type: 'session.ended' as const, organizationId: null, target: id, before }
        await recordEvent(trx, event, actor, clock.now())
        return true
      }),
  }
}

/** A log-in makes room for itself, so that no number of them fills the disk. */
async function clearEnded(trx: Writer, operatorId: string, { createdAfter, seenAfter }: SessionLimits): Promise<void> {
  await trx
    .deleteFrom('operator_sessions')
    .where((eb) => eb.or([eb('created_at', '<=', createdAfter), eb('last_seen_at', '<=', seenAfter)]))
    .execute()
  await trx
    .deleteFrom('operator_sessions')
    .where('operator_id', '=', operatorId)
    .where('id', 'not in', (eb) =>
      eb
        .selectFrom('operator_sessions as newer')
        .select('newer.id')
        .where('newer.operator_id', '=', operatorId)
        .orderBy('newer.id', 'desc')
        .limit(sessionsMax - 1),
    )
    .execute()
}

const sessionsMax = 50

const toSession = (row: Selectable<OperatorSessionsTable>): OperatorSession => ({
  id: row.id,
  operatorId: row.operator_id,
  method: row.method as SessionMethod,
  ip: row.ip,
  userAgent: row.user_agent,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  provedAt: row.proved_at,
})
