import { hash } from 'node:crypto'
import { describe, expect } from 'vitest'
import { type ChainedEvent, canonicalJson, eventHash, genesisHash } from '../../../src/store/event-chain.ts'
import type { EventFilter, Store } from '../../../src/store/store.ts'
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

      const events = (await store.listEvents()).rows.toReversed()
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
      expect((await store.listEvents()).rows).toEqual([
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
      const all = (await store.listEvents({}, { limit: 3 })).rows
      await store.updateOrganization(two, { name: 'late' }, actor)
      const rest = (await store.listEvents({}, { before: all[2]?.id ?? '' })).rows
      expect([...all, ...rest].map(({ seq }) => seq)).toEqual([4, 3, 2, 1])
      const own = (await store.listEvents({ organizationId: one }, { limit: 2 })).rows
      const ownRest = (await store.listEvents({ organizationId: one }, { before: own[1]?.id ?? '' })).rows
      expect([...own, ...ownRest].map(({ seq }) => seq)).toEqual([4, 3, 1])
    })

    it('is searched by type, family of types, actor, target and time, alone and together', async ({
      store,
      opened,
    }) => {
      const { clock } = opened
      const started = clock.now()
      for (const [index, [type, organizationId, actorId, target]] of searched.entries()) {
        clock.advance(index === 0 ? 0 : 1000)
        await store.appendEvent({ type, organizationId, target }, { type: 'operator', id: actorId })
      }
      const at = (index: number) => started + index * 1000
      const find = async (filter: EventFilter) => (await store.listEvents(filter)).rows.map(({ seq }) => seq)
      expect(await find({ type: 'api_key.revoked' })).toEqual([5, 2])
      expect(await find({ type: 'api_key.*' })).toEqual([6, 5, 2, 1])
      expect(await find({ type: 'api.*' })).toEqual([])
      expect(await find({ actorId: 'usr_b' })).toEqual([6, 5, 3])
      expect(await find({ target: 'key_1' })).toEqual([5, 2, 1])
      expect(await find({ organizationId: 'org_a', type: 'api_key.revoked' })).toEqual([2])
      expect(await find({ organizationId: 'org_a', type: 'api_key.*', actorId: 'usr_b' })).toEqual([6])
      expect(await find({ organizationId: 'org_b', target: 'key_1' })).toEqual([5])
      expect(await find({ target: 'key_1', since: at(1), until: at(4) })).toEqual([2])
      expect(await find({ since: at(2), until: at(4) })).toEqual([4, 3])
      expect(await find({ organizationId: 'org_a', since: at(3) })).toEqual([6, 4])
      expect(await find({ organizationId: 'org_a', until: at(3), type: 'webhook.*' })).toEqual([3])
      expect(await find({ since: at(1), actorId: 'usr_a' })).toEqual([4, 2])
      expect(await find({ actorId: 'usr_none' })).toEqual([])
    })

    it.for<EventFilter>([
      { type: 'api_key.revoked' },
      { type: 'api_key.*' },
      { actorId: 'usr_b' },
      { target: 'key_1' },
      { organizationId: 'org_a' },
      { organizationId: 'org_a', type: 'api_key.*' },
      { organizationId: 'org_a', target: 'key_1', since: 1 },
      { since: 1 },
      { since: 1, type: 'api_key.*', actorId: 'usr_b' },
      { organizationId: 'org_a', since: 1, type: 'api_key.*' },
    ])('gives each event of a search once, by whatever pages: %j', async (filter, { store, opened }) => {
      for (const [type, organizationId, actorId, target] of [...searched, ...searched, ...searched]) {
        // Two at the same time are no less two.
        opened.clock.advance(searched.length % 2)
        await store.appendEvent({ type, organizationId, target }, { type: 'operator', id: actorId })
      }
      const whole = (await store.listEvents(filter, { limit: 200 })).rows.map(({ seq }) => seq)
      expect(whole).toEqual(whole.toSorted((a, b) => b - a))
      expect(whole.length).toBeGreaterThan(2)
      for (const page of [{ limit: 1 }, { limit: 2 }, { limit: 200, lookAt: 1 }, { limit: 2, lookAt: 4 }]) {
        expect([page, await walk(store, filter, page)]).toEqual([page, whole])
      }
    })

    it('looks at so many events for a page and no more, and says where the next begins', async ({ store }) => {
      for (let made = 0; made < 5; made++) {
        for (const organizationId of ['org_a', 'org_b']) {
          await store.appendEvent(
            { type: 'config.reloaded', organizationId, target: null },
            { type: 'system', id: null },
          )
        }
      }
      const [{ id: third } = { id: '' }] = (await store.listEvents({ organizationId: 'org_a' })).rows.slice(2)
      const search = { organizationId: 'org_a', type: 'job.failed' }
      expect(await store.listEvents(search, { lookAt: 3 })).toEqual({ rows: [], next: third })
      expect(await store.listEvents(search, { lookAt: 3, before: third })).toEqual({ rows: [] })
    })

    it('takes the event of another organization for none to go on behind', async ({ store }) => {
      for (const organizationId of ['org_a', 'org_b', 'org_a']) {
        await store.appendEvent({ type: 'config.reloaded', organizationId, target: null }, { type: 'system', id: null })
      }
      const [foreign] = (await store.listEvents({ organizationId: 'org_b' })).rows
      expect(await store.listEvents({ organizationId: 'org_a' }, { before: foreign?.id ?? '' })).toEqual({ rows: [] })
      expect((await store.listEvents({}, { before: foreign?.id ?? '' })).rows).toHaveLength(1)
    })

    it('gives one event by its id', async ({ store }) => {
      await store.appendEvent(
        { type: 'config.reloaded', organizationId: 'org_a', target: 'a' },
        { type: 'system', id: null },
      )
      const [event] = (await store.listEvents()).rows
      expect(await store.findEvent(event?.id ?? '')).toEqual(event)
      expect(await store.findEvent('evt_none')).toBeUndefined()
    })

    it('is a chain of hashes that anyone can compute again from what is stored', async ({ store, opened }) => {
      const organizationId = await makeOrganization(store, 'Ünïcode "quoted" \u{1f511} \ud800')
      await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          makeKey(store, organizationId, { name: `key ${index}`, rateLimit: { requests: 1, perMs: 1000 } }),
        ),
      )
      const after = { z: 1, a: [1.5, null, { d: undefined, c: true }], when: new Date(0) }
      await store.appendEvent(
        { type: 'config.reloaded', organizationId: null, target: null, after },
        { type: 'system', id: null },
      )
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

/** Type, organization, actor and target. */
const searched = [
  ['api_key.created', 'org_a', 'usr_a', 'key_1'],
  ['api_key.revoked', 'org_a', 'usr_a', 'key_1'],
  ['webhook.created', 'org_a', 'usr_b', 'wh_1'],
  ['webhook.updated', 'org_a', 'usr_a', 'wh_1'],
  ['api_key.revoked', 'org_b', 'usr_b', 'key_1'],
  ['api_key.created', 'org_a', 'usr_b', 'key_2'],
] as const

async function walk(store: Store, filter: EventFilter, page: { limit: number; lookAt?: number }): Promise<number[]> {
  const seqs: number[] = []
  let before: string | undefined
  do {
    const { rows, next }: Awaited<ReturnType<Store['listEvents']>> = await store.listEvents(filter, {
      ...page,
      ...(before !== undefined && { before }),
    })
    seqs.push(...rows.map(({ seq }) => seq))
    before = next
  } while (before !== undefined)
  return seqs
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
