import { describe, expect } from 'vitest'
import type { KeyFilter } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function keyListsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('lists of keys', () => {
    it('come newest first, in pages that creations and deletions do not shift', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      for (const name of ['a', 'b', 'c', 'd', 'e']) await makeKey(store, organizationId, { name })
      const first = await store.listKeys(organizationId, {}, { limit: 2 })
      await makeKey(store, organizationId, { name: 'late' })
      await store.deleteKey(organizationId, first[1]?.id ?? '', actor)
      const rest = await store.listKeys(organizationId, {}, { limit: 10, before: first[1]?.id ?? '' })
      expect([...first, ...rest].map(({ name }) => name)).toEqual(['e', 'd', 'c', 'b', 'a'])
    })

    it('hold 50 unless told otherwise, and never more than 200', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      for (let made = 0; made < 205; made++) await makeKey(store, organizationId)
      expect(await store.listKeys(organizationId)).toHaveLength(50)
      expect(await store.listKeys(organizationId, {}, { limit: 10_000 })).toHaveLength(200)
      expect(await store.listKeys(organizationId, {}, { limit: 0 })).toHaveLength(1)
    })

    it('filter by state, environment, owner, and part of the name or start of the prefix', async ({
      store,
      opened,
    }) => {
      const organizationId = await makeOrganization(store)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'engineer' }, actor)
      const soon = opened.clock.now() + dayMs
      await makeKey(store, organizationId, { name: 'Live 100%', secret: newSecret('sk_live_AAAA') })
      await makeKey(store, organizationId, { name: 'owned_by', environment: 'test', serviceAccountId: account.id })
      await makeKey(store, organizationId, { name: 'expiring', expiresAt: soon })
      const { key } = await makeKey(store, organizationId, { name: 'Revoked', expiresAt: soon })
      await store.revokeKey(organizationId, key.id, null, actor)

      const names = async (filter: KeyFilter) => (await store.listKeys(organizationId, filter)).map(({ name }) => name)
      expect(await names({ status: 'active' })).toEqual(['expiring', 'owned_by', 'Live 100%'])
      expect(await names({ status: 'expired' })).toEqual([])
      expect(await names({ status: 'revoked' })).toEqual(['Revoked'])
      expect(await names({ environment: 'test' })).toEqual(['owned_by'])
      expect(await names({ owner: account.id })).toEqual(['owned_by'])
      expect(await names({ q: 'live' })).toEqual(['Live 100%'])
      expect(await names({ q: 'REVOKED' })).toEqual(['Revoked'])
      expect(await names({ q: '%' })).toEqual(['Live 100%'])
      expect(await names({ q: '_' })).toEqual(['owned_by'])
      expect(await names({ q: 'sk_live_AA' })).toEqual(['Live 100%'])
      expect(await names({ q: 'live_AA' })).toEqual([])
      expect(await names({ q: 'x', status: 'active' })).toEqual(['expiring'])

      expect(await names({ expiresBefore: soon + 1 })).toEqual(['Revoked', 'expiring'])
      expect(await names({ expiresBefore: soon + 1, status: 'active' })).toEqual(['expiring'])
      expect(await names({ expiresBefore: soon })).toEqual([])

      // The moment of expiry belongs to the time after it.
      opened.clock.advance(dayMs)
      expect(await names({ status: 'expired' })).toEqual(['expiring'])
      expect(await names({ status: 'active' })).toEqual(['owned_by', 'Live 100%'])
      expect(await names({ status: 'revoked' })).toEqual(['Revoked'])
    })

    it('give an operator the keys that it made for no service account', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'engineer' }, actor)
      const operator = { type: 'operator', id: 'usr_2' } as const
      const input = { organizationId, environment: 'live', scopes: [] }
      await makeKey(store, organizationId)
      const own = await store.createKey({ ...input, name: 'By hand', secret: newSecret() }, operator)
      const given = { ...input, name: 'For the bot', serviceAccountId: account.id, secret: newSecret() }
      const ofBot = await store.createKey(given, operator)
      expect(await store.listKeys(organizationId, { owner: 'usr_2' })).toEqual([own])
      expect(await store.listKeys(organizationId, { owner: account.id })).toEqual([ofBot])
    })
  })
}
