import { randomBytes } from 'node:crypto'
import type { Store } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'

export type IdempotencyMethods = Pick<
  Store,
  | 'startIdempotent'
  | 'finishIdempotent'
  | 'releaseIdempotent'
  | 'endIdempotentLeases'
  | 'masterKeysOfAnswers'
  | 'pruneIdempotent'
>

export function idempotencyMethods({ db, write, clock }: SqlEngine): IdempotencyMethods {
  return {
    startIdempotent: (id, { leaseEndsAt, expiresAt }) =>
      write(async (trx) => {
        const now = clock.now()
        await prune(trx, now, pruneMax)
        const first = await trx.selectFrom('idempotent_requests').selectAll().where('id', '=', id).executeTakeFirst()
        if (first !== undefined && first.expires_at > now) {
          if (first.answer !== null) return { state: 'finished', answer: first.answer }
          if (first.lease_ends_at > now) return { state: 'running' }
        }
        const lease = randomBytes(12).toString('hex')
        const times = { lease_ends_at: Math.trunc(leaseEndsAt), expires_at: Math.trunc(expiresAt) }
        const row = { lease, ...times, answer: null, sealed_with: null }
        await trx
          .insertInto('idempotent_requests')
          .values({ id, ...row })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute()
        return { state: 'started', lease }
      }),

    finishIdempotent: (id, lease, { sealed, sealedWith }) =>
      write(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('idempotent_requests')
          .set({ answer: sealed, sealed_with: sealedWith })
          .where('id', '=', id)
          .where('lease', '=', lease)
          .executeTakeFirst()
        return numUpdatedRows > 0n
      }),

    releaseIdempotent: (id, lease) =>
      write(async (trx) => {
        await trx
          .deleteFrom('idempotent_requests')
          .where('id', '=', id)
          .where('lease', '=', lease)
          .where('answer', 'is', null)
          .execute()
      }),

    endIdempotentLeases: () =>
      write(async (trx) => {
        const now = clock.now()
        await trx
          .updateTable('idempotent_requests')
          .set({ lease_ends_at: now })
          .where('answer', 'is', null)
          .where('lease_ends_at', '>', now)
          .execute()
      }),

    async masterKeysOfAnswers() {
      const rows = await db
        .selectFrom('idempotent_requests')
        .select(({ fn }) => ['sealed_with', fn.max('expires_at').as('until')])
        .where('expires_at', '>', clock.now())
        .where('sealed_with', 'is not', null)
        .groupBy('sealed_with')
        .execute()
      return rows.map(({ sealed_with, until }) => ({ masterKeyId: sealed_with ?? '', until: Number(until) }))
    },

    pruneIdempotent: (before, limit) => write((trx) => prune(trx, before, limit)),
  }
}

async function prune(trx: Writer, before: number, limit: number): Promise<number> {
  const old = trx
    .selectFrom('idempotent_requests')
    .select('id')
    .where('expires_at', '<=', before)
    .orderBy('expires_at')
    .limit(limit)
  const { numDeletedRows } = await trx.deleteFrom('idempotent_requests').where('id', 'in', old).executeTakeFirst()
  return Number(numDeletedRows)
}

const pruneMax = 20
