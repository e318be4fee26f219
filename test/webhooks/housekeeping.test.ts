import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { startHousekeeping } from '../../src/webhooks/housekeeping.ts'
import { actor, dayMs, makeKey, makeOrganization } from '../contract/store-parts/make.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'

describe('what goes with webhooks', () => {
  it('is done by the clock: keys announced as they near their end, deliveries deleted after 30 days', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-webhooks-'))
    const clock = testClock()
    const store = await openSqliteStore(join(folder, 'store.db'), { clock })
    const faults: unknown[] = []
    let woken = 0
    const housekeeping = startHousekeeping({
      store,
      clock,
      events: { fault: (_, error) => void faults.push(error) },
      wake: () => {
        woken++
      },
      everyMs: 10,
    })
    try {
      const organizationId = await makeOrganization(store)
      const webhook = await store.createWebhook(
        {
          organizationId,
          url: 'https://example.com',
          description: '',
          events: ['api_key.expiring'],
          seal: () => ({ sealed: Buffer.from('sealed'), sealedWith: 'master-1' }),
        },
        actor,
      )
      if (webhook === 'full') throw new Error('there is room for it')
      // More than fit in one chunk.
      for (let count = 0; count < 130; count++) {
        await makeKey(store, organizationId, { expiresAt: clock.now() + 15 * dayMs })
      }
      clock.advance(2 * dayMs)
      await eventually(
        'every key to be announced',
        async () => (await store.listDeliveries(organizationId, webhook.id, {}, { limit: 200 })).rows.length === 130,
        { withinMs: 10_000 },
      )
      await eventually('the deliverer to be woken', () => woken >= 2)
      clock.advance(31 * dayMs)
      await eventually(
        'old deliveries to be deleted',
        async () => (await store.listDeliveries(organizationId, webhook.id)).rows.length === 0,
        { withinMs: 10_000 },
      )
      expect(faults).toEqual([])
    } finally {
      await housekeeping.close()
      await store.close()
      await rm(folder, { recursive: true })
    }
  })
})
