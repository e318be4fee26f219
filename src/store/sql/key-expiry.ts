import type { Actor, Store } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'

export type KeyExpiryMethods = Pick<Store, 'noticeExpiringKeys'>

export function keyExpiryMethods({ write, clock }: SqlEngine): KeyExpiryMethods {
  return {
    noticeExpiringKeys: (limit) =>
      write(async (trx) => {
        const now = clock.now()
        let written = 0
        // The nearest first: once it is told, those before it have nothing left to say.
        for (const days of noticeDays) {
          for (const key of await unnoticed(trx, days, limit - written, now)) {
            await trx.insertInto('key_expiry_notices').values({ key_id: key.id, days, at: now }).execute()
            const { id: target, organization_id: organizationId, expires_at } = key
            const event = { type: 'api_key.expiring' as const, organizationId, target, after: { days, expires_at } }
            await recordEvent(trx, event, gateway, now)
            written++
          }
        }
        return written
      }),
  }
}

/** Live keys that expire within so many days, have lived longer than that all in all, and were not told so yet. */
function unnoticed(trx: Writer, days: number, limit: number, now: number) {
  const spanMs = days * dayMs
  return trx
    .selectFrom('api_keys as k')
    .select(['k.id', 'k.organization_id', 'k.expires_at'])
    .where('k.revoked_at', 'is', null)
    .where('k.expires_at', '>', now)
    .where('k.expires_at', '<=', now + spanMs)
    .where((eb) => eb('k.created_at', '<', eb('k.expires_at', '-', spanMs)))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('key_expiry_notices as n')
            .select('n.key_id')
            .whereRef('n.key_id', '=', 'k.id')
            .where('n.days', '<=', days),
        ),
      ),
    )
    .orderBy('k.expires_at')
    .limit(limit)
    .execute()
}

const noticeDays = [1, 7, 14]
const dayMs = 86_400_000
const gateway: Actor = { type: 'system', id: null }
