import { describe, expect } from 'vitest'
import { StoreConflict } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function togetherContract(open: OpenStore): void {
  const it = testOn(open)

  describe('several changes as one', () => {
    it('see each other, and nobody else sees them before they are all there', async ({ store, opened }) => {
      const another = await opened.openAnother()
      const secret = newSecret()
      const made = await store.together(async (inner) => {
        const organizationId = await makeOrganization(inner)
        const { key } = await makeKey(inner, organizationId, { secret })
        expect(await inner.findKey(organizationId, key.id)).toEqual(key)
        expect(await inner.listKeys(organizationId)).toEqual([key])
        expect(await another.findOrganization(organizationId)).toBeUndefined()
        expect(await store.findKeyByHash(secret.sha256)).toBeUndefined()
        return { organizationId, key }
      })
      expect(await another.findKey(made.organizationId, made.key.id)).toEqual(made.key)
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ keyId: made.key.id })
    })

    it('leave nothing when the last of them fails, not even an event', async ({ store, opened }) => {
      await makeOrganization(store)
      const before = [await opened.eventRows(), await store.latestChange()]
      const failing = store.together(async (inner) => {
        await makeKey(inner, await makeOrganization(inner, 'Other'))
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect([await opened.eventRows(), await store.latestChange()]).toEqual(before)
      expect((await store.listOrganizations()).map(({ name }) => name)).toEqual(['Acme'])
      expect(await makeOrganization(store, 'Next')).toMatch(/^org_/)
    })

    it('leave nothing when one of them was refused and that was caught', async ({ store }) => {
      const answer = await store.together(async (inner) => {
        const organizationId = await makeOrganization(inner)
        const { secret } = await makeKey(inner, organizationId)
        const twice = makeKey(inner, organizationId, { secret })
        return twice.catch((error: unknown) => error instanceof StoreConflict && error.field)
      })
      expect(answer).toBe('secret')
      expect(await store.listOrganizations()).toEqual([])
    })

    it('are done one after the other, from whichever process', async ({ store, opened }) => {
      const another = await opened.openAnother()
      const organizationId = await makeOrganization(store)
      // Whoever reads what it changes, and were not alone, would lose one.
      const oneMore = (on: typeof store) =>
        on.together(async (inner) => {
          const organization = await inner.findOrganization(organizationId)
          const count = Number(organization?.metadata.count ?? 0) + 1
          await inner.updateOrganization(organizationId, { metadata: { count } }, actor)
        })
      await Promise.all(Array.from({ length: 20 }, (_, index) => oneMore(index % 2 ? store : another)))
      expect((await store.findOrganization(organizationId))?.metadata).toEqual({ count: 20 })
    })

    it('can keep the answer of a request in them, or leave nothing when another has taken it over', async ({
      store,
      opened: { clock },
    }) => {
      const times = () => ({ leaseEndsAt: clock.now() + 10, expiresAt: clock.now() + 1000 })
      const first = await store.startIdempotent('a', times())
      clock.advance(10)
      const second = await store.startIdempotent('a', times())
      if (first.state !== 'started' || second.state !== 'started') throw new Error('each has the lease in turn')
      const make = (lease: string, name: string) =>
        store.together(async (inner) => {
          await makeOrganization(inner, name)
          const answer = { sealed: Buffer.from(name), sealedWith: 'm1' }
          if (!(await inner.finishIdempotent('a', lease, answer))) throw new Error('taken over')
        })
      await expect(make(first.lease, 'First')).rejects.toThrow('taken over')
      await make(second.lease, 'Second')
      expect((await store.listOrganizations()).map(({ name }) => name)).toEqual(['Second'])
      expect(await store.startIdempotent('a', times())).toMatchObject({ state: 'finished' })
    })
  })
}
