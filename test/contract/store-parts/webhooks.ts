import { describe, expect } from 'vitest'
import type { Search, Store } from '../../../src/store/store.ts'
import type {
  ClaimedDelivery,
  DeliveryFilter,
  DeliveryResponse,
  SealWebhookSecret,
  Webhook,
} from '../../../src/store/webhooks-store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, testOn } from './make.ts'

/** Says whose it is, so that a test sees that the ids are right. */
const seal: SealWebhookSecret = ({ secretId, webhookId, organizationId }) => ({
  sealed: Buffer.from(`${secretId} ${webhookId} ${organizationId}`),
  sealedWith: 'master-1',
})
const lease = { limit: 100, perWebhook: 2, leaseMs: 30_000 }
const answered = (status: number | null): DeliveryResponse => ({
  at: 1,
  status,
  durationMs: 12,
  body: 'body',
  error: status === null ? 'no answer' : null,
})

async function makeWebhook(store: Store, organizationId: string, events: Webhook['events'] = ['*']): Promise<Webhook> {
  const input = { organizationId, url: 'https://example.com/hook', description: '', events, seal }
  const made = await store.createWebhook(input, actor)
  if (made === 'full') throw new Error('there is room for it')
  return made
}

async function claimOne(store: Store): Promise<ClaimedDelivery> {
  const [claimed] = await store.claimDeliveries({ ...lease, limit: 1 })
  if (claimed === undefined) throw new Error('something is due')
  return claimed
}

export function webhooksContract(open: OpenStore): void {
  const test = testOn(open)

  describe('webhooks', () => {
    test('are of their organization alone', async ({ store }) => {
      const [mine, theirs] = [await makeOrganization(store), await makeOrganization(store, 'Other')]
      const webhook = await makeWebhook(store, mine)
      expect(await store.findWebhook(mine, webhook.id)).toEqual(webhook)
      expect(await store.findWebhook(theirs, webhook.id)).toBeUndefined()
      expect(await store.updateWebhook(theirs, webhook.id, { description: 'x' }, actor)).toBeUndefined()
      expect(await store.rotateWebhookSecret(theirs, webhook.id, seal, 1, actor)).toBeUndefined()
      expect(await store.testWebhook(theirs, webhook.id, actor)).toBeUndefined()
      expect(await store.deleteWebhook(theirs, webhook.id, actor)).toBe(false)
      expect(await store.listWebhooks(theirs)).toEqual([])
      expect(await store.listWebhooks(mine)).toEqual([webhook])
    })

    test('are at most 50 of one organization', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      for (let count = 0; count < 50; count++) await makeWebhook(store, organizationId)
      const input = { organizationId, url: 'https://example.com', description: '', events: ['*' as const], seal }
      expect(await store.createWebhook(input, actor)).toBe('full')
    })

    test('are on record with every change, without the path of their URL', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeWebhook(store, organizationId)
      await store.updateWebhook(organizationId, id, { url: 'https://example.org/T0K3N' }, actor)
      await store.rotateWebhookSecret(organizationId, id, seal, 1000, actor)
      await store.deleteWebhook(organizationId, id, actor)
      const events = (await store.listEvents({ organizationId })).rows
      expect(events.map(({ type }) => type)).toEqual([
        'webhook.deleted',
        'webhook.secret_rotated',
        'webhook.updated',
        'webhook.created',
        'organization.created',
      ])
      expect(events[2]).toMatchObject({
        before: { url_origin: 'https://example.com' },
        after: { url_origin: 'https://example.org' },
      })
      expect(JSON.stringify(events)).not.toMatch(/T0K3N|hook"/)
    })

    test('go with their organization, deliveries and all', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      await makeWebhook(store, organizationId)
      await makeKey(store, organizationId)
      await store.deleteOrganization(organizationId, actor)
      expect(await store.claimDeliveries(lease)).toEqual([])
    })
  })

  describe('the outbox', () => {
    test('has a delivery for a change that was made, and none for one that failed', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const webhook = await makeWebhook(store, organizationId)
      const { key, secret } = await makeKey(store, organizationId)
      await expect(makeKey(store, organizationId, { secret })).rejects.toThrow()
      const deliveries = (await store.listDeliveries(organizationId, webhook.id)).rows
      expect(deliveries).toHaveLength(1)
      expect(deliveries[0]).toMatchObject({
        status: 'pending',
        attempts: 0,
        message: { type: 'api_key.created', subject: { kind: 'api_key', key } },
      })
      const [event] = (await store.listEvents({ organizationId })).rows
      expect(deliveries[0]?.eventId).toBe(event?.id)
    })

    test('keeps what the object was, whatever becomes of it', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      await makeWebhook(store, organizationId, ['api_key.created'])
      const { key } = await makeKey(store, organizationId, { name: 'First' })
      await store.updateKey(organizationId, key.id, { name: 'Second' }, actor)
      expect((await claimOne(store)).message).toMatchObject({ subject: { key: { name: 'First' } } })
    })

    test('hands a delivery to one of two processes at a time', async ({ store, opened }) => {
      const another = await opened.openAnother()
      const organizationId = await makeOrganization(store)
      for (let count = 0; count < 10; count++) await makeWebhook(store, organizationId)
      await makeKey(store, organizationId)
      const claims = await Promise.all([
        store.claimDeliveries(lease),
        another.claimDeliveries(lease),
        store.claimDeliveries(lease),
      ])
      const ids = claims.flat().map(({ id }) => id)
      expect(ids).toHaveLength(10)
      expect(new Set(ids).size).toBe(10)
    })

    test('hands it out again when its lease has ended, and then the late one counts for nothing', async ({
      store,
      opened,
    }) => {
      const organizationId = await makeOrganization(store)
      await makeWebhook(store, organizationId)
      await makeKey(store, organizationId)
      const late = await claimOne(store)
      opened.clock.advance(29_999)
      expect(await store.claimDeliveries(lease)).toEqual([])
      opened.clock.advance(1)
      const again = await claimOne(store)
      expect(again).toMatchObject({ id: late.id, attempts: 2 })
      await store.finishDelivery(late, { result: 'failed', response: answered(500) })
      expect(await store.findDelivery(organizationId, late.id)).toMatchObject({ status: 'pending', response: null })
      await store.finishDelivery(again, { result: 'delivered', response: answered(200) })
      expect(await store.findDelivery(organizationId, late.id)).toMatchObject({
        status: 'delivered',
        attempts: 2,
        nextAttemptAt: null,
        response: answered(200),
      })
    })

    test('hands out two of one webhook at most, and passes over it for the others', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const busy = await makeWebhook(store, organizationId)
      for (let count = 0; count < 5; count++) await makeKey(store, organizationId)
      expect(await store.claimDeliveries(lease)).toHaveLength(2)
      const other = await makeWebhook(store, organizationId)
      const { key } = await makeKey(store, organizationId)
      const [claimed, ...more] = await store.claimDeliveries({ ...lease, limit: 1 })
      expect(more).toEqual([])
      expect(claimed).toMatchObject({ webhookId: other.id, message: { subject: { key: { id: key.id } } } })
      expect(
        (await store.listDeliveries(organizationId, busy.id)).rows.filter(({ attempts }) => attempts > 0),
      ).toHaveLength(2)
    })

    test('is searched by status and type, with a bounded look at the others', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeWebhook(store, organizationId)
      const { key } = await makeKey(store, organizationId, { name: '{"type":"api_key.updated",' })
      await store.updateKey(organizationId, key.id, { name: 'Other' }, actor)
      await store.testWebhook(organizationId, id, actor)
      const claimed = await claimOne(store)
      await store.finishDelivery(claimed, { result: 'delivered', response: answered(200) })
      const find = async (...search: [DeliveryFilter?, Search?]) => {
        const { rows, next } = await store.listDeliveries(organizationId, id, ...search)
        return [rows.map(({ message }) => message.type), next]
      }
      const [newest] = (await store.listDeliveries(organizationId, id)).rows
      expect(await find({ type: 'api_key.updated' })).toEqual([['api_key.updated'], undefined])
      expect(await find({ status: 'delivered' })).toEqual([['api_key.created'], undefined])
      expect(await find({ status: 'pending' })).toEqual([['webhook.test', 'api_key.updated'], undefined])
      expect(await find({ status: 'pending', type: 'api_key.created' })).toEqual([[], undefined])
      expect(await find({ status: 'delivered' }, { lookAt: 1 })).toEqual([[], newest?.id])
      expect(await find({ status: 'delivered' }, { before: newest?.id ?? '' })).toEqual([
        ['api_key.created'],
        undefined,
      ])
      await store.redeliver(organizationId, claimed.id, actor)
      expect(await find({ type: 'api_key.created' })).toEqual([['api_key.created', 'api_key.created'], undefined])
    })

    test('survives the store being closed', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      await makeWebhook(store, organizationId)
      const { key } = await makeKey(store, organizationId)
      const again = await opened.reopen()
      expect((await claimOne(again)).message).toMatchObject({ subject: { key: { id: key.id } } })
    })

    test('tries again when it is told to, and not before', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      await makeWebhook(store, organizationId)
      await makeKey(store, organizationId)
      const claimed = await claimOne(store)
      const nextAttemptAt = opened.clock.now() + 5000
      await store.finishDelivery(claimed, { result: 'retried', response: answered(null), nextAttemptAt })
      expect(await store.findDelivery(organizationId, claimed.id)).toMatchObject({ nextAttemptAt, status: 'pending' })
      opened.clock.advance(4999)
      expect(await store.claimDeliveries(lease)).toEqual([])
      opened.clock.advance(1)
      expect(await store.claimDeliveries(lease)).toHaveLength(1)
    })

    test('gives up what waits for a disabled webhook, and does not try again what was out', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeWebhook(store, organizationId)
      for (let count = 0; count < 3; count++) await makeKey(store, organizationId)
      const claimed = await claimOne(store)
      await store.updateWebhook(organizationId, id, { status: 'disabled' }, actor)
      await store.finishDelivery(claimed, { result: 'retried', response: answered(500), nextAttemptAt: 1 })
      await makeKey(store, organizationId)
      const deliveries = (await store.listDeliveries(organizationId, id)).rows
      expect(deliveries.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed'])
      expect(await store.claimDeliveries(lease)).toEqual([])
      expect(await store.redeliver(organizationId, claimed.id, actor)).toBe('disabled')
    })

    test('comes with the secrets in use, the current one first', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeWebhook(store, organizationId)
      const claimedSecrets = async (): Promise<string[]> => {
        await store.testWebhook(organizationId, id, actor)
        const claimed = await claimOne(store)
        await store.finishDelivery(claimed, { result: 'delivered', response: answered(200) })
        return claimed.secrets.map(({ sealed, ...owner }) => {
          expect(Buffer.from(sealed).toString()).toBe(`${owner.secretId} ${id} ${organizationId}`)
          return owner.secretId
        })
      }
      const [first] = await claimedSecrets()
      await store.rotateWebhookSecret(organizationId, id, seal, opened.clock.now() + dayMs, actor)
      const both = await claimedSecrets()
      expect(both).toHaveLength(2)
      expect(both[1]).toBe(first)
      opened.clock.advance(dayMs)
      expect(await claimedSecrets()).toEqual([both[0]])
    })

    test('is pruned in chunks', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeWebhook(store, organizationId)
      for (let count = 0; count < 3; count++) await makeKey(store, organizationId)
      opened.clock.advance(dayMs)
      await makeKey(store, organizationId)
      const before = opened.clock.now()
      expect(await store.pruneDeliveries(before, 2)).toBe(2)
      expect(await store.pruneDeliveries(before, 2)).toBe(1)
      expect((await store.listDeliveries(organizationId, id)).rows).toHaveLength(1)
    })
  })

  describe('keys that are about to expire', () => {
    test('are announced 14, 7 and 1 day before, once each, and never earlier than they were made', async ({
      store,
      opened,
    }) => {
      const { clock } = opened
      const organizationId = await makeOrganization(store)
      const now = clock.now()
      const names = new Map<string, string>()
      const make = async (name: string, days: number | null) => {
        const { key } = await makeKey(store, organizationId, { name, expiresAt: days && now + days * dayMs })
        names.set(key.id, name)
        return key
      }
      await make('never', null)
      await make('short', 6)
      await make('exactly a week', 7)
      await make('long', 20)
      const revoked = await make('revoked', 20)
      await store.revokeKey(organizationId, revoked.id, null, actor)
      const announced = async () => {
        const seen = (await store.listEvents({ organizationId }, { limit: 200 })).rows.length
        await store.noticeExpiringKeys(100)
        const events = (await store.listEvents({ organizationId }, { limit: 200 })).rows
        return events
          .slice(0, events.length - seen)
          .map(({ target, after }) => `${names.get(target ?? '')} ${after?.days}`)
          .sort()
      }
      expect(await announced()).toEqual([])
      clock.advance(5.5 * dayMs)
      expect(await announced()).toEqual(['short 1'])
      clock.advance(1 * dayMs)
      expect(await announced()).toEqual(['exactly a week 1', 'long 14'])
      expect(await announced()).toEqual([])
      clock.advance(7 * dayMs)
      expect(await announced()).toEqual(['long 7'])
      clock.advance(6 * dayMs)
      expect(await announced()).toEqual(['long 1'])
      clock.advance(1 * dayMs)
      expect(await announced()).toEqual([])
    })

    test('that were missed are announced once, with the nearest time', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      await makeKey(store, organizationId, { expiresAt: opened.clock.now() + 30 * dayMs })
      opened.clock.advance(25 * dayMs)
      expect(await store.noticeExpiringKeys(100)).toBe(1)
      expect(await store.noticeExpiringKeys(100)).toBe(0)
      const [event] = (await store.listEvents({ organizationId })).rows
      expect(event).toMatchObject({ type: 'api_key.expiring', after: { days: 7 }, actor: { type: 'system' } })
    })
  })
}
