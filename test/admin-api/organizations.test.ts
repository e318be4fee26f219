import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Organization } from '../../src/store/store.ts'
import { type AdminApi, type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { logInRoot } from '../helpers/operators.ts'

interface Problem {
  readonly code: string
  readonly detail: string
}

let gateway: AdminGateway
let organization: Organization
let path: string
let owner: AdminApi
beforeAll(async () => {
  gateway = await startAdmin()
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  organization = await gateway.createOrg()
  path = `/organizations/${organization.id}`
  owner = await gateway.member('owner', organization.id)
})

describe('an owner', () => {
  it('suspends and resumes its own organization, with a reason', async () => {
    const suspended = await owner('PATCH', path, { status: 'suspended', reason: 'Moving' })
    expect([suspended.status, suspended.body]).toMatchObject([
      200,
      { status: 'suspended', status_reason: 'Moving', suspended_by: 'owner' },
    ])
    const resumed = await owner('PATCH', path, { status: 'active' })
    expect([resumed.status, resumed.body]).toMatchObject([
      200,
      { status: 'active', status_reason: null, suspended_by: null },
    ])
  })

  it.each([
    ['the admin token', async () => gateway.api('PATCH', path, { status: 'suspended', reason: 'Unpaid' })],
    [
      'a root operator',
      async () =>
        (await logInRoot(gateway)).browser.send('PATCH', `/platform${path}`, { status: 'suspended', reason: 'Unpaid' }),
    ],
    [
      'the command line',
      () =>
        gateway.store.updateOrganization(
          organization.id,
          { status: 'suspended', statusReason: 'Unpaid' },
          { type: 'cli', id: null },
        ),
    ],
  ])('does not lift a suspension by %s, nor change its reason; root does', async (_by, suspend) => {
    await suspend()
    expect((await owner('GET', path)).body).toMatchObject({ status: 'suspended', suspended_by: 'root' })
    for (const change of [
      { status: 'active' },
      { status: 'active', reason: 'Unpaid' },
      { status: 'suspended', reason: 'Holidays' },
      { status: 'suspended' },
      { name: 'Other', status: 'active' },
    ]) {
      const answer = await owner<Problem>('PATCH', path, change)
      expect([change, answer.status, answer.body.code]).toEqual([change, 403, 'FORBIDDEN'])
      expect(answer.body.detail).toContain('suspended by root')
    }
    expect((await owner('GET', path)).body).toMatchObject({
      name: organization.name,
      status: 'suspended',
      status_reason: 'Unpaid',
      suspended_by: 'root',
    })
    // What is not root's stays the owner's, and to send back what is there changes nothing.
    const renamed = await owner('PATCH', path, { name: 'Renamed', status: 'suspended', reason: 'Unpaid' })
    expect([renamed.status, renamed.body]).toMatchObject([200, { name: 'Renamed', suspended_by: 'root' }])
    const resumed = await gateway.api('PATCH', path, { status: 'active' })
    expect([resumed.status, resumed.body]).toMatchObject([200, { status: 'active', suspended_by: null }])
  })

  it('does not lift its own suspension once root has made it root’s', async () => {
    await owner('PATCH', path, { status: 'suspended', reason: 'Moving' })
    const taken = await gateway.api('PATCH', path, { status: 'suspended', reason: 'Unpaid' })
    expect(taken.body).toMatchObject({ status_reason: 'Unpaid', suspended_by: 'root' })
    expect((await owner('PATCH', path, { status: 'active' })).status).toBe(403)
  })

  it('loses to a suspension by root that comes between its reading and its writing', async () => {
    for (let round = 0; round < 15; round++) {
      await gateway.api('PATCH', path, { status: 'active' })
      await owner('PATCH', path, { status: 'suspended' })
      const answers = await Promise.all([
        owner('PATCH', path, { status: 'active' }),
        gateway.api('PATCH', path, { status: 'suspended', reason: 'Unpaid' }),
        owner('PATCH', path, { status: 'active' }),
      ])
      // Before root: done. After it: refused.
      for (const { status } of answers) expect([200, 403, 412]).toContain(status)
      expect(answers[1].status).toBe(200)
      expect((await owner('GET', path)).body).toMatchObject({ status: 'suspended', suspended_by: 'root' })
    }
  })

  it('does not set, raise or take away the rate limit of its organization, and may send the one that is there', async () => {
    const set = (limit: unknown) => owner<Problem>('PATCH', path, { rate_limit: limit })
    expect((await set({ requests: 5, per: '1m' })).status).toBe(403)
    const limit = { requests: 10, per: '1m' }
    expect((await gateway.api('PATCH', path, { rate_limit: limit })).status).toBe(200)
    for (const other of [{ requests: 11, per: '1m' }, { requests: 10, per: '1s' }, null]) {
      const answer = await set(other)
      expect([other, answer.status, answer.body.code]).toEqual([other, 403, 'FORBIDDEN'])
      expect(answer.body.detail).toContain('rate_limit')
    }
    const renamed = await owner('PATCH', path, { name: 'Renamed', rate_limit: { requests: 10, per: '60s' } })
    expect([renamed.status, renamed.body]).toMatchObject([200, { name: 'Renamed', rate_limit: limit }])
  })

  it('changes name and metadata', async () => {
    const answer = await owner('PATCH', path, { name: 'Mine', metadata: { team: 'blue' } })
    expect([answer.status, answer.body]).toMatchObject([200, { name: 'Mine', metadata: { team: 'blue' } }])
  })
})
