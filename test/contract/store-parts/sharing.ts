import { describe, expect } from 'vitest'
import { StoreUnavailable } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, newSecret, requestRow, testOn } from './make.ts'

export function sharingContract(open: OpenStore): void {
  const it = testOn(open)

  describe('one store, several processes', () => {
    it('shows in one what the other has changed, as soon as it has resolved', async ({ store, opened }) => {
      const other = await opened.openAnother()
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      expect(await other.findKeyByHash(secret.sha256)).toMatchObject({ keyId: key.id, revokedAt: null })
      const seen = await store.latestChange()
      await other.revokeKey(organizationId, key.id, 'from elsewhere', actor)
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ revokedAt: opened.clock.now() })
      expect(await store.changesSince(seen, 10)).toMatchObject({
        changes: [{ seq: seen + 1, kind: 'api_key', id: key.id }],
        gap: false,
      })
    })

    it('loses nothing when both write at once, and keeps one chain and one order', async ({ store, opened }) => {
      const other = await opened.openAnother()
      const organizationId = await makeOrganization(store)
      const stores = [store, other]
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const one = stores[index % 2] ?? store
          const { key } = await makeKey(one, organizationId, { name: `${index}` })
          await one.insertRequests([requestRow(1_800_000_000_000 + index)])
          if (index % 4 === 0) await one.rotateKey(organizationId, key.id, newSecret(), null, actor)
        }),
      )
      const names = (await store.listKeys(organizationId)).map(({ name }) => Number(name))
      expect(names.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index))
      expect((await other.listRequests()).rows).toHaveLength(40)
      const rows = await opened.eventRows()
      expect(rows).toHaveLength(51)
      for (const [index, row] of rows.entries()) {
        expect(row.seq).toBe(index + 1)
        if (index > 0) expect(row.prev_hash).toBe(rows[index - 1]?.hash)
      }
      expect(await store.latestChange()).toBe(51)
    })

    it('lets one alone take a slug, and tells the other', async ({ store, opened }) => {
      const other = await opened.openAnother()
      const results = await Promise.allSettled(
        [store, other, store, other].map((one) => one.createOrganization({ name: 'N', slug: 'only' }, actor)),
      )
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ field: 'slug' })
      }
    })

    it('keeps all that was acknowledged when it is opened again', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      await store.revokeKey(organizationId, key.id, null, actor)
      const row = requestRow(1_800_000_000_000)
      await store.insertRequests([row])
      const again = await opened.reopen()
      expect(await again.findKeyByHash(secret.sha256)).toMatchObject({ keyId: key.id, revokedAt: opened.clock.now() })
      expect((await again.listRequests()).rows).toEqual([row])
    })

    it('answers a ping while open; once closed nothing is answered, and closing again is no error', async ({
      store,
    }) => {
      const organizationId = await makeOrganization(store)
      const { secret } = await makeKey(store, organizationId)
      await store.ping()
      await Promise.all([store.close(), store.close()])
      await expect(store.ping()).rejects.toThrow(StoreUnavailable)
      await expect(store.listOrganizations()).rejects.toThrow(StoreUnavailable)
      await expect(store.createOrganization({ name: 'N' }, actor)).rejects.toThrow(StoreUnavailable)
      await expect((async () => store.findKeyByHash(secret.sha256))()).rejects.toThrow(StoreUnavailable)
      await expect((async () => store.changesSince(0, 10))()).rejects.toThrow(StoreUnavailable)
    })
  })
}
