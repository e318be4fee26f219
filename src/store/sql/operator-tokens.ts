import type { Selectable } from 'kysely'
import { newId } from '../../ids.ts'
import type { OperatorTokensTable } from '../operators-schema.ts'
import type { OperatorsStore, OperatorToken } from '../operators-store.ts'
import type { SqlEngine } from './engine.ts'
import { recordEvent } from './events.ts'
import { rolesOf } from './members.ts'
import { operatorById } from './operators.ts'
import { pageLimit } from './page.ts'

export type OperatorTokenMethods = Pick<
  OperatorsStore,
  'createToken' | 'findToken' | 'findTokenById' | 'listTokens' | 'touchToken' | 'revokeToken'
>

export function operatorTokenMethods({ db, write, read, clock }: SqlEngine): OperatorTokenMethods {
  return {
    createToken: ({ tokenSha256, ...input }, actor) =>
      write(async (trx) => {
        const now = clock.now()
        const row = {
          id: newId('pat', now),
          operator_id: input.operatorId,
          sha256: tokenSha256,
          name: input.name,
          role: input.role,
          organization_id: input.organizationId,
          suffix: input.suffix,
          created_at: now,
          expires_at: input.expiresAt,
          last_used_at: null,
        }
        await trx.insertInto('operator_tokens').values(row).execute()
        const after = {
          operator_id: row.operator_id,
          name: row.name,
          role: row.role,
          organization_id: row.organization_id,
          expires_at: row.expires_at,
        }
        const event = { type: 'admin_token.created' as const, organizationId: null, target: row.id, after }
        await recordEvent(trx, event, actor, now)
        return toToken(row)
      }),

    findToken: (tokenSha256) =>
      read(async (trx) => {
        const row = await trx
          .selectFrom('operator_tokens')
          .selectAll()
          .where('sha256', '=', tokenSha256)
          .executeTakeFirst()
        const operator = row && (await operatorById(trx, row.operator_id))
        return operator && { token: toToken(row), operator, roles: await rolesOf(trx, operator.id) }
      }),

    async findTokenById(id) {
      const row = await db.selectFrom('operator_tokens').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toToken(row)
    },

    async listTokens({ operatorId }, page = {}) {
      let query = db.selectFrom('operator_tokens').selectAll().orderBy('id', 'desc').limit(pageLimit(page))
      if (operatorId !== undefined) query = query.where('operator_id', '=', operatorId)
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toToken)
    },

    async touchToken(id, usedAt) {
      await db.updateTable('operator_tokens').set({ last_used_at: usedAt }).where('id', '=', id).execute()
    },

    revokeToken: (id, actor) =>
      write(async (trx) => {
        const row = await trx.selectFrom('operator_tokens').selectAll().where('id', '=', id).executeTakeFirst()
        if (!row) return false
        await trx.deleteFrom('operator_tokens').where('id', '=', id).execute()
        const before = { operator_id: row.operator_id, name: row.name }
        const event = { type: 'admin_token.revoked' as const, organizationId: null, target: id, before }
        await recordEvent(trx, event, actor, clock.now())
        return true
      }),
  }
}

const toToken = (row: Selectable<OperatorTokensTable>): OperatorToken => ({
  id: row.id,
  operatorId: row.operator_id,
  name: row.name,
  role: row.role as OperatorToken['role'],
  organizationId: row.organization_id,
  suffix: row.suffix,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
})
