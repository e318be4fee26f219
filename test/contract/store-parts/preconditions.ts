import { describe, expect } from 'vitest'
import { StoreChanged } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, testOn } from './make.ts'

export function preconditionsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('a change with a precondition', () => {
    it('is made when it holds, and changes nothing at all when it does not', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      const workspace = await store.createWorkspace({ organizationId, name: 'W' }, actor)
      const account = await store.createServiceAccount({ organizationId, name: 'S', role: 'viewer' }, actor)
      const patch = { name: 'New' }
      type Holds = (current: { readonly name: string }) => boolean
      const changes = [
        (holds: Holds) => store.updateOrganization(organizationId, patch, actor, holds),
        (holds: Holds) => store.updateKey(organizationId, key.id, patch, actor, holds),
        (holds: Holds) => store.updateWorkspace(organizationId, workspace.id, patch, actor, holds),
        (holds: Holds) => store.updateServiceAccount(organizationId, account.id, patch, actor, holds),
      ]
      for (const change of changes) {
        const [changeLog, events] = [await store.latestChange(), (await store.listEvents()).rows.length]
        await expect(change(({ name }) => name === 'New')).rejects.toThrow(StoreChanged)
        expect([await store.latestChange(), (await store.listEvents()).rows.length]).toEqual([changeLog, events])
        expect(await change(({ name }) => name !== 'New')).toMatchObject(patch)
      }
    })

    it('is made by the first of two that have read the same', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      const other = await opened.openAnother()
      const unchanged = ({ name }: { readonly name: string }) => name === key.name
      const outcomes = await Promise.allSettled(
        [store, other, store, other].map((each, number) =>
          each.updateKey(organizationId, key.id, { name: `N${number}` }, actor, unchanged),
        ),
      )
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
    })
  })
}
