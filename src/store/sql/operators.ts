import type { Selectable } from 'kysely'
import { newId } from '../../ids.ts'
import type { OperatorsTable } from '../operators-schema.ts'
import type { NewOperator, Operator, OperatorsStore } from '../operators-store.ts'
import { type Actor, StoreConflict } from '../store.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { insertMember } from './members.ts'
import { pageLimit } from './page.ts'
import { difference, requireThat } from './patch.ts'

export type OperatorMethods = Pick<
  OperatorsStore,
  | 'createOperator'
  | 'findOperator'
  | 'findOperatorByEmail'
  | 'listOperators'
  | 'updateOperator'
  | 'deleteOperator'
  | 'findPasswordHash'
  | 'setPassword'
  | 'resetPassword'
>

export function operatorMethods({ db, write, clock }: SqlEngine): OperatorMethods {
  return {
    createOperator: (input, actor) =>
      write(async (trx) => {
        const operator = await insertOperator(trx, input, actor, clock.now())
        if (input.membership) {
          const { organizationId, role } = input.membership
          await insertMember(
            trx,
            { organizationId, operatorId: operator.id, role, source: 'manual' },
            actor,
            clock.now(),
          )
        }
        return operator
      }),

    findOperator: (id) => operatorById(db, id),

    async findOperatorByEmail(email) {
      const row = await db.selectFrom('operators').selectAll().where('email', '=', email).executeTakeFirst()
      return row && toOperator(row)
    },

    async listOperators(page = {}) {
      let query = db.selectFrom('operators').selectAll().orderBy('id', 'desc').limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toOperator)
    },

    updateOperator: (id, { name, isRoot }, actor, holds) =>
      write(async (trx) => {
        const current = await operatorById(trx, id)
        if (!current) return undefined
        requireThat(holds, current)
        const diff = difference<Operator>(current, {
          ...(name !== undefined && { name }),
          ...(isRoot !== undefined && { isRoot }),
        })
        if (!diff) return current
        // Whoever invited them may still have a link that sets the password, or have set it: root would be theirs.
        if (diff.changed.isRoot === true && !current.verified) return 'unverified'
        if (diff.changed.isRoot === false && (await isLastRoot(trx, current))) return 'last_root'
        const now = clock.now()
        const updated = { ...current, ...diff.changed, updatedAt: now }
        await trx
          .updateTable('operators')
          .set({
            name: updated.name,
            updated_at: now,
            ...(diff.changed.isRoot !== undefined && { root_source: updated.isRoot ? 'manual' : null }),
          })
          .where('id', '=', id)
          .execute()
        const { before, after } = diff
        await recordEvent(
          trx,
          { type: 'operator.updated', organizationId: null, target: id, before, after },
          actor,
          now,
        )
        return updated
      }),

    deleteOperator: (id, actor) =>
      write(async (trx) => {
        const current = await operatorById(trx, id)
        if (!current) return undefined
        if (current.isRoot && (await isLastRoot(trx, current))) return 'last_root'
        await removeOperator(trx, current, actor, clock.now())
        return 'deleted'
      }),

    async findPasswordHash(operatorId) {
      const row = await db
        .selectFrom('operators')
        .select('password_hash')
        .where('id', '=', operatorId)
        .executeTakeFirst()
      return row?.password_hash
    },

    setPassword: (operatorId, passwordHash, actor) =>
      write(async (trx) => {
        if (!(await operatorById(trx, operatorId))) return false
        await changePassword(trx, operatorId, passwordHash, actor, clock.now())
        return true
      }),

    resetPassword: (operatorId, actor) =>
      write(async (trx) => {
        if (!(await operatorById(trx, operatorId))) return false
        await takeCredentials(trx, operatorId, actor, clock.now())
        await trx.updateTable('operators').set({ verified: 1 }).where('id', '=', operatorId).execute()
        return true
      }),
  }
}

/** @throws StoreConflict `email`. */
export async function insertOperator(
  trx: Writer,
  { email, name, isRoot, verified, passwordHash }: Omit<NewOperator, 'membership'>,
  actor: Actor | 'itself',
  now: number,
): Promise<Operator> {
  const taken = await trx.selectFrom('operators').select('id').where('email', '=', email).executeTakeFirst()
  if (taken) throw new StoreConflict('email')
  const row = {
    id: newId('usr', now),
    email,
    name,
    root_source: isRoot ? 'manual' : null,
    verified: verified ? 1 : 0,
    password_hash: passwordHash,
    oidc_subject: null,
    created_at: now,
    updated_at: now,
    last_login_at: null,
  }
  await trx.insertInto('operators').values(row).execute()
  const by: Actor = actor === 'itself' ? { type: 'operator', id: row.id } : actor
  const after = { email, name, is_root: isRoot, verified, has_password: passwordHash !== null }
  await recordEvent(trx, { type: 'operator.created', organizationId: null, target: row.id, after }, by, now)
  return toOperator(row)
}

/** Whoever changes a password may do so because the old one is known to somebody else: nothing that it opened stays open. */
export async function changePassword(
  trx: Writer,
  operatorId: string,
  passwordHash: string | null,
  actor: Actor,
  now: number,
): Promise<void> {
  await trx
    .updateTable('operators')
    .set({ password_hash: passwordHash, updated_at: now })
    .where('id', '=', operatorId)
    .execute()
  await trx.deleteFrom('operator_sessions').where('operator_id', '=', operatorId).execute()
  await trx.deleteFrom('operator_links').where('operator_id', '=', operatorId).execute()
  const event = { type: 'operator.password_changed' as const, organizationId: null, target: operatorId }
  await recordEvent(trx, event, actor, now)
}

/** Password, sessions, links and tokens. */
export async function takeCredentials(trx: Writer, operatorId: string, actor: Actor, now: number): Promise<void> {
  await changePassword(trx, operatorId, null, actor, now)
  await trx.deleteFrom('operator_tokens').where('operator_id', '=', operatorId).execute()
}

/** Sessions, tokens, links and memberships go with the row. */
async function removeOperator(trx: Writer, operator: Operator, actor: Actor, now: number): Promise<void> {
  await trx.deleteFrom('operators').where('id', '=', operator.id).execute()
  const before = { email: operator.email, name: operator.name, is_root: operator.isRoot }
  await recordEvent(trx, { type: 'operator.deleted', organizationId: null, target: operator.id, before }, actor, now)
}

export async function operatorById(db: Reader, id: string): Promise<Operator | undefined> {
  const row = await db.selectFrom('operators').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toOperator(row)
}

/** One who has not set a password yet keeps nobody's place. */
async function isLastRoot(db: Reader, { id, hasPassword, hasOidc }: Operator): Promise<boolean> {
  if (!hasPassword && !hasOidc) return false
  const other = await db
    .selectFrom('operators')
    .select('id')
    .where('root_source', 'is not', null)
    .where('id', '!=', id)
    .where((eb) => eb.or([eb('password_hash', 'is not', null), eb('oidc_subject', 'is not', null)]))
    .executeTakeFirst()
  return other === undefined
}

export function toOperator(row: Selectable<OperatorsTable>): Operator {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    isRoot: row.root_source !== null,
    verified: row.verified === 1,
    hasPassword: row.password_hash !== null,
    hasOidc: row.oidc_subject !== null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastLoginAt: row.last_login_at,
  }
}
