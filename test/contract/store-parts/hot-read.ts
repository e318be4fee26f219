import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function hotReadContract(open: OpenStore): void {
  const it = testOn(open)

  describe('the hot look-up', () => {
    it('reads all that a decision needs', async ({ store, opened: { clock } }) => {
      const organization = await store.createOrganization(
        { name: 'Ächme', slug: 'acme', rateLimit: { requests: 9, perMs: 500 } },
        actor,
      )
      const organizationId = organization.id
      const one = await store.createWorkspace({ organizationId, name: 'One', externalId: 'prj_1' }, actor)
      const two = await store.createWorkspace({ organizationId, name: 'Two' }, actor)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'engineer' }, actor)
      const { key, secret } = await makeKey(store, organizationId, {
        scopes: ['a:*', 'b'],
        expiresAt: clock.now() + dayMs,
        allowedIps: ['10.0.0.0/8'],
        rateLimit: { requests: 3, perMs: 1000 },
        serviceAccountId: account.id,
        workspaceIds: [two.id, one.id],
      })
      const record = await store.findKeyByHash(secret.sha256)
      expect(record && { ...record, workspaces: new Set(record.workspaces) }).toEqual({
        secretId: key.secrets[0]?.id,
        secretExpiresAt: null,
        keyId: key.id,
        name: 'CI',
        keyPrefix: secret.keyPrefix,
        environment: 'live',
        scopes: ['a:*', 'b'],
        createdAt: clock.now(),
        expiresAt: clock.now() + dayMs,
        revokedAt: null,
        lastUsedAt: null,
        projectId: null,
        allowedIps: ['10.0.0.0/8'],
        rateLimit: { requests: 3, perMs: 1000 },
        serviceAccountId: account.id,
        serviceAccountActive: true,
        workspaces: new Set([
          { id: one.id, externalId: 'prj_1' },
          { id: two.id, externalId: null },
        ]),
        organization: {
          id: organizationId,
          name: 'Ächme',
          slug: 'acme',
          status: 'active',
          rateLimit: { requests: 9, perMs: 500 },
        },
      })
    })

    it('finds nothing for a hash that is not there, or is not one', async ({ store }) => {
      await makeKey(store, await makeOrganization(store))
      expect(await store.findKeyByHash(randomBytes(32))).toBeUndefined()
      expect(await store.findKeyByHash(Buffer.alloc(0))).toBeUndefined()
    })

    it('shows each change as soon as the change has resolved', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'viewer' }, actor)
      const workspace = await store.createWorkspace({ organizationId, name: 'W', externalId: 'old' }, actor)
      const { key, secret } = await makeKey(store, organizationId, { serviceAccountId: account.id })
      const look = async () => await store.findKeyByHash(secret.sha256)

      expect(await look()).toMatchObject({ revokedAt: null, serviceAccountActive: true, workspaces: [] })
      await store.updateKey(organizationId, key.id, { scopes: ['x'], allowedIps: ['192.0.2.1'] }, actor)
      expect(await look()).toMatchObject({ scopes: ['x'], allowedIps: ['192.0.2.1'] })
      await store.grantWorkspace(organizationId, key.id, workspace.id, actor)
      await store.updateWorkspace(organizationId, workspace.id, { externalId: 'new' }, actor)
      expect(await look()).toMatchObject({ workspaces: [{ id: workspace.id, externalId: 'new' }] })
      await store.deleteWorkspace(organizationId, workspace.id, actor)
      expect(await look()).toMatchObject({ workspaces: [] })
      await store.updateServiceAccount(organizationId, account.id, { isActive: false }, actor)
      expect(await look()).toMatchObject({ serviceAccountActive: false })
      await store.updateOrganization(organizationId, { status: 'suspended' }, actor)
      expect(await look()).toMatchObject({ organization: { status: 'suspended' } })
      await store.revokeKey(organizationId, key.id, null, actor)
      expect(await look()).toMatchObject({ keyId: key.id, revokedAt: clock.now() })
    })

    it('shows an expired and a deleted key with the state that refuses it', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const expired = await makeKey(store, organizationId, { expiresAt: clock.now() + 1000 })
      const deleted = await makeKey(store, organizationId)
      await store.deleteKey(organizationId, deleted.key.id, actor)
      const deletedAt = clock.now()
      clock.advance(2000)
      expect(await store.findKeyByHash(expired.secret.sha256)).toMatchObject({ expiresAt: clock.now() - 1000 })
      expect(await store.findKeyByHash(deleted.secret.sha256)).toMatchObject({ revokedAt: deletedAt })
    })

    it('names the prefix of the secret that was sent, not of the newest', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId, { secret: newSecret('sk_live_old1') })
      await store.rotateKey(organizationId, key.id, newSecret('sk_live_new1'), clock.now() + 1000, actor)
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ keyPrefix: 'sk_live_old1' })
    })
  })
}
