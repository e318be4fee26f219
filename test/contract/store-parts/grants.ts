import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, testOn } from './make.ts'

export function grantsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('grants', () => {
    it('are given and taken once, however often asked', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const workspace = await store.createWorkspace({ organizationId, name: 'A', externalId: 'x' }, actor)
      const { key } = await makeKey(store, organizationId)
      const before = await store.latestChange()
      expect(await store.grantWorkspace(organizationId, key.id, workspace.id, actor)).toBe(true)
      expect(await store.grantWorkspace(organizationId, key.id, workspace.id, actor)).toBe(true)
      expect(await store.latestChange()).toBe(before + 1)
      expect((await store.findKey(organizationId, key.id))?.workspaces).toEqual([{ id: workspace.id, externalId: 'x' }])
      expect(await store.ungrantWorkspace(organizationId, key.id, workspace.id, actor)).toBe(true)
      expect(await store.ungrantWorkspace(organizationId, key.id, workspace.id, actor)).toBe(true)
      expect(await store.latestChange()).toBe(before + 2)
      expect((await store.findKey(organizationId, key.id))?.workspaces).toEqual([])
    })

    it("are refused where key or workspace is another organization's", async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const { key } = await makeKey(store, organizationId)
      const foreign = await store.createWorkspace({ organizationId: other, name: 'A', externalId: 'x' }, actor)
      const before = await store.latestChange()
      for (const owner of [organizationId, other]) {
        expect(await store.grantWorkspace(owner, key.id, foreign.id, actor)).toBe(false)
        expect(await store.ungrantWorkspace(owner, key.id, foreign.id, actor)).toBe(false)
      }
      expect(await store.grantWorkspace(organizationId, key.id, 'ws_none', actor)).toBe(false)
      expect((await store.findKey(organizationId, key.id))?.workspaces).toEqual([])
      expect(await store.latestChange()).toBe(before)
      expect(await store.listKeyWorkspaces(other, key.id)).toEqual([])
    })

    it('are listed newest workspace first, in pages', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const made = []
      for (const name of ['a', 'b', 'c']) made.unshift(await store.createWorkspace({ organizationId, name }, actor))
      const workspaceIds = made.map(({ id }) => id)
      const { key } = await makeKey(store, organizationId, { workspaceIds })
      await makeKey(store, organizationId)
      expect(await store.listKeyWorkspaces(organizationId, key.id)).toEqual(made)
      const first = await store.listKeyWorkspaces(organizationId, key.id, { limit: 2 })
      const rest = await store.listKeyWorkspaces(organizationId, key.id, { limit: 2, before: first[1]?.id ?? '' })
      expect([...first, ...rest]).toEqual(made)
    })
  })
}
