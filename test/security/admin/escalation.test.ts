import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminApi, type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { eventually } from '../../helpers/eventually.ts'
import { logInMember } from '../../helpers/operators.ts'

/** Nobody gets above themselves: by giving a role, by a key, by a service account, by a job, by a token. */
let gateway: AdminGateway
let at: string
let actors: Record<'owner' | 'admin' | 'engineer' | 'viewer', AdminApi>
const roles = ['viewer', 'engineer', 'admin', 'owner'] as const
const accounts: Record<string, string> = {}
const keys: Record<string, string> = {}

beforeAll(async () => {
  gateway = await startAdmin()
  at = `/organizations/${gateway.organization.id}`
  const [owner, admin, engineer, viewer] = await Promise.all(
    (['owner', 'admin', 'engineer', 'viewer'] as const).map((role) => gateway.member(role)),
  )
  if (!owner || !admin || !engineer || !viewer) throw new Error('an actor is missing')
  actors = { owner, admin, engineer, viewer }
  for (const role of roles) {
    const account = await gateway.api<{ id: string }>('POST', `${at}/service-accounts`, { name: role, role })
    accounts[role] = account.body.id
    keys[role] = await newKey({ service_account_id: account.body.id })
  }
  keys.nobody = await newKey({})
  keys.managing = await newKey({ service_account_id: accounts.viewer, scopes: ['keys:manage'] })
  keys.system = await newKey({})
  await gateway.api('PATCH', `${at}/api-keys/${keys.system}`, { system: true })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function newKey(input: object): Promise<string> {
  const { status, body } = await gateway.api<{ key: { id: string } }>('POST', `${at}/api-keys`, {
    name: 'K',
    scopes: ['*'],
    ...input,
  })
  expect(status).toBe(201)
  return body.key.id
}
const above = (role: (typeof roles)[number]) => roles.slice(roles.indexOf(role) + 1)
const events = async (): Promise<number> => (await gateway.store.listEvents({}, { limit: 200 })).rows.length

/** Each of these is refused, and leaves no event. */
async function refuses(
  api: AdminApi,
  calls: readonly (readonly [string, string, unknown?])[],
  wanted: readonly number[] = [403],
) {
  const before = await events()
  for (const [method, path, body] of calls) {
    const { status } = await api(method, path, body)
    expect([method, path, body, wanted.includes(status) ? 'refused' : status]).toEqual([method, path, body, 'refused'])
  }
  expect(await events()).toBe(before)
}

describe.each(roles)('somebody who is %s', (role) => {
  it('makes no service account above, and makes and changes none that is', async () => {
    await refuses(
      actors[role],
      above(role).flatMap((higher) => [
        ['POST', `${at}/service-accounts`, { name: 'S', role: higher }] as const,
        ['PATCH', `${at}/service-accounts/${accounts[role]}`, { role: higher }] as const,
        ['PATCH', `${at}/service-accounts/${accounts[higher]}`, { is_active: false }] as const,
        ['PATCH', `${at}/service-accounts/${accounts[higher]}`, { role: 'viewer' }] as const,
      ]),
    )
  })

  it('has in hand no key of an account above: makes, rotates, reveals, widens, grants none', async () => {
    const { body } = await gateway.api<{ id: string }>('POST', `${at}/workspaces`, { name: 'W' })
    await refuses(
      actors[role],
      above(role).flatMap((higher) => [
        [
          'POST',
          `${at}/api-keys`,
          { name: 'K', scopes: ['projects:read'], service_account_id: accounts[higher] },
        ] as const,
        ['PATCH', `${at}/api-keys/${keys[higher]}`, { allowed_ips: [] }] as const,
        ['POST', `${at}/api-keys/${keys[higher]}/rotate`, {}] as const,
        ['POST', `${at}/api-keys/${keys[higher]}/reveal`, {}] as const,
        ['PUT', `${at}/api-keys/${keys[higher]}/workspaces/${body.id}`] as const,
      ]),
    )
  })

  it('has in hand no key of the platform, and makes none', async () => {
    const path = `${at}/api-keys/${keys.system}`
    await refuses(actors[role], [
      ['PATCH', path, { name: 'Mine' }],
      ['PATCH', path, { system: false }],
      ['PATCH', `${at}/api-keys/${keys.viewer}`, { system: true }],
      ['POST', `${path}/rotate`, {}],
      ['POST', `${path}/revoke`, {}],
      ['POST', `${path}/reveal`, {}],
      ['DELETE', path],
    ])
  })

  it('gives no membership and no token above its own', async () => {
    const { browser, id } = await logInMember(gateway, gateway.organization.id, role)
    const before = await events()
    for (const higher of [...above(role), 'root']) {
      const token = await browser.send('POST', '/platform/tokens', { name: 'T', role: higher })
      const itself = await browser.send('PATCH', `/platform${at}/members/${id}`, { role: higher })
      const other = await browser.send('POST', `/platform${at}/members`, { email: 'other@example.com', role: higher })
      const refused = higher === 'root' ? [403, 422] : [403]
      for (const { status } of [token, itself, other])
        expect([role, higher, refused.includes(status), status]).toEqual([role, higher, true, status])
    }
    for (const [method, path, body] of [
      ['POST', '/platform/operators', { email: 'root@example.com', name: 'R', is_root: true }],
      ['PATCH', `/platform/operators/${id}`, { is_root: true }],
      ['POST', `/platform/operators/${id}/reset-password`, {}],
      ['POST', '/platform/organizations', { name: 'Mine' }],
    ] as const) {
      expect([path, (await browser.send(method, path, body)).status]).toEqual([path, 403])
    }
    expect(await events()).toBe(before)
  })

  it('does nothing about the whole instance, and lifts nothing that root has set', async () => {
    await refuses(actors[role], [
      ['POST', `${at}/jobs`, { type: 'secret_rotation' }],
      ['PATCH', at, { rate_limit: { requests: 1_000_000, per: '1s' } }],
      ['POST', '/config/reload', {}],
      ['POST', '/policy/validate', { yaml: '' }],
      ['POST', '/policy/explain', { method: 'GET', path: '/', scopes: [] }],
      ['GET', '/policy'],
      ['GET', '/requests'],
      ['GET', '/requests/stream'],
      ['GET', '/events'],
      ['GET', '/events/verify'],
      ['GET', '/analytics'],
      ['GET', '/operators'],
    ])
  })
})

describe('an engineer', () => {
  it('has in hand no key without an account, and none that manages others, old or new', async () => {
    const order = { name: 'K', service_account_id: accounts.viewer }
    const [nobodys, managing, own] = ['nobody', 'managing', 'viewer'].map((name) => `${at}/api-keys/${keys[name]}`)
    await refuses(actors.engineer, [
      ['POST', `${at}/api-keys`, { name: 'K', scopes: ['*'] }],
      ['POST', `${at}/api-keys`, { name: 'K', scopes: ['*'], service_account_id: null }],
      ['POST', `${at}/api-keys`, { ...order, scopes: ['keys:manage'] }],
      ['POST', `${at}/api-keys`, { ...order, scopes: ['*', 'keys:manage'] }],
      ['PATCH', String(own), { scopes: ['keys:manage'] }],
      ['PATCH', String(own), { scopes: ['projects:read', 'keys:manage', 'keys:manage'] }],
      ['POST', `${managing}/rotate`, {}],
      ['PATCH', String(managing), { scopes: [] }],
      ['POST', `${nobodys}/rotate`, {}],
      ['POST', `${nobodys}/revoke`, {}],
      ['DELETE', String(nobodys)],
      ['POST', `${at}/jobs`, { type: 'key_export' }],
    ])
    // What looks like it is not it: no wildcard holds it, and no other spelling is granted.
    for (const scope of [
      'keys:*',
      'KEYS:MANAGE',
      'keys:manage ',
      'keys:manage\u0000',
      'keys%3amanage',
      'ｋeys:manage',
    ]) {
      const { status } = await actors.engineer('POST', `${at}/api-keys`, { ...order, scopes: [scope] })
      expect([scope, [403, 422].includes(status)]).toEqual([scope, true])
    }
    const { body } = await actors.engineer<{ raw_key: string }>('POST', `${at}/api-keys`, { ...order, scopes: ['*'] })
    const answer = await gateway.request('GET', '/tenants/me/api-keys', { key: body.raw_key })
    expect([403, 404]).toContain(answer.status)
  })
})

describe('a job', () => {
  const endOf = async (id: string): Promise<Record<string, unknown>> =>
    await eventually('the job to end', async () => {
      const { body } = await gateway.api('GET', `${at}/jobs/${id}`)
      return ['completed', 'failed'].includes(String(body.status)) && body
    })

  it('of an admin imports no key for an account above, no key of the platform, and nothing of another organization', async () => {
    const sha256 = 'ab'.repeat(32)
    const lines = [
      { name: 'above', service_account_id: accounts.owner, sha256, key_prefix: 'sk_live_' },
      { name: 'system', system: true, sha256, key_prefix: 'sk_live_' },
      { name: 'elsewhere', organization_id: 'org_00000000000000000000000000', sha256, key_prefix: 'sk_live_' },
      { name: 'named', id: keys.system, sha256, key_prefix: 'sk_live_' },
      { name: 'made', created_by: 'usr_x', created_at: '2020-01-01T00:00:00Z', sha256, key_prefix: 'sk_live_' },
      { name: 'proto', metadata: { constructor: { prototype: {} } }, isRoot: true, sha256, key_prefix: 'sk_live_' },
    ]
    const before = (await gateway.api<unknown[]>('GET', `${at}/api-keys?limit=200`)).body.length
    const data = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"name":"p","__proto__":{"system":true}}`
    const ordered = await actors.admin<{ id: string }>('POST', `${at}/jobs`, {
      type: 'key_import',
      params: { format: 'jsonl', data },
    })
    expect(ordered.status).toBe(202)
    await endOf(ordered.body.id)
    expect((await gateway.api<unknown[]>('GET', `${at}/api-keys?limit=200`)).body).toHaveLength(before)
  })

  it('of an admin revokes every key but those of the platform', async () => {
    const mine = await newKey({ name: 'to-be-revoked' })
    const params = { ids: [mine, keys.system] }
    const ordered = await actors.admin<{ id: string }>('POST', `${at}/jobs`, { type: 'bulk_revoke', params })
    expect(ordered.status).toBe(202)
    await endOf(ordered.body.id)
    const stateOf = async (id: string | undefined) => (await gateway.api('GET', `${at}/api-keys/${id}`)).body.is_active
    expect([await stateOf(mine), await stateOf(keys.system)]).toEqual([false, true])
  })

  it.each([{ service_account_roles: ['owner'] }, { actor: 'root' }, { organization_id: 'org_x' }, { system: true }])(
    'takes no more than its parameters: %j',
    async (more) => {
      for (const [type, params] of [
        ['bulk_revoke', { ids: [] }],
        ['key_export', {}],
        ['request_export', {}],
        ['key_import', { format: 'jsonl', data: '{}' }],
      ] as const) {
        const order = { type, params: { ...params, ...more } }
        expect([type, (await actors.owner('POST', `${at}/jobs`, order)).status]).toEqual([type, 422])
      }
    },
  )
})

it('a key does nothing in the admin API, whatever it holds', async () => {
  const { raw } = await gateway.createKey({ scopes: ['*', 'keys:manage'] })
  for (const [method, path] of [
    ['GET', '/me'],
    ['GET', '/organizations'],
    ['GET', at],
    ['POST', `${at}/api-keys`],
    ['GET', '/policy'],
  ] as const) {
    expect([path, (await gateway.as(raw)(method, path, method === 'POST' ? { name: 'K' } : undefined)).status]).toEqual(
      [path, 401],
    )
  }
})
