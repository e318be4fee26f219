import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

interface Account {
  id: string
  slug: string
  role: string
}

let gateway: AdminGateway
let accounts: string
beforeAll(async () => {
  gateway = await startAdmin()
  accounts = `/organizations/${gateway.organization.id}/service-accounts`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const make = async (role: string): Promise<Account> =>
  (await gateway.api<Account>('POST', accounts, { name: 'CI Bot', role })).body

describe('service accounts', () => {
  it('are made, read, listed and changed', async () => {
    const { api } = gateway
    const made = await api<Account>('POST', accounts, {
      name: 'Deploy Bot',
      description: 'Publishes versions from Git',
      role: 'engineer',
    })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      id: expect.stringMatching(/^sa_/),
      organization_id: gateway.organization.id,
      name: 'Deploy Bot',
      slug: 'deploy-bot',
      description: 'Publishes versions from Git',
      role: 'engineer',
      is_active: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const path = `${accounts}/${made.body.id}`
    expect((await api('GET', path)).body).toEqual(made.body)
    expect((await api<Account[]>('GET', accounts)).body[0]).toEqual(made.body)
    const change = { name: 'Bot', description: 'Other', role: 'viewer', is_active: false }
    const changed = await api('PATCH', path, change)
    expect([changed.status, changed.body]).toMatchObject([200, { ...change, slug: 'deploy-bot' }])
  })

  it('have a slug that is unique in the organization', async () => {
    const { api } = gateway
    expect((await api('POST', accounts, { name: 'x', role: 'viewer', slug: 'robot' })).status).toBe(201)
    const again = await api('POST', accounts, { name: 'x', role: 'viewer', slug: 'robot' })
    expect([again.status, again.body.code]).toEqual([409, 'CONFLICT'])
  })

  it.each([
    {},
    { name: 'x' },
    { name: 'x', role: 'root' },
    { name: 'x', role: 'Admin' },
    { name: 'x', role: 'viewer', is_active: true },
    { name: 'x', role: 'viewer', slug: 'Not A Slug' },
  ])('refuse %j with 422', async (body) => {
    expect((await gateway.api('POST', accounts, body)).status).toBe(422)
  })

  it('get no role above that of who gives it, and are changed by nobody below them', async () => {
    const admin = await gateway.member('admin')
    expect((await admin('POST', accounts, { name: 'x', role: 'owner' })).status).toBe(403)
    const made = await admin<Account>('POST', accounts, { name: 'x', role: 'admin' })
    expect(made.status).toBe(201)
    expect((await admin('PATCH', `${accounts}/${made.body.id}`, { role: 'owner' })).status).toBe(403)
    const owners = await make('owner')
    expect((await admin('PATCH', `${accounts}/${owners.id}`, { role: 'viewer' })).status).toBe(403)
    expect((await admin('PATCH', `${accounts}/${owners.id}`, { is_active: false })).status).toBe(403)
    expect((await gateway.api('GET', `${accounts}/${owners.id}`)).body).toEqual(owners)
  })
})

describe('keys of service accounts', () => {
  const keysOf = () => `/organizations/${gateway.organization.id}/api-keys`
  const makeKey = async (body: object): Promise<string> =>
    (await gateway.api<{ key: { id: string } }>('POST', keysOf(), { name: 'k', ...body })).body.key.id

  it('are the ones that engineers make and manage, where the account is not above them', async () => {
    const engineer = await gateway.member('engineer')
    const keys = keysOf()
    const [own, above] = [await make('engineer'), await make('admin')]
    expect((await engineer('POST', keys, { name: 'k' })).status).toBe(403)
    expect((await engineer('POST', keys, { name: 'k', service_account_id: above.id })).status).toBe(403)
    expect((await engineer('POST', keys, { name: 'k', service_account_id: `${own.id}0` })).status).toBe(404)
    const made = await engineer<{ key: { id: string } }>('POST', keys, { name: 'k', service_account_id: own.id })
    expect(made.status).toBe(201)

    const plain = await makeKey({})
    const highest = await makeKey({ service_account_id: above.id })
    const steps: [string, string, unknown?][] = [
      ['PATCH', '', { name: 'New' }],
      ['POST', '/rotate', {}],
      ['POST', '/revoke', {}],
      ['DELETE', ''],
    ]
    for (const [method, path, body] of steps) {
      for (const id of [plain, highest]) {
        const { status } = await engineer(method, `${keys}/${id}${path}`, body)
        expect([method, path, status]).toEqual([method, path, 403])
      }
      const { status } = await engineer(method, `${keys}/${made.body.key.id}${path}`, body)
      expect([method, path, status]).toEqual([method, path, method === 'DELETE' ? 204 : 200])
    }
  })

  it('can’t manage other keys when an engineer made them', async () => {
    const engineer = await gateway.member('engineer')
    const { id } = await make('engineer')
    const keys = keysOf()
    const scopes = ['projects:read', 'keys:manage']
    expect((await engineer('POST', keys, { name: 'k', service_account_id: id, scopes })).status).toBe(403)
    const plain = await makeKey({ service_account_id: id })
    expect((await engineer('PATCH', `${keys}/${plain}`, { scopes })).status).toBe(403)
    const managing = await makeKey({ service_account_id: id, scopes })
    expect((await engineer('POST', `${keys}/${managing}/rotate`, {})).status).toBe(403)
    expect((await engineer('PATCH', `${keys}/${managing}`, { name: 'x' })).status).toBe(403)
  })

  it('of an account above an admin are revoked by the admin, and not rotated', async () => {
    const admin = await gateway.member('admin')
    const { id: account } = await make('owner')
    const keys = keysOf()
    expect((await admin('POST', keys, { name: 'k', service_account_id: account })).status).toBe(403)
    const id = await makeKey({ service_account_id: account })
    expect((await admin('POST', `${keys}/${id}/rotate`, {})).status).toBe(403)
    expect((await admin('PATCH', `${keys}/${id}`, { allowed_ips: [] })).status).toBe(403)
    expect((await admin('POST', `${keys}/${id}/revoke`, {})).status).toBe(200)
  })
})
