import { describe, expect } from 'vitest'
import type { SecretOwner } from '../../../src/store/sealed-secrets-store.ts'
import type { NewSecret } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function sealedSecretsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('secrets that are kept encrypted', () => {
    /** Stands for encryption: whose secret it is can be read from it. */
    const sealedBy = (sealedWith: string): NewSecret => ({
      ...newSecret(),
      seal: (owner: SecretOwner) => ({ sealed: textOf(owner), sealedWith }),
    })
    const textOf = ({ secretId, keyId, organizationId }: SecretOwner) =>
      Buffer.from([secretId, keyId, organizationId].join(' '))

    it('are sealed for the ids that they are stored under', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId, { secret: sealedBy('m1') })
      const found = await store.findSealedSecret(organizationId, key.id)
      expect(found).toMatchObject({ secretId: key.secrets[0]?.id, keyId: key.id, organizationId })
      if (found === undefined || found.sealed === null) throw new Error('it was sealed')
      expect(Buffer.from(found.sealed)).toEqual(textOf(found))
      expect(await store.masterKeysInUse()).toEqual(['m1'])
    })

    it('leave nothing when sealing fails: no key without the copy that was asked for', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const failing: NewSecret = {
        ...newSecret(),
        seal: () => {
          throw new Error('no master key')
        },
      }
      await expect(makeKey(store, organizationId, { secret: failing })).rejects.toThrow('no master key')
      expect(await store.listKeys(organizationId)).toEqual([])
      const { key, secret } = await makeKey(store, organizationId, { secret: sealedBy('m1') })
      await expect(store.rotateKey(organizationId, key.id, failing, null, actor)).rejects.toThrow('no master key')
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ keyId: key.id, secretExpiresAt: null })
      expect((await store.findSealedSecret(organizationId, key.id))?.sealed).not.toBeNull()
    })

    it('are those of the newest secret alone, null where it was made without', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId, { secret: sealedBy('m1') })
      const later = clock.now() + 60_000
      await store.rotateKey(organizationId, key.id, sealedBy('m2'), later, actor)
      expect(await store.masterKeysInUse()).toEqual(['m2'])
      await store.rotateKey(organizationId, key.id, newSecret(), later, actor)
      expect(await store.findSealedSecret(organizationId, key.id)).toMatchObject({ sealed: null })
      expect(await store.masterKeysInUse()).toEqual([])
    })

    it('go with the key: revoked, deleted, expired or of another organization there is none', async ({
      store,
      opened,
    }) => {
      const organizationId = await makeOrganization(store)
      const other = await makeOrganization(store, 'Other')
      const make = async (expiresAt: number | null = null) =>
        (await makeKey(store, organizationId, { secret: sealedBy('m1'), expiresAt })).key.id
      const [revoked, deleted, expiring, whole] = [
        await make(),
        await make(),
        await make(opened.clock.now() + 5),
        await make(),
      ]
      await store.revokeKey(organizationId, revoked, null, actor)
      await store.deleteKey(organizationId, deleted, actor)
      opened.clock.advance(5)
      for (const id of [revoked, deleted, expiring, 'key_none']) {
        expect(await store.findSealedSecret(organizationId, id)).toBeUndefined()
      }
      expect(await store.findSealedSecret(other, whole)).toBeUndefined()
      expect(await store.countSealedWithOther('m2')).toBe(2)
      await store.deleteOrganization(organizationId, actor)
      expect(await store.countSealedWithOther('m2')).toBe(0)
    })

    it('are listed in batches with their owners, and replaced where they are still what was read', async ({
      store,
    }) => {
      const organizationId = await makeOrganization(store)
      for (let count = 0; count < 5; count++) await makeKey(store, organizationId, { secret: sealedBy('m1') })
      const first = await store.listSealedWithOther('m2', null, 3)
      const second = await store.listSealedWithOther('m2', first.at(-1)?.id ?? null, 3)
      expect([first.length, second.length, new Set([...first, ...second].map(({ id }) => id)).size]).toEqual([3, 2, 5])
      for (const { id, owner, sealed } of [...first, ...second]) {
        if (owner.kind !== 'api_key') throw new Error('there are no others')
        expect([owner.secretId, Buffer.from(sealed)]).toEqual([id, textOf(owner)])
      }
      const replaced = first.map(({ id, sealed }, index) => ({
        id,
        kind: 'api_key' as const,
        sealed: Buffer.from('new'),
        sealedWith: 'm2',
        previous: index === 0 ? Buffer.from('changed meanwhile') : sealed,
      }))
      await store.replaceSealed(replaced)
      expect(await store.countSealedWithOther('m2')).toBe(3)
      expect((await store.masterKeysInUse()).toSorted()).toEqual(['m1', 'm2'])
    })

    it('of webhooks are listed and replaced with those of keys', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId, { secret: sealedBy('m1') })
      const seal = () => ({ sealed: Buffer.from('hook'), sealedWith: 'm1' })
      const input = {
        organizationId,
        url: 'https://example.com/',
        description: '',
        events: ['api_key.created'] as const,
      }
      const webhook = await store.createWebhook({ ...input, seal }, actor)
      if (webhook === 'full') throw new Error('there is none yet')
      const rows = await store.listSealedWithOther('m2', null, 10)
      expect(rows.map(({ owner }) => owner)).toMatchObject([
        { kind: 'api_key', keyId: key.id },
        { kind: 'webhook', webhookId: webhook.id, organizationId },
      ])
      expect(await store.countSealedWithOther('m2')).toBe(2)
      await store.replaceSealed(
        rows.map(({ id, owner, sealed }) => ({
          id,
          kind: owner.kind,
          sealed: Buffer.from('new'),
          sealedWith: 'm2',
          previous: sealed,
        })),
      )
      expect(await store.masterKeysInUse()).toEqual(['m2'])
    })
  })
}
