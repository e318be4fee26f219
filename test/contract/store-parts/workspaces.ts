import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, testOn } from './make.ts'

export function workspacesContract(open: OpenStore): void {
  const it = testOn(open)

  describe('workspaces', () => {
    it('are found by id and by external id, in their organization alone', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const workspace = await store.createWorkspace({ organizationId, name: 'Web', externalId: 'prj_1' }, actor)
      expect(workspace).toEqual({
        id: expect.stringMatching(/^ws_[0-9a-z]{26}$/),
        organizationId,
        name: 'Web',
        externalId: 'prj_1',
        createdAt: clock.now(),
        updatedAt: clock.now(),
      })
      expect(await store.findWorkspace(organizationId, workspace.id)).toEqual(workspace)
      expect(await store.findWorkspace(organizationId, 'prj_1')).toEqual(workspace)
      expect(await store.findWorkspace(organizationId, 'prj_2')).toBeUndefined()
      expect(await store.findWorkspace(other, workspace.id)).toBeUndefined()
      expect(await store.findWorkspace(other, 'prj_1')).toBeUndefined()
      expect(await store.updateWorkspace(other, workspace.id, { name: 'Mine' }, actor)).toBeUndefined()
      expect(await store.deleteWorkspace(other, workspace.id, actor)).toBe(false)
      expect(await store.listWorkspaces(other)).toEqual([])
      expect(await store.listWorkspaces(organizationId)).toEqual([workspace])
    })

    it('have an external id that is unique in the organization, and may have none', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      await store.createWorkspace({ organizationId, name: 'A', externalId: 'prj_1' }, actor)
      await store.createWorkspace({ organizationId: other, name: 'A', externalId: 'prj_1' }, actor)
      const bare = await store.createWorkspace({ organizationId, name: 'B' }, actor)
      await store.createWorkspace({ organizationId, name: 'C' }, actor)
      const conflict = { name: 'StoreConflict', field: 'external_id' }
      const same = store.createWorkspace({ organizationId, name: 'D', externalId: 'prj_1' }, actor)
      await expect(same).rejects.toMatchObject(conflict)
      const update = store.updateWorkspace(organizationId, bare.id, { externalId: 'prj_1' }, actor)
      await expect(update).rejects.toMatchObject(conflict)
    })

    it("can't take another workspace's id for an external id, which would open that one", async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const victim = await store.createWorkspace({ organizationId, name: 'A' }, actor)
      const twin = store.createWorkspace({ organizationId, name: 'B', externalId: victim.id }, actor)
      await expect(twin).rejects.toMatchObject({ field: 'external_id' })
      const other = await store.createWorkspace({ organizationId, name: 'C' }, actor)
      const update = store.updateWorkspace(organizationId, other.id, { externalId: victim.id }, actor)
      await expect(update).rejects.toMatchObject({ field: 'external_id' })
    })

    it('belong to an organization that exists', async ({ store }) => {
      const orphan = store.createWorkspace({ organizationId: 'org_none', name: 'A' }, actor)
      await expect(orphan).rejects.toMatchObject({ name: 'StoreMissing', field: 'organization' })
    })

    it('come newest first, in pages', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      for (const name of ['a', 'b', 'c']) await store.createWorkspace({ organizationId, name }, actor)
      const first = await store.listWorkspaces(organizationId, { limit: 2 })
      await store.createWorkspace({ organizationId, name: 'late' }, actor)
      const second = await store.listWorkspaces(organizationId, { limit: 2, before: first[1]?.id ?? '' })
      expect([...first, ...second].map(({ name }) => name)).toEqual(['c', 'b', 'a'])
    })

    it('change and go, and their grants go with them', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const workspace = await store.createWorkspace({ organizationId, name: 'A', externalId: 'x' }, actor)
      const { key } = await makeKey(store, organizationId, { projectId: 'x' })
      clock.advance(10)
      const updated = await store.updateWorkspace(organizationId, workspace.id, { name: 'B', externalId: null }, actor)
      expect(updated).toEqual({ ...workspace, name: 'B', externalId: null, updatedAt: clock.now() })
      expect(await store.findWorkspace(organizationId, workspace.id)).toEqual(updated)
      expect(await store.deleteWorkspace(organizationId, workspace.id, actor)).toBe(true)
      expect(await store.deleteWorkspace(organizationId, workspace.id, actor)).toBe(false)
      expect(await store.findWorkspace(organizationId, workspace.id)).toBeUndefined()
      // Bound to nothing now, not free.
      expect(await store.findKey(organizationId, key.id)).toMatchObject({ projectId: 'x', workspaces: [] })
    })
  })
}
