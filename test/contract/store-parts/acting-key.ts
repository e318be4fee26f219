import { describe, expect } from 'vitest'
import { type ActingKey, type ApiKey, type Store, StoreChanged } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function actingKeyContract(open: OpenStore): void {
  const it = testOn(open)

  describe('a key that makes and deletes others', () => {
    it('is asked in the transaction, as it is then, together with the key that is to go', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      const { key: target } = await makeKey(store, organizationId)
      await store.updateKey(organizationId, key.id, { scopes: ['changed'] }, actor)
      const asked: (readonly [own: ApiKey, target: ApiKey | undefined])[] = []
      const by = actingAs(key, (own, other) => asked.push([own, other]) > 0)
      expect(await create(store, organizationId, by)).toMatchObject({ name: 'Made' })
      expect(await store.deleteKey(organizationId, target.id, actor, by)).toBe(true)
      expect(asked.map(([own, other]) => [own.id, own.scopes, other?.id])).toEqual([
        [key.id, ['changed'], undefined],
        [key.id, ['changed'], target.id],
      ])
    })

    it('leaves nothing behind when it may not, or is not live any more', async ({ opened: { store, clock } }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const { key: target } = await makeKey(store, organizationId)
      const make = async (input = {}) => (await makeKey(store, organizationId, input)).key
      const [refused, revoked, deleted, expired] = [
        await make(),
        await make(),
        await make(),
        await make({ expiresAt: clock.now() + dayMs }),
      ]
      const [rotated, graced] = [await make(), await make()]
      await store.revokeKey(organizationId, revoked.id, null, actor)
      await store.deleteKey(organizationId, deleted.id, actor)
      await store.rotateKey(organizationId, rotated.id, newSecret(), null, actor)
      await store.rotateKey(organizationId, graced.id, newSecret(), clock.now() + dayMs, actor)
      const { key: foreign } = await makeKey(store, other)
      expect(
        await create(
          store,
          organizationId,
          actingAs(graced, () => true),
        ),
      ).toMatchObject({ name: 'Made' })
      clock.advance(dayMs)

      const before = [
        await store.latestChange(),
        (await store.listEvents()).rows.length,
        await store.countKeys(organizationId),
      ]
      const acting = [
        actingAs(refused, () => false),
        ...[revoked, deleted, expired, rotated, graced, foreign].map((key) => actingAs(key, () => true)),
      ]
      for (const by of acting) {
        await expect(create(store, organizationId, by)).rejects.toThrow(StoreChanged)
        await expect(store.deleteKey(organizationId, target.id, actor, by)).rejects.toThrow(StoreChanged)
      }
      const after = [
        await store.latestChange(),
        (await store.listEvents()).rows.length,
        await store.countKeys(organizationId),
      ]
      expect(after).toEqual(before)
    })
  })
}

/** With the secret that the key had when it was made. */
const actingAs = ({ id, secrets }: ApiKey, holds: ActingKey['holds']): ActingKey => ({
  keyId: id,
  secretId: secrets[0]?.id ?? '',
  holds,
})

const create = (store: Store, organizationId: string, by: ActingKey): Promise<ApiKey> =>
  store.createKey({ organizationId, name: 'Made', scopes: [], environment: null, secret: newSecret() }, actor, by)
