import { describe, expect } from 'vitest'
import { StoreConflict, StoreMissing } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function keysContract(open: OpenStore): void {
  const it = testOn(open)

  describe('keys', () => {
    it('keeps every field of a new one', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const workspace = await store.createWorkspace({ organizationId, name: 'W', externalId: 'prj_1' }, actor)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'engineer' }, actor)
      const fields = {
        name: 'CI pipeline',
        description: 'deploys',
        environment: 'test',
        scopes: ['runs:write', 'projects:*'],
        expiresAt: clock.now() + dayMs,
        allowedIps: ['10.0.0.0/8', '2001:db8::/32'],
        rateLimit: { requests: 7, perMs: 1000 },
        serviceAccountId: account.id,
        metadata: { team: 'ops', nested: { n: [1, null] } },
        system: true,
      }
      const secret = newSecret('sk_test_wxyz')
      const { key } = await makeKey(store, organizationId, { ...fields, workspaceIds: [workspace.id], secret })
      expect(key).toEqual({
        ...fields,
        id: expect.stringMatching(/^key_[0-9a-z]{26}$/),
        organizationId,
        projectId: null,
        workspaces: [{ id: workspace.id, externalId: 'prj_1' }],
        createdBy: actor.id,
        createdAt: clock.now(),
        updatedAt: clock.now(),
        revokedAt: null,
        revokedReason: null,
        lastUsedAt: null,
        secrets: [
          {
            id: expect.stringMatching(/^sec_[0-9a-z]{26}$/),
            keyPrefix: 'sk_test_wxyz',
            keySuffix: secret.keySuffix,
            createdAt: clock.now(),
            expiresAt: null,
            lastUsedAt: null,
          },
        ],
      })
      expect(await store.findKey(organizationId, key.id)).toEqual(key)
      expect(await store.locateKey(key.id)).toBe(organizationId)
    })

    it('fills in what the creator leaves out', async ({ store }) => {
      const { key } = await makeKey(store, await makeOrganization(store), { environment: null })
      expect(key).toMatchObject({
        description: '',
        environment: null,
        expiresAt: null,
        projectId: null,
        workspaces: [],
        allowedIps: [],
        rateLimit: null,
        serviceAccountId: null,
        metadata: {},
        system: false,
      })
    })

    it('refuses a secret that there was before, a dead one included, and writes nothing', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      await expect(makeKey(store, organizationId, { secret })).rejects.toMatchObject({ field: 'secret' })
      await store.rotateKey(organizationId, key.id, newSecret(), null, actor)
      await expect(makeKey(store, organizationId, { secret })).rejects.toThrow(StoreConflict)
      await expect(store.rotateKey(organizationId, key.id, secret, null, actor)).rejects.toThrow(StoreConflict)
      expect(await store.listKeys(organizationId)).toHaveLength(1)
    })

    it('binds a key to a workspace named by id or external id, with a grant for it alone', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const one = await store.createWorkspace({ organizationId, name: 'One', externalId: 'prj_1' }, actor)
      const two = await store.createWorkspace({ organizationId, name: 'Two' }, actor)
      for (const projectId of ['prj_1', one.id]) {
        const { key } = await makeKey(store, organizationId, { projectId, workspaceIds: [one.id] })
        expect(key).toMatchObject({ projectId, workspaces: [{ id: one.id, externalId: 'prj_1' }] })
        await expect(store.grantWorkspace(organizationId, key.id, two.id, actor)).rejects.toMatchObject({
          field: 'project_id',
        })
        expect(await store.grantWorkspace(organizationId, key.id, one.id, actor)).toBe(true)
      }
      const both = makeKey(store, organizationId, { projectId: 'prj_1', workspaceIds: [two.id] })
      await expect(both).rejects.toMatchObject({ name: 'StoreConflict', field: 'project_id' })
    })

    it('refuses a key that names what is not there, or is of another organization', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const workspace = await store.createWorkspace({ organizationId: other, name: 'W', externalId: 'prj_1' }, actor)
      const account = await store.createServiceAccount({ organizationId: other, name: 'Bot', role: 'viewer' }, actor)
      await expect(makeKey(store, 'org_none')).rejects.toMatchObject({ field: 'organization' })
      for (const [input, field] of [
        [{ workspaceIds: [workspace.id] }, 'workspace'],
        [{ workspaceIds: ['prj_1'] }, 'workspace'],
        [{ projectId: workspace.id }, 'project_id'],
        [{ projectId: 'prj_1' }, 'project_id'],
        [{ serviceAccountId: account.id }, 'service_account'],
      ] as const) {
        const creation = makeKey(store, organizationId, input)
        await expect(creation).rejects.toThrow(StoreMissing)
        await expect(creation).rejects.toMatchObject({ field })
      }
      expect(await store.listKeys(organizationId)).toEqual([])
    })

    it("does not find another organization's key in any method", async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const { key } = await makeKey(store, organizationId)
      const own = await store.createWorkspace({ organizationId: other, name: 'W' }, actor)
      expect(await store.findKey(other, key.id)).toBeUndefined()
      expect(await store.updateKey(other, key.id, { name: 'Mine' }, actor)).toBeUndefined()
      expect(await store.revokeKey(other, key.id, null, actor)).toBeUndefined()
      expect(await store.rotateKey(other, key.id, newSecret(), null, actor)).toBeUndefined()
      expect(await store.deleteKey(other, key.id, actor)).toBe(false)
      expect(await store.grantWorkspace(other, key.id, own.id, actor)).toBe(false)
      expect(await store.ungrantWorkspace(other, key.id, own.id, actor)).toBe(false)
      expect(await store.listKeys(other)).toEqual([])
      expect(await store.findKey(organizationId, key.id)).toEqual(key)
      expect(await store.locateKey('key_none')).toBeUndefined()
    })

    it('changes what a patch names and nothing else', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId, { metadata: { a: 1 } })
      clock.advance(1000)
      const patch = {
        name: 'New',
        description: 'more',
        scopes: [],
        allowedIps: ['192.0.2.1'],
        rateLimit: { requests: 1, perMs: 1000 },
        metadata: { b: 2 },
        system: true,
      }
      const updated = await store.updateKey(organizationId, key.id, patch, actor)
      expect(updated).toEqual({ ...key, ...patch, updatedAt: clock.now() })
      expect(await store.findKey(organizationId, key.id)).toEqual(updated)
      const before = await store.latestChange()
      expect(await store.updateKey(organizationId, key.id, patch, actor)).toEqual(updated)
      expect(await store.latestChange()).toBe(before)
    })

    it('revokes once: a second call changes nothing and returns the same record', async ({
      store,
      opened: { clock },
    }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      clock.advance(1000)
      const revoked = await store.revokeKey(organizationId, key.id, 'leaked', actor)
      expect(revoked).toMatchObject({ id: key.id, revokedAt: clock.now(), revokedReason: 'leaked' })
      const changes = await store.latestChange()
      const events = (await store.listEvents()).rows.length
      clock.advance(1000)
      expect(await store.revokeKey(organizationId, key.id, 'again', actor)).toEqual(revoked)
      expect(await store.findKey(organizationId, key.id)).toEqual(revoked)
      expect(await store.latestChange()).toBe(changes)
      expect((await store.listEvents()).rows).toHaveLength(events)
    })

    it('revokes and hides what is deleted, and leaves nothing to change', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      const workspace = await store.createWorkspace({ organizationId, name: 'W' }, actor)
      clock.advance(1000)
      expect(await store.deleteKey(organizationId, key.id, actor)).toBe(true)
      expect(await store.listKeys(organizationId)).toEqual([])
      expect(await store.listKeys(organizationId, { status: 'revoked' })).toEqual([])
      // Its request log and its events still name it.
      const found = await store.findKey(organizationId, key.id)
      expect(found).toMatchObject({ revokedAt: clock.now() })
      expect(await store.deleteKey(organizationId, key.id, actor)).toBe(false)
      expect(await store.updateKey(organizationId, key.id, { name: 'Back' }, actor)).toBeUndefined()
      expect(await store.rotateKey(organizationId, key.id, newSecret(), null, actor)).toBeUndefined()
      expect(await store.grantWorkspace(organizationId, key.id, workspace.id, actor)).toBe(false)
      expect(await store.revokeKey(organizationId, key.id, 'late', actor)).toEqual(found)
    })

    it('keeps the time and reason of a revocation when the key is deleted later', async ({
      store,
      opened: { clock },
    }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      await store.revokeKey(organizationId, key.id, 'leaked', actor)
      const revokedAt = clock.now()
      clock.advance(1000)
      expect(await store.deleteKey(organizationId, key.id, actor)).toBe(true)
      expect(await store.findKey(organizationId, key.id)).toMatchObject({ revokedAt, revokedReason: 'leaked' })
    })
  })
}
