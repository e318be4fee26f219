import { describe, expect } from 'vitest'
import { type OrganizationPatch, StoreConflict } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, testOn } from './make.ts'

export function organizationsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('organizations', () => {
    it('keeps every field of a new one, active from the start', async ({ store, opened: { clock } }) => {
      const created = await store.createOrganization(
        {
          name: 'Acme',
          slug: 'acme-1',
          rateLimit: { requests: 10, perMs: 60_000 },
          metadata: { plan: 'pro', tags: ['a'] },
        },
        actor,
      )
      expect(created).toEqual({
        id: expect.stringMatching(/^org_[0-9a-z]{26}$/),
        name: 'Acme',
        slug: 'acme-1',
        status: 'active',
        statusReason: null,
        suspendedBy: null,
        rateLimit: { requests: 10, perMs: 60_000 },
        metadata: { plan: 'pro', tags: ['a'] },
        createdAt: clock.now(),
        updatedAt: clock.now(),
      })
      expect(await store.findOrganization(created.id)).toEqual(created)
      expect(await store.findOrganization('acme-1')).toEqual(created)
    })

    it('finds none where there is none', async ({ store }) => {
      expect(await store.findOrganization('org_00000000000000000000000000')).toBeUndefined()
      expect(await store.updateOrganization('org_00000000000000000000000000', { name: 'X' }, actor)).toBeUndefined()
    })

    it('makes a slug from the name, with a number behind it where it is taken', async ({ store }) => {
      const slugs: string[] = []
      for (const name of ['Äpfel & Co.', 'apfel co', 'Apfel-Co', '株式会社', '  ']) {
        slugs.push((await store.createOrganization({ name }, actor)).slug)
      }
      expect(slugs).toEqual(['apfel-co', 'apfel-co-2', 'apfel-co-3', 'org', 'org-2'])
    })

    it('refuses a slug that is taken and writes nothing', async ({ store }) => {
      await store.createOrganization({ name: 'One', slug: 'same' }, actor)
      const before = await store.latestChange()
      const second = store.createOrganization({ name: 'Two', slug: 'same' }, actor)
      await expect(second).rejects.toThrow(StoreConflict)
      await expect(second).rejects.toMatchObject({ field: 'slug' })
      expect(await store.listOrganizations()).toHaveLength(1)
      expect((await store.listEvents()).rows).toHaveLength(1)
      expect(await store.latestChange()).toBe(before)
    })

    it('gives distinct slugs to organizations of one name that are created at once', async ({ store }) => {
      const created = await Promise.all(
        Array.from({ length: 8 }, () => store.createOrganization({ name: 'Race' }, actor)),
      )
      expect(new Set(created.map(({ slug }) => slug)).size).toBe(8)
    })

    it('lists newest first, in pages that later ones do not shift', async ({ store }) => {
      const names = ['a', 'b', 'c', 'd', 'e']
      for (const name of names) await store.createOrganization({ name }, actor)
      const first = await store.listOrganizations({ limit: 2 })
      await store.createOrganization({ name: 'late' }, actor)
      const second = await store.listOrganizations({ limit: 2, before: first[1]?.id ?? '' })
      const third = await store.listOrganizations({ limit: 2, before: second[1]?.id ?? '' })
      expect([...first, ...second, ...third].map(({ name }) => name)).toEqual(['e', 'd', 'c', 'b', 'a'])
    })

    it('finds them by a part of the name or the slug, to the letter, in pages', async ({ store }) => {
      const ids: string[] = []
      for (const name of ['Acme North', 'ACME south', 'Globex 100%', 'Initech_x', 'Under acme']) {
        ids.push((await store.createOrganization({ name }, actor)).id)
      }
      const found = async (filter: Parameters<typeof store.listOrganizations>[0]) =>
        (await store.listOrganizations(filter)).map(({ name }) => name)
      expect(await found({ q: 'aCmE' })).toEqual(['Under acme', 'ACME south', 'Acme North'])
      expect(await found({ q: 'acme-s' })).toEqual(['ACME south'])
      expect(await found({ q: '100%' })).toEqual(['Globex 100%'])
      expect(await found({ q: '_' })).toEqual(['Initech_x'])
      expect(await found({ q: '\\' })).toEqual([])
      expect(await found({ q: 'acme', among: ids.slice(0, 1) })).toEqual(['Acme North'])
      expect(await found({ q: 'acme', limit: 2 })).toEqual(['Under acme', 'ACME south'])
      expect(await found({ q: 'acme', limit: 2, before: ids[1] ?? '' })).toEqual(['Acme North'])
    })

    it('changes what a patch names and nothing else', async ({ store, opened: { clock } }) => {
      const created = await store.createOrganization({ name: 'Acme', metadata: { a: 1 } }, actor)
      clock.advance(5000)
      const patch = { name: 'Acme Inc', rateLimit: { requests: 5, perMs: 1000 } }
      const updated = await store.updateOrganization(created.id, patch, actor)
      expect(updated).toEqual({ ...created, ...patch, updatedAt: clock.now() })
      expect(await store.findOrganization(created.id)).toEqual(updated)
      expect(await store.updateOrganization(created.id, { rateLimit: null, metadata: {} }, actor)).toMatchObject({
        rateLimit: null,
        metadata: {},
      })
    })

    it('suspends with a reason that resuming takes away', async ({ store }) => {
      const { id } = await store.createOrganization({ name: 'Acme' }, actor)
      const suspended = await store.updateOrganization(id, { status: 'suspended', statusReason: 'unpaid' }, actor)
      expect(suspended).toMatchObject({ status: 'suspended', statusReason: 'unpaid' })
      const resumed = await store.updateOrganization(id, { status: 'active' }, actor)
      expect(resumed).toMatchObject({ status: 'active', statusReason: null })
      const types = (await store.listEvents()).rows.map(({ type }) => type)
      expect(types).toEqual(['organization.resumed', 'organization.suspended', 'organization.created'])
    })

    it('tells who has suspended it: root where nobody is named, and root until it is active again', async ({
      store,
    }) => {
      const { id } = await store.createOrganization({ name: 'Acme' }, actor)
      const change = async (patch: OrganizationPatch) => {
        const updated = await store.updateOrganization(id, patch, actor)
        expect(await store.findOrganization(id)).toEqual(updated)
        return updated?.suspendedBy
      }
      expect(await change({ status: 'suspended', suspendedBy: 'owner' })).toBe('owner')
      expect(await change({ name: 'Other' })).toBe('owner')
      expect(await change({ status: 'suspended' })).toBe('root')
      expect(await change({ status: 'suspended', statusReason: 'x', suspendedBy: 'owner' })).toBe('root')
      expect(await change({ status: 'active', suspendedBy: 'owner' })).toBeNull()
      expect(await change({ status: 'suspended', suspendedBy: 'owner' })).toBe('owner')
      expect((await store.listEvents()).rows[0]).toMatchObject({
        type: 'organization.suspended',
        before: { status: 'active', suspended_by: null },
        after: { status: 'suspended', suspended_by: 'owner' },
      })
    })

    it('records nothing for a patch that changes nothing', async ({ store, opened: { clock } }) => {
      const created = await store.createOrganization({ name: 'Acme', metadata: { a: { b: 1, c: 2 } } }, actor)
      const before = await store.latestChange()
      clock.advance(1000)
      const same = await store.updateOrganization(created.id, { name: 'Acme', metadata: { a: { c: 2, b: 1 } } }, actor)
      expect(same).toEqual(created)
      expect(await store.latestChange()).toBe(before)
      expect((await store.listEvents()).rows).toHaveLength(1)
    })
  })
}
