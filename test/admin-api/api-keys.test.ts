import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'

interface KeyRecord {
  id: string
  name: string
  key_prefix: string
  key_suffix: string
  status: string
  is_active: boolean
  scopes: string[]
  updated_at: string
  secrets: { id: string; expires_at: string | null }[]
  [field: string]: unknown
}
interface Created {
  key: KeyRecord
  raw_key: string
}
interface Problem {
  code: string
  detail: string
  errors?: { path: string; message: string }[]
}

let gateway: AdminGateway
let clock: TestClock
let keys: string
beforeAll(async () => {
  clock = testClock()
  gateway = await startAdmin(undefined, { clock })
  keys = `/organizations/${gateway.organization.id}/api-keys`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const create = async (body: object = {}): Promise<Created> => {
  const { status, body: created } = await gateway.api<Created>('POST', keys, { name: 'CI pipeline', ...body })
  expect([status, created]).toEqual([201, expect.anything()])
  return created
}
const statusOf = async (raw: string): Promise<number | undefined> =>
  (await gateway.request('GET', '/api/v1/me', { key: raw })).status

/** The fields of seed 003, and those that SPEC section 7 adds. */
const recordFields = [
  ...['id', 'name', 'description', 'organization_id', 'project_id', 'scopes', 'key_prefix', 'is_active'],
  ...['last_used_at', 'expires_at', 'created_by', 'created_at', 'updated_at'],
  ...['key_suffix', 'environment', 'status', 'workspaces_total', 'workspaces_preview', 'service_account_id'],
  ...['allowed_ips', 'rate_limit', 'metadata', 'system', 'revoked_at', 'revoked_reason', 'secrets'],
].sort()

describe('POST …/api-keys', () => {
  it('makes a key that works at once, and shows it this once', async () => {
    const { api, organization } = gateway
    const { status, headers, body } = await api<Created>('POST', keys, {
      name: 'CI pipeline',
      description: 'Deploys',
      environment: 'test',
      scopes: ['projects:read', 'runs:write'],
      expires_in_days: 365,
      allowed_ips: ['127.0.0.0/8', '::1'],
      rate_limit: { requests: 100, per: '1m' },
      metadata: { team: 'soc' },
    })
    expect(status).toBe(201)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(body).sort()).toEqual(['key', 'raw_key'])
    expect(Object.keys(body.key).sort()).toEqual(recordFields)
    expect(body.raw_key).toMatch(/^sk_test_[0-9A-Za-z]{36}$/)
    expect(body.key).toMatchObject({
      id: expect.stringMatching(/^key_/),
      organization_id: organization.id,
      project_id: null,
      environment: 'test',
      key_prefix: body.raw_key.slice(0, 12),
      key_suffix: body.raw_key.slice(-4),
      is_active: true,
      status: 'active',
      expires_at: new Date(clock.now() + 365 * 86_400_000).toISOString(),
      last_used_at: null,
      rate_limit: { requests: 100, per: '1m' },
      metadata: { team: 'soc' },
      system: false,
      secrets: [{ id: expect.stringMatching(/^sec_/), expires_at: null, last_used_at: null }],
    })
    expect(await statusOf(body.raw_key)).toBe(200)
    const read = await api('GET', `${keys}/${body.key.id}`)
    expect(read.status).toBe(200)
    expect(JSON.stringify(read.body)).not.toContain(body.raw_key)
    expect(Object.keys(read.body).sort()).toEqual(recordFields)
  })

  it('gives what is left out its default', async () => {
    const { key } = await create()
    expect(key).toMatchObject({
      environment: 'live',
      scopes: ['*'],
      expires_at: null,
      description: '',
      allowed_ips: [],
    })
    const { key: none } = await create({ scopes: [], expires_in_days: null, rate_limit: null })
    expect(none).toMatchObject({ scopes: [], expires_at: null, rate_limit: null })
  })

  it('answers an unknown scope with 422 UNKNOWN_SCOPE that names it and the nearest one', async () => {
    const { status, body } = await gateway.api<Problem>('POST', keys, {
      name: 'x',
      scopes: ['projects:read', 'project:write'],
    })
    expect([status, body.code]).toEqual([422, 'UNKNOWN_SCOPE'])
    expect(body.errors).toEqual([
      { path: 'scopes.1', message: expect.stringContaining('did you mean "projects:write"') },
    ])
  })

  it.each<[string, unknown, string]>([
    ['no name', {}, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a name of spaces', { name: '  ' }, 'name'],
    ['a name with control characters', { name: 'a\u0007b' }, 'name'],
    ['a name that is a number', { name: 5 }, 'name'],
    ['an expiry of 0 days', { name: 'x', expires_in_days: 0 }, 'expires_in_days'],
    ['an expiry of 3651 days', { name: 'x', expires_in_days: 3651 }, 'expires_in_days'],
    ['an expiry as text', { name: 'x', expires_in_days: '30' }, 'expires_in_days'],
    ['half a day', { name: 'x', expires_in_days: 0.5 }, 'expires_in_days'],
    ['an environment that is not configured', { name: 'x', environment: 'staging' }, 'environment'],
    ['scopes as text', { name: 'x', scopes: 'projects:read' }, 'scopes'],
    ['a scope that is a number', { name: 'x', scopes: [1] }, 'scopes.0'],
    ['an address that is none', { name: 'x', allowed_ips: ['10.0.0.0/33'] }, 'allowed_ips.0'],
    ['a rate limit of nothing', { name: 'x', rate_limit: { requests: 0, per: '1m' } }, 'rate_limit.requests'],
    ['a rate limit per nothing', { name: 'x', rate_limit: { requests: 1, per: '0s' } }, 'rate_limit.per'],
    ['an unknown field in a rate limit', { name: 'x', rate_limit: { requests: 1, per: '1s', burst: 2 } }, 'rate_limit'],
    ['metadata that is a list', { name: 'x', metadata: [] }, 'metadata'],
    ['metadata beyond 8 KiB', { name: 'x', metadata: { a: 'b'.repeat(8200) } }, 'metadata'],
    ['an unknown field', { name: 'x', is_active: true }, ''],
    ['system, which no creator sets', { name: 'x', system: true }, ''],
    ['a body that is a list', [], ''],
    ['no body', undefined, ''],
  ])('answers %s with 422 and the path', async (_what, body, path) => {
    const before = await gateway.store.listKeys(gateway.organization.id, {}, { limit: 1 })
    const answer = await gateway.api<Problem>('POST', keys, body)
    expect([answer.status, answer.body]).toEqual([422, expect.objectContaining({ code: 'VALIDATION_FAILED' })])
    expect(answer.body.errors?.map((error) => error.path)).toContain(path)
    expect(await gateway.store.listKeys(gateway.organization.id, {}, { limit: 1 })).toEqual(before)
  })

  it('binds a key made with project_id to it: a further grant is 409', async () => {
    const { api, organization } = gateway
    const own = await gateway.store.createWorkspace(
      { organizationId: organization.id, name: 'Website', externalId: 'prj_1' },
      { type: 'cli', id: null },
    )
    const other = await api<{ id: string }>('POST', `/organizations/${organization.id}/workspaces`, { name: 'Other' })
    const { key } = await create({ project_id: 'prj_1' })
    expect(key).toMatchObject({
      project_id: 'prj_1',
      workspaces_total: 1,
      workspaces_preview: [{ id: own.id, external_id: 'prj_1' }],
    })
    const refused = await api<Problem>('PUT', `${keys}/${key.id}/workspaces/${other.body.id}`)
    expect([refused.status, refused.body.code]).toEqual([409, 'CONFLICT'])
    expect((await api('PUT', `${keys}/${key.id}/workspaces/${own.id}`)).status).toBe(200)
    const both = await api<Problem>('POST', keys, { name: 'x', project_id: 'prj_1', workspace_ids: [other.body.id] })
    expect([both.status, both.body.errors?.[0]?.path]).toEqual([422, 'workspace_ids'])
  })

  it.each(['project_id', 'workspace_ids', 'service_account_id'])(
    'answers a %s of another organization like one that does not exist: 404',
    async (field) => {
      const { api, store } = gateway
      const stranger = await gateway.createOrg({ name: 'Stranger' })
      const actor = { type: 'cli', id: null } as const
      const { id: workspace } = await store.createWorkspace({ organizationId: stranger.id, name: 'W' }, actor)
      const { id: account } = await store.createServiceAccount(
        { organizationId: stranger.id, name: 'S', role: 'viewer' },
        actor,
      )
      const foreign = field === 'service_account_id' ? account : workspace
      const unknown = `${foreign.slice(0, -2)}00`
      const ask = async (id: string) => {
        const { status, body } = await api<Problem>('POST', keys, {
          name: 'x',
          [field]: field === 'workspace_ids' ? [id] : id,
        })
        return { status, code: body.code, detail: body.detail, errors: JSON.stringify(body.errors).replace(id, 'ID') }
      }
      const answer = await ask(foreign)
      expect(answer).toMatchObject({ status: 404, code: 'NOT_FOUND' })
      expect(answer).toEqual(await ask(unknown))
    },
  )

  it('gives a key to a service account', async () => {
    const { api, organization } = gateway
    const account = await api<{ id: string }>('POST', `/organizations/${organization.id}/service-accounts`, {
      name: 'CI Bot',
      role: 'engineer',
    })
    const { key, raw_key } = await create({ service_account_id: account.body.id })
    expect(key.service_account_id).toBe(account.body.id)
    const path = `/organizations/${organization.id}/service-accounts/${account.body.id}`
    expect(await statusOf(raw_key)).toBe(200)
    await api('PATCH', path, { is_active: false })
    expect(await statusOf(raw_key)).toBe(401)
    await api('PATCH', path, { is_active: true })
    expect(await statusOf(raw_key)).toBe(200)
  })
})

describe('GET …/api-keys', () => {
  it('filters by status, environment, owner and text', async () => {
    const { api } = gateway
    const { id } = await gateway.createOrg({ name: 'Filters' })
    const path = `/organizations/${id}/api-keys`
    const make = async (body: object) => (await api<Created>('POST', path, body)).body.key
    const account = await api<{ id: string }>('POST', `/organizations/${id}/service-accounts`, {
      name: 'Bot',
      role: 'viewer',
    })
    const plain = await make({ name: 'Plain 100%' })
    const short = await make({ name: 'Short', expires_in_days: 1 })
    const owned = await make({ name: 'Owned', service_account_id: account.body.id, environment: 'test' })
    const gone = await make({ name: 'Gone' })
    await api('POST', `${path}/${gone.id}/revoke`, {})
    const hidden = await make({ name: 'Hidden' })
    await api('DELETE', `${path}/${hidden.id}`)
    const inDays = (days: number) => new Date(clock.now() + days * 86_400_000).toISOString()
    const soon = `?status=active&expires_before=${inDays(7)}`
    expect((await api<KeyRecord[]>('GET', `${path}${soon}`)).body.map((key) => key.id)).toEqual([short.id])
    clock.advance(2 * 86_400_000)

    const ids = async (query: string) => (await api<KeyRecord[]>('GET', `${path}${query}`)).body.map((key) => key.id)
    expect(await ids('')).toEqual([gone.id, owned.id, short.id, plain.id])
    expect(await ids('?status=active')).toEqual([owned.id, plain.id])
    expect(await ids('?status=expired')).toEqual([short.id])
    expect(await ids('?status=revoked')).toEqual([gone.id])
    expect(await ids('?environment=test')).toEqual([owned.id])
    expect(await ids(`?owner=${account.body.id}`)).toEqual([owned.id])
    expect(await ids(`?owner=${account.body.id}x`)).toEqual([])
    expect(await ids(soon)).toEqual([])
    expect(await ids(`?expires_before=${inDays(0)}`)).toEqual([short.id])
    expect(await ids('?q=plain')).toEqual([plain.id])
    expect(await ids('?q=100%25')).toEqual([plain.id])
    expect(await ids(`?q=${plain.key_prefix}&status=active`)).toEqual([plain.id])
    for (const query of [
      '?status=live',
      '?limit=0',
      '?limit=201',
      '?limit=ten',
      '?page=2',
      '?q=',
      '?expires_before=soon',
    ]) {
      expect([query, (await api('GET', `${path}${query}`)).status]).toEqual([query, 422])
    }
    expect((await api<KeyRecord>('GET', `${path}/${short.id}`)).body).toMatchObject({
      status: 'expired',
      is_active: false,
    })
  })

  it('finds the keys that an operator made for no service account by the operator', async () => {
    const admin = await gateway.member('admin')
    const { body } = await admin<Created>('POST', keys, { name: 'Mine' })
    expect(body.key.created_by).toBe(admin.operatorId)
    const found = await gateway.api<KeyRecord[]>('GET', `${keys}?owner=${admin.operatorId}`)
    expect(found.body.map(({ id }) => id)).toEqual([body.key.id])
  })
})

describe('PATCH …/api-keys/{key_id}', () => {
  it('changes what is named and nothing else, and the data plane obeys with the answer', async () => {
    const { api } = gateway
    const { key, raw_key } = await create({ scopes: ['projects:read'], metadata: { a: 1 } })
    expect((await gateway.request('GET', '/projects/1', { key: raw_key })).status).toBe(502)
    const changed = await api<KeyRecord>('PATCH', `${keys}/${key.id}`, { scopes: ['runs:write'] })
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { scopes: ['runs:write'], name: key.name, metadata: { a: 1 } },
    ])
    expect((await gateway.request('GET', '/projects/1', { key: raw_key })).status).toBe(403)
    await api('PATCH', `${keys}/${key.id}`, { allowed_ips: ['192.0.2.1'] })
    expect(await statusOf(raw_key)).toBe(403)
    const rest = {
      name: 'New',
      description: 'Other',
      allowed_ips: [],
      rate_limit: { requests: 5, per: '1h' },
      metadata: {},
    }
    expect((await api<KeyRecord>('PATCH', `${keys}/${key.id}`, rest)).body).toMatchObject(rest)
    expect((await api<KeyRecord>('PATCH', `${keys}/${key.id}`, { rate_limit: null })).body.rate_limit).toBeNull()
    expect(await statusOf(raw_key)).toBe(200)
  })

  it.each<[object, string, string]>([
    [{ scopes: ['nothing:here'] }, 'UNKNOWN_SCOPE', 'scopes.0'],
    [{ name: '' }, 'VALIDATION_FAILED', 'name'],
    [{ allowed_ips: ['nowhere'] }, 'VALIDATION_FAILED', 'allowed_ips.0'],
    [{ raw_key: 'sk_live_x' }, 'VALIDATION_FAILED', ''],
    [{ environment: 'test' }, 'VALIDATION_FAILED', ''],
    [{ expires_in_days: 10 }, 'VALIDATION_FAILED', ''],
  ])('answers %j with 422', async (body, code, path) => {
    const { key } = await create()
    const answer = await gateway.api<Problem>('PATCH', `${keys}/${key.id}`, body)
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([422, code, path])
    expect((await gateway.api('GET', `${keys}/${key.id}`)).body).toEqual(key)
  })
})

describe('POST …/api-keys/{key_id}/revoke', () => {
  it('ends the key before it answers; again is the same answer', async () => {
    const { api } = gateway
    const { key, raw_key } = await create()
    expect(await statusOf(raw_key)).toBe(200)
    const first = await api<KeyRecord>('POST', `${keys}/${key.id}/revoke`, { reason: 'Leaked' })
    expect(await statusOf(raw_key)).toBe(401)
    expect([first.status, first.body]).toMatchObject([
      200,
      {
        is_active: false,
        status: 'revoked',
        revoked_reason: 'Leaked',
        revoked_at: new Date(clock.now()).toISOString(),
      },
    ])
    clock.advance(1000)
    const again = await api<KeyRecord>('POST', `${keys}/${key.id}/revoke`, { reason: 'Other' })
    const { last_used_at: _first, secrets: _a, ...firstRest } = first.body
    const { last_used_at: _again, secrets: _b, ...againRest } = again.body
    expect([again.status, againRest]).toEqual([200, firstRest])
  })

  it('needs no body, whether or not a client says that there is one', async () => {
    const one = await create()
    expect((await gateway.api('POST', `${keys}/${one.key.id}/revoke`)).status).toBe(200)
    const two = await create()
    const typed = { 'content-type': 'application/json' }
    expect((await gateway.api('POST', `${keys}/${two.key.id}/revoke`, '', typed)).status).toBe(200)
  })

  it('can’t be taken back: rotation is 409', async () => {
    const { key } = await create()
    await gateway.api('POST', `${keys}/${key.id}/revoke`, {})
    const { status, body } = await gateway.api<Problem>('POST', `${keys}/${key.id}/rotate`, {})
    expect([status, body.code]).toEqual([409, 'CONFLICT'])
    expect(body.detail).toMatch(/revoked or expired/)
  })
})

describe('POST …/api-keys/{key_id}/rotate', () => {
  it('keeps id and scopes, and ends the old secret at once', async () => {
    const { key, raw_key } = await create({ scopes: ['runs:write'] })
    const { status, body } = await gateway.api<Created>('POST', `${keys}/${key.id}/rotate`)
    expect(status).toBe(200)
    expect(body.raw_key).not.toBe(raw_key)
    expect(body.key).toMatchObject({ id: key.id, scopes: ['runs:write'], key_suffix: body.raw_key.slice(-4) })
    expect(body.key.secrets).toHaveLength(1)
    expect([await statusOf(raw_key), await statusOf(body.raw_key)]).toEqual([401, 200])
  })

  it('keeps both for the grace period, never past the key’s own expiry', async () => {
    const { key, raw_key } = await create({ expires_in_days: 1 })
    const { body } = await gateway.api<Created>('POST', `${keys}/${key.id}/rotate`, { grace_period_seconds: 60 })
    expect(body.key.secrets.map(({ expires_at }) => expires_at)).toEqual([
      null,
      new Date(clock.now() + 60_000).toISOString(),
    ])
    expect([await statusOf(raw_key), await statusOf(body.raw_key)]).toEqual([200, 200])
    clock.advance(60_000)
    expect([await statusOf(raw_key), await statusOf(body.raw_key)]).toEqual([401, 200])
    const long = await gateway.api<Created>('POST', `${keys}/${key.id}/rotate`, { grace_period_seconds: 2_592_000 })
    expect(long.body.key.secrets[1]?.expires_at).toBe(key.expires_at)
  })

  it.each([-1, 2_592_001, 1.5, '60', null])('answers a grace period of %j with 422', async (grace) => {
    const { key, raw_key } = await create()
    const { status } = await gateway.api('POST', `${keys}/${key.id}/rotate`, { grace_period_seconds: grace })
    expect(status).toBe(422)
    expect(await statusOf(raw_key)).toBe(200)
  })
})

describe('DELETE …/api-keys/{key_id}', () => {
  it('revokes and hides from lists', async () => {
    const { api } = gateway
    const { key, raw_key } = await create()
    expect(await statusOf(raw_key)).toBe(200)
    const gone = await api('DELETE', `${keys}/${key.id}`)
    expect([gone.status, gone.body]).toEqual([204, null])
    expect(await statusOf(raw_key)).toBe(401)
    const listed = await api<KeyRecord[]>('GET', `${keys}?limit=200`)
    expect(listed.body.map(({ id }) => id)).not.toContain(key.id)
    // What the request log and the audit trail name can still be read.
    expect((await api('GET', `${keys}/${key.id}`)).body).toMatchObject({ status: 'revoked', is_active: false })
    expect((await api('DELETE', `${keys}/${key.id}`)).status).toBe(204)
    expect((await api('PATCH', `${keys}/${key.id}`, { name: 'Back' })).status).toBe(404)
    expect((await api('POST', `${keys}/${key.id}/rotate`)).status).toBe(409)
  })
})

describe('GET …/api-keys/{key_id}/usage', () => {
  it('lists the last calls, newest first, in pages', async () => {
    const { api } = gateway
    const { key, raw_key } = await create({ scopes: ['projects:read'] })
    for (const path of ['/projects/1', '/projects/2', '/nowhere']) {
      clock.advance(10)
      await gateway.request('GET', path, { key: raw_key, headers: { 'User-Agent': 'curl/8.4' } })
    }
    const path = `${keys}/${key.id}/usage`
    const { body } = await eventually('all three calls', async () => {
      const answer = await api<Record<string, unknown>[]>('GET', path)
      return answer.body.length === 3 && answer
    })
    expect(body.map(({ endpoint, status_code }) => [endpoint, status_code])).toEqual([
      ['/nowhere', 404],
      ['/projects/2', 502],
      ['/projects/1', 502],
    ])
    expect(body[0]).toEqual({
      id: expect.stringMatching(/^usage_/),
      key_id: key.id,
      endpoint: '/nowhere',
      method: 'GET',
      status_code: 404,
      duration_ms: expect.any(Number),
      request_id: expect.any(String),
      ip_address: '127.0.0.1',
      user_agent: 'curl/8.4',
      created_at: new Date(clock.now()).toISOString(),
    })
    const first = await api<{ id: string }[]>('GET', `${path}?limit=2`)
    const next = /<(.+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await api<{ id: string }[]>('GET', next.replace('/platform', ''))
    expect([...first.body, ...second.body].map(({ id }) => id)).toEqual(body.map(({ id }) => id))
    expect(second.headers.get('link')).toBeNull()
  })
})

describe('a system key', () => {
  it('is changed, revoked, rotated and deleted by nobody below root', async () => {
    const { api } = gateway
    const { key, raw_key } = await create()
    const owner = await gateway.member('owner')
    expect((await owner('PATCH', `${keys}/${key.id}`, { system: true })).status).toBe(403)
    expect((await api('PATCH', `${keys}/${key.id}`, { system: true })).body).toMatchObject({ system: true })
    const workspace = await api<{ id: string }>('POST', `/organizations/${gateway.organization.id}/workspaces`, {
      name: 'W',
    })
    const tries: [string, string, unknown?][] = [
      ['PATCH', '', { name: 'Mine' }],
      ['PATCH', '', { system: false }],
      ['POST', '/revoke', {}],
      ['POST', '/rotate', {}],
      ['DELETE', ''],
      ['PUT', `/workspaces/${workspace.body.id}`],
      ['DELETE', `/workspaces/${workspace.body.id}`],
    ]
    for (const [method, path, body] of tries) {
      expect([method, path, (await owner(method, `${keys}/${key.id}${path}`, body)).status]).toEqual([
        method,
        path,
        403,
      ])
    }
    expect(await statusOf(raw_key)).toBe(200)
    expect((await owner('GET', `${keys}/${key.id}`)).status).toBe(200)
    expect((await api('POST', `${keys}/${key.id}/revoke`, {})).status).toBe(200)
  })
})
