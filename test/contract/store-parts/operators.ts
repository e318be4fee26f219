import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { NewOperator, NewSession } from '../../../src/store/operators-store.ts'
import type { Store } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeOrganization, testOn } from './make.ts'

const everything = { createdAfter: 0, seenAfter: 0 }

function makeOperator(store: Store, email: string, input: Partial<NewOperator> = {}) {
  return store.createOperator(
    { email, name: 'Ada', isRoot: false, verified: true, passwordHash: 'a hash', ...input },
    actor,
  )
}

const newSession = (operatorId: string, input: Partial<NewSession> = {}): NewSession => ({
  operatorId,
  method: 'password',
  ip: '192.0.2.1',
  userAgent: null,
  provedAt: 0,
  tokenSha256: randomBytes(32),
  requestId: 'req-1',
  ...input,
})

export function operatorsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('operators', () => {
    it('have one account for each address, and show no hash', async ({ store, opened: { clock, eventRows } }) => {
      const operator = await makeOperator(store, 'ada@example.com')
      expect(operator).toEqual({
        id: expect.stringMatching(/^usr_[0-9a-z]{26}$/),
        email: 'ada@example.com',
        name: 'Ada',
        isRoot: false,
        verified: true,
        hasPassword: true,
        hasOidc: false,
        createdAt: clock.now(),
        updatedAt: clock.now(),
        lastLoginAt: null,
      })
      expect(await store.findOperator(operator.id)).toEqual(operator)
      expect(await store.findOperatorByEmail('ada@example.com')).toEqual(operator)
      expect(await store.findPasswordHash(operator.id)).toBe('a hash')
      expect(await store.findPasswordHash('usr_none')).toBeUndefined()
      await expect(makeOperator(store, 'ada@example.com')).rejects.toMatchObject({
        name: 'StoreConflict',
        field: 'email',
      })
      expect(JSON.stringify(await eventRows())).not.toContain('a hash')
    })

    it('are not made when their membership can’t be', async ({ store }) => {
      const membership = { organizationId: 'org_none', role: 'viewer' as const }
      await expect(makeOperator(store, 'ada@example.com', { membership })).rejects.toMatchObject({
        name: 'StoreMissing',
      })
      expect(await store.listOperators()).toEqual([])
    })

    it('leave with an organization what they were in it, tokens too', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const membership = { organizationId, role: 'owner' as const }
      const { id } = await makeOperator(store, 'ada@example.com', { membership })
      const tokenSha256 = randomBytes(32)
      const token = { operatorId: id, name: 'T', role: 'viewer' as const, suffix: 'abcd', expiresAt: null }
      await store.createToken({ ...token, organizationId, tokenSha256 }, actor)
      expect((await store.findToken(tokenSha256))?.roles).toEqual(new Map([[organizationId, 'owner']]))
      await store.deleteOrganization(organizationId, actor)
      expect(await store.findToken(tokenSha256)).toBeUndefined()
      expect((await store.rolesOf(id)).size).toBe(0)
      expect(await store.findOperator(id)).toBeDefined()
    })

    it('go with sessions, tokens, links and memberships', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeOperator(store, 'ada@example.com', { membership: { organizationId, role: 'owner' } })
      const [session, token, link] = [randomBytes(32), randomBytes(32), randomBytes(32)]
      await store.createSession(newSession(id, { tokenSha256: session }), everything)
      const input = { operatorId: id, name: 'T', role: 'viewer' as const, suffix: 'abcd', expiresAt: null }
      await store.createToken({ ...input, organizationId: null, tokenSha256: token }, actor)
      await store.createLink(
        { kind: 'reset', operatorId: id, tokenSha256: link, expiresAt: Number.MAX_SAFE_INTEGER },
        actor,
      )
      expect(await store.deleteOperator(id, actor)).toBe('deleted')
      expect(await store.deleteOperator(id, actor)).toBeUndefined()
      expect(await store.findSession(session)).toBeUndefined()
      expect(await store.findToken(token)).toBeUndefined()
      expect(await store.findLink(link)).toBeUndefined()
      expect(await store.listMembers(organizationId)).toEqual([])
    })
  })

  describe('sessions of operators', () => {
    it('show what their operator may do now, in every process', async ({ store, opened: { openAnother } }) => {
      const organizationId = await makeOrganization(store)
      const { id } = await makeOperator(store, 'ada@example.com', { membership: { organizationId, role: 'owner' } })
      const tokenSha256 = randomBytes(32)
      const session = await store.createSession(newSession(id, { tokenSha256, provedAt: 12_345 }), everything)
      expect(session.provedAt).toBe(12_345)
      const other = await openAnother()
      expect((await other.findSession(tokenSha256))?.session).toEqual(session)
      await other.updateMember(organizationId, id, 'viewer', false, actor)
      expect((await store.findSession(tokenSha256))?.roles).toEqual(new Map([[organizationId, 'viewer']]))
      expect(await other.endSession(session.id, actor)).toBe(true)
      expect(await store.findSession(tokenSha256)).toBeUndefined()
      expect(await store.endSession(session.id, actor)).toBe(false)
    })

    it('are cleared away when they have ended, and beyond 50', async ({ store, opened: { clock } }) => {
      const { id } = await makeOperator(store, 'ada@example.com')
      const limits = () => ({ createdAfter: clock.now() - 7 * dayMs, seenAfter: clock.now() - dayMs })
      const first = randomBytes(32)
      await store.createSession(newSession(id, { tokenSha256: first }), limits())
      clock.advance(dayMs)
      for (let at = 0; at < 52; at++) await store.createSession(newSession(id), limits())
      expect(await store.findSession(first)).toBeUndefined()
      expect(await store.listSessions({ operatorId: id, ...everything }, { limit: 200 })).toHaveLength(50)
    })

    it('are touched forward alone', async ({ store, opened: { clock } }) => {
      const { id } = await makeOperator(store, 'ada@example.com')
      const session = await store.createSession(newSession(id), everything)
      await store.touchSession(session.id, clock.now() + 10)
      await store.touchSession(session.id, clock.now() + 5)
      expect((await store.findSessionById(session.id))?.lastSeenAt).toBe(clock.now() + 10)
    })
  })

  describe('links', () => {
    it('are used once, whichever process is first', async ({ store, opened: { openAnother, clock } }) => {
      const { id } = await makeOperator(store, 'ada@example.com', { passwordHash: null })
      const tokenSha256 = randomBytes(32)
      await store.createLink({ kind: 'invitation', operatorId: id, tokenSha256, expiresAt: clock.now() + 10 }, actor)
      const other = await openAnother()
      const input = { email: null, name: null, requestId: 'req-1' }
      const redeemed = await Promise.all([
        store.redeemLink(tokenSha256, { ...input, passwordHash: 'one' }),
        other.redeemLink(tokenSha256, { ...input, passwordHash: 'two' }),
      ])
      expect(redeemed.filter((operator) => operator !== undefined)).toMatchObject([{ id, hasPassword: true }])
    })

    it('expire, and a newer one replaces the older', async ({ store, opened: { clock } }) => {
      const { id } = await makeOperator(store, 'ada@example.com')
      const [older, newer] = [randomBytes(32), randomBytes(32)]
      for (const tokenSha256 of [older, newer]) {
        await store.createLink({ kind: 'reset', operatorId: id, tokenSha256, expiresAt: clock.now() + 10 }, actor)
      }
      expect(await store.findLink(older)).toBeUndefined()
      expect(await store.findLink(newer)).toMatchObject({ kind: 'reset', operatorId: id })
      clock.advance(10)
      expect(await store.findLink(newer)).toBeUndefined()
      const input = { email: null, name: null, requestId: 'req-1', passwordHash: 'x' }
      expect(await store.redeemLink(newer, input)).toBeUndefined()
      expect(await store.findPasswordHash(id)).toBe('a hash')
    })

    it('for set-up make the first operator and no second', async ({ store, opened: { clock } }) => {
      const tokenSha256 = randomBytes(32)
      await store.createLink({ kind: 'setup', operatorId: null, tokenSha256, expiresAt: clock.now() + 10 }, actor)
      await makeOperator(store, 'ada@example.com')
      const input = { email: 'eve@example.com', name: 'Eve', requestId: 'req-1', passwordHash: 'x' }
      expect(await store.redeemLink(tokenSha256, input)).toBeUndefined()
      expect(await store.listOperators()).toHaveLength(1)
    })
  })
}
