import { sql } from 'kysely'
import type { KeyFilter, Store } from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { keyRow, loadKey, loadKeys } from './key-record.ts'
import { pageLimit } from './page.ts'
import { contains } from './text.ts'

export type KeyReadMethods = Pick<Store, 'findKey' | 'locateKey' | 'listKeys' | 'countKeys'>

export function keyReadMethods({ db, read, clock }: SqlEngine): KeyReadMethods {
  return {
    findKey: (organizationId, keyId) =>
      read(async (trx) => {
        const row = await keyRow(trx, organizationId, keyId)
        return row && loadKey(trx, row, clock.now())
      }),

    async locateKey(keyId) {
      const row = await db.selectFrom('api_keys').select('organization_id').where('id', '=', keyId).executeTakeFirst()
      return row?.organization_id
    },

    listKeys: (organizationId, filter = {}, page = {}) =>
      read(async (trx) => {
        const now = clock.now()
        let query = matching(trx, organizationId, filter, now).selectAll().orderBy('id', 'desc').limit(pageLimit(page))
        if (page.before !== undefined) query = query.where('id', '<', page.before)
        return loadKeys(trx, await query.execute(), now)
      }),

    async countKeys(organizationId, filter = {}) {
      const { count } = await matching(db, organizationId, filter, clock.now())
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(count)
    },
  }
}

/** The keys of an organization that a filter lets through, without deleted ones. */
function matching(db: Reader, organizationId: string, filter: KeyFilter, now: number) {
  let query = db.selectFrom('api_keys').where('organization_id', '=', organizationId).where('deleted_at', 'is', null)
  // `in ()` is not SQL everywhere; no key has an empty id.
  if (filter.ids !== undefined) query = query.where('id', 'in', filter.ids.length > 0 ? filter.ids : [''])
  if (filter.system !== undefined) query = query.where('system', '=', filter.system ? 1 : 0)
  if (filter.environment !== undefined) query = query.where('environment', '=', filter.environment)
  const { owner } = filter
  if (owner !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('service_account_id', '=', owner),
        eb.and([eb('service_account_id', 'is', null), eb('created_by', '=', owner)]),
      ]),
    )
  }
  if (filter.expiresBefore !== undefined) query = query.where('expires_at', '<', filter.expiresBefore)
  if (filter.status === 'revoked') query = query.where('revoked_at', 'is not', null)
  if (filter.status === 'expired') query = query.where('revoked_at', 'is', null).where('expires_at', '<=', now)
  if (filter.status === 'active') {
    query = query
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
  }
  const { q } = filter
  if (q === undefined) return query
  return query.where((eb) =>
    eb.or([
      contains(eb.ref('api_keys.name'), q),
      eb.exists(
        eb
          .selectFrom('key_secrets')
          .select('key_secrets.id')
          .whereRef('key_secrets.key_id', '=', 'api_keys.id')
          .where(sql`substr(key_prefix, 1, length(${q}))`, '=', q),
      ),
    ]),
  )
}
