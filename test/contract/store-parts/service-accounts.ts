import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { actor, makeOrganization, testOn } from './make.ts'

export function serviceAccountsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('service accounts', () => {
    it('are found in their organization alone', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const input = { organizationId, name: 'CI Bot', role: 'engineer', description: 'publishes' } as const
      const account = await store.createServiceAccount(input, actor)
      expect(account).toEqual({
        ...input,
        id: expect.stringMatching(/^sa_[0-9a-z]{26}$/),
        slug: 'ci-bot',
        isActive: true,
        createdAt: clock.now(),
        updatedAt: clock.now(),
      })
      expect(await store.findServiceAccount(organizationId, account.id)).toEqual(account)
      expect(await store.listServiceAccounts(organizationId)).toEqual([account])
      expect(await store.findServiceAccount(other, account.id)).toBeUndefined()
      expect(await store.updateServiceAccount(other, account.id, { isActive: false }, actor)).toBeUndefined()
      expect(await store.listServiceAccounts(other)).toEqual([])
    })

    it('have a slug that is unique in the organization', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const make = (owner: string, slug?: string) =>
        store.createServiceAccount({ organizationId: owner, name: 'Bot', role: 'viewer', ...(slug && { slug }) }, actor)
      expect((await make(organizationId)).slug).toBe('bot')
      expect((await make(organizationId)).slug).toBe('bot-2')
      expect((await make(other)).slug).toBe('bot')
      await expect(make(organizationId, 'bot')).rejects.toMatchObject({ name: 'StoreConflict', field: 'slug' })
      await expect(make('org_none')).rejects.toMatchObject({ name: 'StoreMissing', field: 'organization' })
    })

    it('change what a patch names and nothing else', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'viewer' }, actor)
      clock.advance(10)
      const patch = { name: 'Robot', description: 'd', role: 'admin', isActive: false } as const
      const updated = await store.updateServiceAccount(organizationId, account.id, patch, actor)
      expect(updated).toEqual({ ...account, ...patch, updatedAt: clock.now() })
      expect(await store.findServiceAccount(organizationId, account.id)).toEqual(updated)
    })

    it('come newest first, in pages', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      for (const name of ['a', 'b', 'c']) {
        await store.createServiceAccount({ organizationId, name, role: 'viewer' }, actor)
      }
      const first = await store.listServiceAccounts(organizationId, { limit: 2 })
      const second = await store.listServiceAccounts(organizationId, { before: first[1]?.id ?? '' })
      expect([...first, ...second].map(({ name }) => name)).toEqual(['c', 'b', 'a'])
    })
  })
}
