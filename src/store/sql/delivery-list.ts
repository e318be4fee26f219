import { sql } from 'kysely'
import { deliveriesLookedAtMax, type Found, type Search } from '../basics.ts'
import type { Delivery, DeliveryFilter } from '../webhooks-store.ts'
import type { Reader } from './engine.ts'
import { messageBegins } from './outbox.ts'
import { foundOf, lastLookedAt, pageLimit } from './page.ts'
import { toDelivery } from './webhook-record.ts'

/** One page of what was sent to a webhook, or is to be. */
export async function listDeliveries(
  db: Reader,
  organizationId: string,
  webhookId: string,
  { status, type }: DeliveryFilter = {},
  page: Search = {},
): Promise<Found<Delivery>> {
  let newestFirst = db
    .selectFrom('webhook_deliveries')
    .where('webhook_id', '=', webhookId)
    .where('organization_id', '=', organizationId)
    .orderBy('id', 'desc')
  if (page.before !== undefined) newestFirst = newestFirst.where('id', '<', page.before)
  const isFiltered = status !== undefined || type !== undefined
  const end = isFiltered ? await lastLookedAt(newestFirst.select('id'), page, deliveriesLookedAtMax) : undefined
  let query = newestFirst.selectAll().limit(pageLimit(page))
  if (end !== undefined) query = query.where('id', '>=', end.id)
  // Not as the column alone: the index on it has another order, in which all of them would be read.
  if (status !== undefined) query = query.where(({ eb, ref }) => eb(sql`coalesce(${ref('status')}, '')`, '=', status))
  if (type !== undefined) {
    const begin = messageBegins(type)
    query = query.where(({ eb, ref }) => eb(sql`substr(${ref('message')}, 1, ${sql.lit(begin.length)})`, '=', begin))
  }
  return foundOf(await query.execute(), pageLimit(page), end, toDelivery)
}
