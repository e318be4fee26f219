import { hash } from 'node:crypto'
import { describe, expect } from 'vitest'
import { type ChainedEvent, canonicalJson, eventHash, genesisHash } from '../../../src/store/event-chain.ts'
import type { OpenStore } from '../store.ts'
import { actor, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

export function eventsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('the audit trail', () => {
    it('tells each change once, with who did it and what it changed', async ({ store, opened: { clock } }) => {
      const organizationId = await makeOrganization(store)
      const workspace = await store.createWorkspace({ organizationId, name: 'W', externalId: 'x' }, actor)
      const account = await store.createServiceAccount({ organizationId, name: 'Bot', role: 'viewer' }, actor)
      const { key } = await makeKey(store, organizationId)
      await store.updateKey(organizationId, key.id, { scopes: ['b'], name: 'New' }, actor)
      await store.grantWorkspace(organizationId, key.id, workspace.id, actor)
      await store.ungrantWorkspace(organizationId, key.id, workspace.id, actor)
      await store.rotateKey(organizationId, key.id, newSecret(), clock.now() + 1000, actor)
      await store.revokeKey(organizationId, key.id, 'leaked', actor)
      await store.deleteKey(organizationId, key.id, actor)
      await store.updateServiceAccount(organizationId, account.id, { isActive: false }, actor)
      await store.updateWorkspace(organizationId, workspace.id, { externalId: 'y' }, actor)
      await store.deleteWorkspace(organizationId, workspace.id, actor)
      await store.updateOrganization(organizationId, { name: 'Acme 2' }, actor)

      const events = (await store.listEvents()).reverse()
      expect(events.map(({ type, target }) => [type, target])).toEqual([
        ['organization.created', organizationId],
        ['workspace.created', workspace.id],
        ['service_account.created', account.id],
        ['api_key.created', key.id],
        ['api_key.updated', key.id],
        ['api_key.workspace_granted', key.id],
        ['api_key.workspace_ungranted', key.id],
        ['api_key.rotated', key.id],
        ['api_key.revoked', key.id],
        ['api_key.deleted', key.id],
        ['service_account.updated', account.id],
        ['workspace.updated', workspace.id],
        ['workspace.deleted', workspace.id],
        ['organization.updated', organizationId],
      ])
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
      for (const event of events) {
        expect(event).toMatchObject({ id: expect.stringMatching(/^evt_/), organizationId, at: clock.now(), actor })
      }
      expect(events[4]).toMatchObject({
        before: { name: 'CI', scopes: ['projects:read'] },
        after: { name: 'New', scopes: ['b'] },
      })
      expect(events[7]?.after).toMatchObject({ grace_ends_at: clock.now() + 1000 })
      expect(events[8]?.after).toEqual({ revoked_reason: 'leaked' })
    })

    it('holds no hash of a secret, from which a short one could be guessed', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store)
      const { key, secret } = await makeKey(store, organizationId)
      const next = newSecret()
      await store.rotateKey(organizationId, key.id, next, null, actor)
      const text = JSON.stringify(await opened.eventRows())
      for (const { sha256 } of [secret, next]) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          expect(text).not.toContain(sha256.toString(encoding))
        }
      }
    })

    it('keeps an event that goes with no change', async ({ store, opened: { clock } }) => {
      await store.appendEvent(
        { type: 'api_key.exposed', organizationId: 'org_a', target: 'key_a', after: { where: 'query' } },
        { type: 'system', id: null },
      )
      expect(await store.listEvents()).toEqual([
        {
          id: expect.stringMatching(/^evt_/),
          seq: 1,
          at: clock.now(),
          type: 'api_key.exposed',
          organizationId: 'org_a',
          target: 'key_a',
          actor: { type: 'system', id: null },
          before: null,
          after: { where: 'query' },
        },
      ])
      expect(await store.latestChange()).toBe(0)
    })

    it('lists newest first, one organization or all, in pages', async ({ store }) => {
      const one = await makeOrganization(store, 'One')
      const two = await makeOrganization(store, 'Two')
      for (const name of ['a', 'b']) await store.updateOrganization(one, { name }, actor)
      const all = await store.listEvents({}, { limit: 3 })
      await store.updateOrganization(two, { name: 'late' }, actor)
      const rest = await store.listEvents({}, { before: all[2]?.id ?? '' })
      expect([...all, ...rest].map(({ seq }) => seq)).toEqual([4, 3, 2, 1])
      const own = await store.listEvents({ organizationId: one }, { limit: 2 })
      const ownRest = await store.listEvents({ organizationId: one }, { before: own[1]?.id ?? '' })
      expect([...own, ...ownRest].map(({ seq }) => seq)).toEqual([4, 3, 1])
    })

    it('is a chain of hashes that anyone can compute again from what is stored', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store, 'Ünïcode "quoted" \u{1f511} \ud800')
      await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          makeKey(store, organizationId, { name: `key ${index}`, rateLimit: { requests: 1, perMs: 1000 } }),
        ),
      )
      const after = { z: 1, a: [1.5, null, { d: undefined, c: true }], when: new Date(0) }
      await store.appendEvent({ type: 'x', organizationId: null, target: null, after }, { type: 'system', id: null })
      const rows = await opened.eventRows()
      expect(rows).toHaveLength(7)
      let previous = genesisHash
      for (const row of rows) {
        expect(row.prev_hash).toBe(previous)
        const event = chained(row)
        // Written out once more here, so that the function can't be wrong in the same way as the store.
        expect(hash('sha256', canonicalJson(event))).toBe(row.hash)
        expect(eventHash(event)).toBe(row.hash)
        expect(eventHash({ ...event, type: 'forged' })).not.toBe(row.hash)
        previous = String(row.hash)
      }
    })

    it('goes on as one chain after the store was opened again', async ({ store, opened }) => {
      await makeOrganization(store)
      await makeOrganization(await opened.reopen(), 'Second')
      const [first, second] = await opened.eventRows()
      expect(second?.prev_hash).toBe(first?.hash)
      expect(second?.seq).toBe(2)
    })
  })
}

const chained = (row: Record<string, unknown>): ChainedEvent => ({
  seq: Number(row.seq),
  id: String(row.id),
  at: Number(row.at),
  type: String(row.type),
  organizationId: textOrNull(row.organization_id),
  target: textOrNull(row.target),
  actorType: String(row.actor_type),
  actorId: textOrNull(row.actor_id),
  requestId: textOrNull(row.request_id),
  before: typeof row.before === 'string' ? JSON.parse(row.before) : null,
  after: typeof row.after === 'string' ? JSON.parse(row.after) : null,
  prevHash: String(row.prev_hash),
})

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)
