import { describe, expect } from 'vitest'
import type { Store } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function changesContract(open: OpenStore): void {
  const it = testOn(open)

  /** What one action adds to the change log. */
  const changesOf = async (store: Store, action: () => Promise<unknown>): Promise<[string, string][]> => {
    const before = await store.latestChange()
    await action()
    const { changes, gap } = await store.changesSince(before, 100)
    expect(gap).toBe(false)
    return changes.map(({ kind, id }) => [kind, id])
  }

  describe('the change log', () => {
    it('is empty at first', async ({ store }) => {
      expect(await store.latestChange()).toBe(0)
      expect(await store.changesSince(0, 100)).toEqual({ changes: [], gap: false })
    })

    it('has one row for each change that a node may have to forget something for', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const workspace = await store.createWorkspace({ organizationId, name: 'W', externalId: 'x' }, actor)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'viewer' }, actor)
      const { key } = await makeKey(store, organizationId)
      const ofKey = [['api_key', key.id]]
      const ofOrganization = [['organization', organizationId]]
      const changes = (action: () => Promise<unknown>) => changesOf(store, action)
      const grace = opened.clock.now() + 1000

      expect(await changes(() => store.updateKey(organizationId, key.id, { scopes: [] }, actor))).toEqual(ofKey)
      expect(await changes(() => store.rotateKey(organizationId, key.id, newSecret(), grace, actor))).toEqual(ofKey)
      expect(await changes(() => store.grantWorkspace(organizationId, key.id, workspace.id, actor))).toEqual(ofKey)
      expect(await changes(() => store.ungrantWorkspace(organizationId, key.id, workspace.id, actor))).toEqual(ofKey)
      expect(await changes(() => store.revokeKey(organizationId, key.id, null, actor))).toEqual(ofKey)
      expect(await changes(() => store.deleteKey(organizationId, key.id, actor))).toEqual(ofKey)
      expect(
        await changes(() => store.updateServiceAccount(organizationId, account.id, { isActive: false }, actor)),
      ).toEqual(ofOrganization)
      expect(await changes(() => store.updateOrganization(organizationId, { status: 'suspended' }, actor))).toEqual(
        ofOrganization,
      )
      expect(
        await changes(() => store.updateWorkspace(organizationId, workspace.id, { externalId: 'y' }, actor)),
      ).toEqual(ofOrganization)
      expect(await changes(() => store.updateWorkspace(organizationId, workspace.id, { name: 'N' }, actor))).toEqual([])
      expect(await changes(() => store.deleteWorkspace(organizationId, workspace.id, actor))).toEqual(ofOrganization)
      const used = new Map([[key.secrets[0]?.id ?? '', opened.clock.now()]])
      expect(await changes(() => store.touchSecrets(used))).toEqual([])
    })

    it('tells a new key, which a node may remember as unknown', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const before = await store.latestChange()
      const { key } = await makeKey(store, organizationId)
      const { changes } = await store.changesSince(before, 10)
      expect(changes).toEqual([{ seq: before + 1, kind: 'api_key', id: key.id }])
    })

    it('comes oldest first, in strictly growing numbers, as many as asked for', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      await Promise.all(Array.from({ length: 9 }, () => makeKey(store, organizationId)))
      const seqs: number[] = []
      for (let seq = 0; ; ) {
        const { changes, gap } = await store.changesSince(seq, 4)
        expect(gap).toBe(false)
        if (changes.length === 0) break
        seqs.push(...changes.map((change) => change.seq))
        seq = changes.at(-1)?.seq ?? 0
      }
      expect(seqs).toHaveLength(10)
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
      expect(seqs.at(-1)).toBe(await store.latestChange())
    })

    it('says when rows were pruned that a follower has not seen, and only then', async ({
      store,
      opened: { clock },
    }) => {
      await makeOrganization(store, 'One')
      await makeOrganization(store, 'Two')
      const seen = await store.latestChange()
      await makeOrganization(store, 'Three')
      clock.advance(60_000)
      const { id } = await store.createOrganization({ name: 'Four' }, actor)
      const latest = await store.latestChange()
      await store.pruneChanges(clock.now())
      expect(await store.changesSince(seen, 100)).toMatchObject({ gap: true })
      expect(await store.changesSince(0, 100)).toMatchObject({ gap: true })
      expect(await store.changesSince(latest - 1, 100)).toMatchObject({
        changes: [{ seq: latest, kind: 'organization', id }],
        gap: false,
      })
      expect(await store.changesSince(latest, 100)).toMatchObject({ changes: [], gap: false })
    })

    it('gives no number twice, also when all was pruned and the store opened again', async ({ store, opened }) => {
      await makeOrganization(store, 'One')
      await makeOrganization(store, 'Two')
      const latest = await store.latestChange()
      opened.clock.advance(60_000)
      await store.pruneChanges(opened.clock.now())
      expect(await store.latestChange()).toBe(latest)
      expect(await store.changesSince(latest, 10)).toMatchObject({ changes: [], gap: false })
      const again = await opened.reopen()
      await makeOrganization(again, 'Three')
      expect(await again.latestChange()).toBe(latest + 1)
    })

    it('takes a number from the future for a gap: the data was replaced by older data', async ({ store }) => {
      await makeOrganization(store)
      expect(await store.changesSince(99, 10)).toMatchObject({ gap: true })
    })

    it('takes a number that was given to another change for a gap: a replica took over that lacks the newest', async ({
      store,
      opened,
    }) => {
      await makeOrganization(store)
      const seen = await store.latestChange()
      const { at = 0 } = await store.changesSince(seen - 1, 10)
      expect(at).toBe(opened.clock.now())
      expect(await store.changesSince(seen, 10, at)).toMatchObject({ changes: [], gap: false })
      expect(await store.changesSince(seen, 10, at - 1)).toMatchObject({ gap: true })
      await makeOrganization(store, 'Two')
      expect((await store.changesSince(seen, 10, at)).gap).toBe(false)
      expect((await store.changesSince(seen, 10, at - 1)).gap).toBe(true)
    })
  })
}
