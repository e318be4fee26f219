import { describe, expect } from 'vitest'
import type { ApiKey } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function secretsContract(open: OpenStore): void {
  const it = testOn(open)
  const suffixes = (key: ApiKey | undefined) => key?.secrets.map(({ keySuffix }) => keySuffix)

  describe('secrets', () => {
    it('kills the old one at once when no grace is given, whatever the clock does afterwards', async ({
      store,
      opened: { clock },
    }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      clock.advance(1000)
      const next = newSecret()
      const rotated = await store.rotateKey(organizationId, key.id, next, null, actor)
      expect(rotated).toMatchObject({ id: key.id, scopes: key.scopes, updatedAt: clock.now() })
      expect(suffixes(rotated)).toEqual([next.keySuffix])
      expect(await store.findKeyByHash(next.sha256)).toMatchObject({ keyId: key.id, secretExpiresAt: null })
      clock.advance(-60_000)
      expect(await store.findKeyByHash(secret.sha256)).toBeUndefined()
      expect(suffixes(await store.findKey(organizationId, key.id))).toEqual([next.keySuffix])
    })

    it('keeps both alive through a grace period, each with its own end and last use', async ({ store, opened }) => {
      const { clock } = opened
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      const next = newSecret()
      const graceEndsAt = clock.now() + 60_000
      const rotated = await store.rotateKey(organizationId, key.id, next, graceEndsAt, actor)
      expect(rotated?.secrets).toMatchObject([
        { keySuffix: next.keySuffix, expiresAt: null, lastUsedAt: null },
        { keySuffix: secret.keySuffix, expiresAt: graceEndsAt, lastUsedAt: null },
      ])
      const old = await store.findKeyByHash(secret.sha256)
      expect(old).toMatchObject({ keyId: key.id, secretExpiresAt: graceEndsAt })
      await store.touchSecrets(new Map([[old?.secretId ?? '', clock.now() + 5]]))
      const used = await store.findKey(organizationId, key.id)
      expect(used?.secrets.map(({ lastUsedAt }) => lastUsedAt)).toEqual([null, clock.now() + 5])
      expect(used?.lastUsedAt).toBe(clock.now() + 5)

      clock.advance(60_000)
      expect(suffixes(await store.findKey(organizationId, key.id))).toEqual([next.keySuffix])
      const ended = await store.findKeyByHash(secret.sha256)
      expect(ended === undefined || (ended.secretExpiresAt ?? Infinity) <= clock.now()).toBe(true)
    })

    it("never lets a grace period last longer than the key's own expiry", async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const expiresAt = clock.now() + dayMs
      const { key, secret } = await makeKey(store, organizationId, { expiresAt })
      await store.rotateKey(organizationId, key.id, newSecret(), clock.now() + 30 * dayMs, actor)
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ secretExpiresAt: expiresAt })
    })

    it('gives no secret a longer life at the next rotation', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret: first } = await makeKey(store, organizationId)
      const second = newSecret()
      const third = newSecret()
      const soon = clock.now() + 1000
      const late = clock.now() + dayMs
      await store.rotateKey(organizationId, key.id, second, soon, actor)
      await store.rotateKey(organizationId, key.id, third, late, actor)
      expect(await store.findKeyByHash(first.sha256)).toMatchObject({ secretExpiresAt: soon })
      expect(await store.findKeyByHash(second.sha256)).toMatchObject({ secretExpiresAt: late })
      // And an end at once ends all of them.
      await store.rotateKey(organizationId, key.id, newSecret(), null, actor)
      for (const { sha256 } of [first, second, third]) expect(await store.findKeyByHash(sha256)).toBeUndefined()
    })

    it('takes a grace period that is over already for none', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      await store.rotateKey(organizationId, key.id, newSecret(), clock.now(), actor)
      expect(await store.findKeyByHash(secret.sha256)).toBeUndefined()
    })

    it('rotates no key that is revoked or expired', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key: revoked } = await makeKey(store, organizationId)
      await store.revokeKey(organizationId, revoked.id, null, actor)
      expect(await store.rotateKey(organizationId, revoked.id, newSecret(), null, actor)).toBeUndefined()
      const { key: expired } = await makeKey(store, organizationId, { expiresAt: clock.now() + 1000 })
      clock.advance(1000)
      const late = newSecret()
      expect(await store.rotateKey(organizationId, expired.id, late, null, actor)).toBeUndefined()
      expect(await store.findKeyByHash(late.sha256)).toBeUndefined()
    })

    it('shows the last one when none is live, so that the key can still be told', async ({
      store,
      opened: { clock },
    }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId)
      const next = newSecret()
      await store.rotateKey(organizationId, key.id, next, clock.now() + dayMs, actor)
      const revoked = await store.revokeKey(organizationId, key.id, null, actor)
      expect(suffixes(revoked)).toEqual([next.keySuffix])
      expect(suffixes((await store.listKeys(organizationId))[0])).toEqual([next.keySuffix])
    })

    it('never moves a last use back, and knows the latest over all secrets', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      const firstId = key.secrets[0]?.id ?? ''
      const now = clock.now()
      await store.touchSecrets(new Map([[firstId, now + 100]]))
      await store.touchSecrets(
        new Map([
          [firstId, now + 50],
          ['sec_none', now],
        ]),
      )
      await store.touchSecrets(new Map())
      expect((await store.findKey(organizationId, key.id))?.lastUsedAt).toBe(now + 100)
      const rotated = await store.rotateKey(organizationId, key.id, newSecret(), now + dayMs, actor)
      await store.touchSecrets(new Map([[rotated?.secrets[0]?.id ?? '', now + 70]]))
      expect((await store.findKey(organizationId, key.id))?.lastUsedAt).toBe(now + 100)
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ lastUsedAt: now + 100 })
    })
  })
}
