import type { Selectable } from 'kysely'
import type { OperatorTables } from '../operators-schema.ts'
import type { Operator, OperatorLink, OperatorsStore, RedeemLink } from '../operators-store.ts'
import type { Actor } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { changePassword, insertOperator, operatorById } from './operators.ts'

export type OperatorLinkMethods = Pick<OperatorsStore, 'createLink' | 'findLink' | 'redeemLink'>

export function operatorLinkMethods({ db, write, clock }: SqlEngine): OperatorLinkMethods {
  return {
    createLink: ({ tokenSha256, kind, operatorId, expiresAt, organizationId = null }, actor) =>
      write(async (trx) => {
        const now = clock.now()
        await trx
          .deleteFrom('operator_links')
          .where((eb) =>
            eb.or([
              eb('expires_at', '<=', now),
              operatorId === null ? eb('kind', '=', 'setup') : eb('operator_id', '=', operatorId),
            ]),
          )
          .execute()
        await trx
          .insertInto('operator_links')
          .values({ sha256: tokenSha256, kind, operator_id: operatorId, expires_at: expiresAt })
          .execute()
        const after = { kind, expires_at: expiresAt }
        const event = { type: 'operator.link_created' as const, organizationId, target: operatorId, after }
        await recordEvent(trx, event, actor, now)
      }),

    async findLink(tokenSha256) {
      const row = await db.selectFrom('operator_links').selectAll().where('sha256', '=', tokenSha256).executeTakeFirst()
      return row && row.expires_at > clock.now() ? toLink(row) : undefined
    },

    redeemLink: (tokenSha256, input) =>
      write(async (trx) => {
        const row = await trx
          .deleteFrom('operator_links')
          .where('sha256', '=', tokenSha256)
          .where('expires_at', '>', clock.now())
          .returningAll()
          .executeTakeFirst()
        if (!row) return undefined
        return row.operator_id === null
          ? setUp(trx, input, clock.now())
          : welcome(trx, row.operator_id, input, clock.now())
      }),
  }
}

/** However many links there were: only the first operator is made so. */
async function setUp(trx: Writer, input: RedeemLink, now: number): Promise<Operator | undefined> {
  const { email, name, passwordHash } = input
  const somebody = await trx.selectFrom('operators').select('id').limit(1).executeTakeFirst()
  if (somebody || email === null || name === null) return undefined
  return insertOperator(trx, { email, name, isRoot: true, verified: true, passwordHash }, 'itself', now)
}

async function welcome(
  trx: Writer,
  operatorId: string,
  { name, passwordHash, requestId }: RedeemLink,
  now: number,
): Promise<Operator | undefined> {
  const actor: Actor = { type: 'operator', id: operatorId, requestId }
  if (name !== null) {
    await trx.updateTable('operators').set({ name, updated_at: now }).where('id', '=', operatorId).execute()
  }
  await changePassword(trx, operatorId, passwordHash, actor, now)
  return operatorById(trx, operatorId)
}

const toLink = (row: Selectable<OperatorTables['operator_links']>): OperatorLink => ({
  kind: row.kind as OperatorLink['kind'],
  operatorId: row.operator_id,
  expiresAt: row.expires_at,
})
