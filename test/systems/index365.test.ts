import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { logInMember, password } from '../helpers/operators.ts'
import { expectProblem, type System, startSystem } from './system.ts'

/** Stands in for index365, along its document: seed 000_f115b6e6d8259744.txt, from top to bottom. */
let system: System
let organization: string
const secrets: string[] = []

beforeAll(async () => {
  system = await startSystem('index365')
  organization = await system.createOrganization('Acme Audits')
})
afterAll(() => system[Symbol.asyncDispose]())

const keys = () => `/organizations/${organization}/api-keys`
async function createKey(input: Record<string, unknown> = {}, of = organization) {
  const key = await system.createKey(of, input)
  secrets.push(key.raw)
  return key
}

const fullScope = [
  ...['projects:read', 'runs:read', 'findings:read', 'reports:read'],
  ...['runs:write', 'projects:write', 'projects:delete'],
]

describe('seed 000: getting a key', () => {
  it('gives every key the full scope when nobody says otherwise, for its organization', async () => {
    const { raw, record } = await createKey({ name: 'Agent' })
    expect(raw).toMatch(/^i365_[0-9A-Za-z]{36}$/)
    expect([...record.scopes].sort()).toEqual([...fullScope].sort())
    expect(record).toMatchObject({ organization_id: organization, is_active: true, expires_at: null })
  })

  it('lets such a key run audits and manage projects out of the box', async () => {
    const { raw: key } = await createKey({}, await system.createOrganization())
    const domain = 'box.example'
    const project = await system.call<{ id: string }>('POST', '/api/v1/projects', { key, body: { domain } })
    const path = `/api/v1/projects/${project.body.id}`
    const run = await system.call<{ id: string }>('POST', `${path}/runs`, { key })
    expect([project.status, run.status]).toEqual([201, 202])
    const runs = await system.call<{ runs: { id: string }[] }>('GET', `${path}/runs`, { key })
    expect(runs.body.runs.map(({ id }) => id)).toEqual([run.body.id])
    for (const read of [path, '/api/v1/projects', '/api/v1/runs', '/api/v1/findings', '/api/v1/reports']) {
      expect([read, (await system.call('GET', read, { key })).status]).toEqual([read, 200])
    }
    expect((await system.call('DELETE', path, { key, body: { confirm: domain } })).status).toBe(204)
  })

  it('shows the secret at creation, and again at any time after, as often as it is asked for', async () => {
    const { raw, record } = await createKey()
    for (let time = 0; time < 2; time++) {
      const { status, body, headers } = await system.api('POST', `${keys()}/${record.id}/reveal`)
      expect([status, body]).toEqual([200, { raw_key: raw }])
      expect(headers.get('cache-control')).toContain('no-store')
    }
    await system.call('GET', '/api/v1/me', { key: raw })
    expect((await system.api('POST', `${keys()}/${record.id}/reveal`)).body).toEqual({ raw_key: raw })
    const events = await system.api<{ type: string; target: string }[]>('GET', `/organizations/${organization}/events`)
    const shown = events.body.filter(({ type, target }) => type === 'api_key.revealed' && target === record.id)
    expect(shown).toHaveLength(3)
  })

  it('shows it again in a dashboard’s session to who manages keys and sends the password, not to who reads', async () => {
    const { raw, record } = await createKey()
    const reveal = `/platform${keys()}/${record.id}/reveal`
    const { browser: manager } = await logInMember(system, organization, 'admin')
    const shown = await manager.send('POST', reveal, { password })
    expect([shown.status, shown.body]).toEqual([200, { raw_key: raw }])
    const careless = await manager.send('POST', reveal)
    expect([careless.status, careless.body.code]).toEqual([422, 'VALIDATION_FAILED'])
    const { browser: reader } = await logInMember(system, organization, 'viewer')
    const refused = await reader.send('POST', reveal, { password })
    expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN'])
  })

  it('shows another secret after a rotation, and none after a revocation', async () => {
    const { raw, record } = await createKey()
    const rotated = await system.api<{ raw_key: string }>('POST', `${keys()}/${record.id}/rotate`)
    secrets.push(rotated.body.raw_key)
    expect(rotated.body.raw_key).not.toBe(raw)
    expect((await system.api('POST', `${keys()}/${record.id}/reveal`)).body).toEqual({ raw_key: rotated.body.raw_key })
    await system.api('POST', `${keys()}/${record.id}/revoke`)
    expectProblem(await system.api('POST', `${keys()}/${record.id}/reveal`), 409, 'CONFLICT')
  })

  it('lists keys masked: their first and last characters, never the whole', async () => {
    const { raw, record } = await createKey({ name: 'Masked' })
    const { browser: dashboard } = await logInMember(system, organization, 'viewer')
    const list = await dashboard.send<Record<string, unknown>[]>('GET', `/platform${keys()}`)
    expect(list.body.find(({ id }) => id === record.id)).toMatchObject({
      ...{ name: 'Masked', key_prefix: raw.slice(0, 12), key_suffix: raw.slice(-4) },
    })
    expect(String(record.key_prefix)).toMatch(/^i365_/)
    expect(JSON.stringify(list.body)).not.toContain(raw)
  })
})

describe('seed 000: an authenticated request', () => {
  it.each([
    ['GET', '/api/v1/me'],
    ['GET', '/api/v1/projects'],
    ['POST', '/api/v1/projects'],
    ['DELETE', '/api/v1/projects/prj_1'],
    ['POST', '/api/v1/projects/prj_1/runs'],
    ['GET', '/api/v1/findings'],
    ['GET', '/api/v1/billing/invoices'],
    ['GET', '/api/v1/nowhere'],
  ])('is what everything under /api/v1 takes: %s %s without a key is 401', async (method, path) => {
    const refused = await system.call(method, path)
    expectProblem(refused, 401, 'INVALID_API_KEY')
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="index365"')
  })

  it('can start with /api/v1/me, which works for a key that may do nothing else', async () => {
    const { raw: key } = await createKey({ scopes: [] })
    const me = await system.call('GET', '/api/v1/me', { key })
    expect([me.status, me.body.scopes]).toEqual([200, []])
    expectProblem(await system.call('GET', '/api/v1/projects', { key }), 403, 'INSUFFICIENT_SCOPE')
  })

  it('answers /api/v1/me with organization, scopes and contract version, whatever the key may do', async () => {
    const { raw, record } = await createKey({ scopes: ['reports:read'], name: 'Reports' })
    const { status, body } = await system.call('GET', '/api/v1/me', { key: raw })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      organization: { id: organization, name: 'Acme Audits', slug: 'acme-audits', status: 'active' },
      key: { id: record.id, name: 'Reports', key_prefix: raw.slice(0, 12), expires_at: null },
      scopes: ['reports:read'],
      contract_version: '1',
    })
  })

  it('refuses a token in the query by design, also a valid one that comes in the header as well', async () => {
    const { raw } = await createKey()
    for (const query of [`api_key=${raw}`, `access_token=${raw}`, `Authorization=Bearer%20${raw}`, `q=${raw}`]) {
      const answer = await system.call('GET', `/api/v1/me?${query}`, { key: raw })
      expectProblem(answer, 400, 'QUERY_TOKEN_REJECTED')
      expect(JSON.stringify(answer.body)).not.toContain(raw)
      expectProblem(await system.call('GET', `/api/v1/me?${query}`), 400, 'QUERY_TOKEN_REJECTED')
    }
  })

  it('refuses a request without a key, and with one that nobody was given', async () => {
    expectProblem(await system.call('GET', '/api/v1/me'), 401, 'INVALID_API_KEY')
    const { raw } = await createKey()
    const mistyped = raw.slice(0, -1) + (raw.endsWith('a') ? 'b' : 'a')
    const refused = await system.call('GET', '/api/v1/me', { key: mistyped })
    expectProblem(refused, 401, 'INVALID_API_KEY')
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="index365", error="invalid_token"')
  })
})

describe('seed 000: scopes', () => {
  it.each([
    ['projects:read', 'GET', '/api/v1/projects', 200],
    ['projects:read', 'GET', '/api/v1/projects/PROJECT', 200],
    ['runs:read', 'GET', '/api/v1/runs', 200],
    ['runs:read', 'GET', '/api/v1/projects/PROJECT/runs', 200],
    ['findings:read', 'GET', '/api/v1/findings', 200],
    ['reports:read', 'GET', '/api/v1/reports', 200],
    ['runs:write', 'POST', '/api/v1/projects/PROJECT/runs', 202],
    ['projects:write', 'POST', '/api/v1/projects', 201],
    ['projects:delete', 'DELETE', '/api/v1/projects/PROJECT', 204],
  ])('%s is what it takes for %s %s, and all that it takes', async (scope, method, template, status) => {
    const id = await system.createOrganization()
    const all = await createKey({}, id)
    const domain = 'example.com'
    const project = await system.call<{ id: string }>('POST', '/api/v1/projects', { key: all.raw, body: { domain } })
    const path = template.replace('PROJECT', project.body.id)
    const body = method === 'DELETE' ? { confirm: domain } : method === 'POST' ? { domain: 'example.org' } : undefined

    const without = await createKey({ scopes: fullScope.filter((name) => name !== scope) }, id)
    const refused = await system.call(method, path, { key: without.raw, ...(body && { body }) })
    expectProblem(refused, 403, 'INSUFFICIENT_SCOPE')
    expect(refused.body.required_scopes).toEqual([scope])
    const only = await createKey({ scopes: [scope] }, id)
    expect((await system.call(method, path, { key: only.raw, ...(body && { body }) })).status).toBe(status)
  })

  it.each([
    ['GET', '/api/v1/account'],
    ['PATCH', '/api/v1/account/members/1'],
    ['GET', '/api/v1/billing/invoices'],
    ['POST', '/api/v1/billing'],
  ])('no key touches account or billing data, whatever its scopes: %s %s', async (method, path) => {
    const { raw } = await createKey({ scopes: ['*', 'keys:manage'] })
    expectProblem(await system.call(method, path, { key: raw }), 403, 'ROUTE_DENIED')
  })

  it('starts no audit without runs:write, so nobody spends credits whom it was not granted to', async () => {
    const readOnly = await createKey({ scopes: fullScope.filter((name) => name.endsWith(':read')) })
    expectProblem(
      await system.call('POST', '/api/v1/projects/x/runs', { key: readOnly.raw }),
      403,
      'INSUFFICIENT_SCOPE',
    )
    expect((await system.call('GET', '/api/v1/runs', { key: readOnly.raw })).status).toBe(200)
  })

  it('creates a project once by its domain, and deletes it when the domain is echoed', async () => {
    const { raw: key } = await createKey()
    const body = { domain: 'once.example' }
    const first = await system.call<{ id: string }>('POST', '/api/v1/projects', { key, body })
    const second = await system.call<{ id: string }>('POST', '/api/v1/projects', { key, body })
    expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id])
    const path = `/api/v1/projects/${first.body.id}`
    for (const body of [{ confirm: 'other.example' }, { confirm: 'ONCE.example' }, {}]) {
      expect((await system.call('DELETE', path, { key, body })).status).toBe(409)
    }
    expect((await system.call('DELETE', path, { key, body: { confirm: 'once.example' } })).status).toBe(204)
  })

  it('revokes one of several keys instantly, and leaves the others alone', async () => {
    const [one, other] = [await createKey({ name: 'CI' }), await createKey({ name: 'Agent' })]
    expect((await system.call('GET', '/api/v1/projects', { key: one.raw })).status).toBe(200)
    const revoked = await system.api('POST', `${keys()}/${one.record.id}/revoke`, {})
    expect([revoked.status, revoked.body.is_active]).toEqual([200, false])
    expectProblem(await system.call('GET', '/api/v1/projects', { key: one.raw }), 401, 'INVALID_API_KEY')
    expect((await system.call('GET', '/api/v1/projects', { key: other.raw })).status).toBe(200)
  })
})

describe('seed 000: the security model', () => {
  it('finds a key by its SHA-256, and keeps it encrypted besides', async () => {
    const { raw, record } = await createKey()
    using database = new DatabaseSync(system.storeFile, { readOnly: true })
    const row = database
      .prepare('SELECT id, sha256, sealed FROM key_secrets JOIN sealed_secrets ON secret_id = id WHERE key_id = ?')
      .get(record.id)
    const sealed = Buffer.from(row?.sealed as Uint8Array)
    expect(sealed.length).toBeGreaterThan(raw.length)
    expect(sealed.includes(raw.slice(5))).toBe(false)
    const masterKeyFile = `${system.storeFile}.key`
    expect(statSync(masterKeyFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(system.storeFile).includes(readFileSync(masterKeyFile, 'utf8').trim())).toBe(false)
    expect(Buffer.from(row?.sha256 as Uint8Array).toString('hex')).toBe(createHash('sha256').update(raw).digest('hex'))
    expect((await system.api('POST', `${keys()}/${record.id}/reveal`)).body).toEqual({ raw_key: raw })
  })

  it('answers 404, not 403, for what belongs to another organization, like for what does not exist', async () => {
    const elsewhere = await system.createOrganization('Elsewhere')
    const theirs = await createKey({}, elsewhere)
    const project = await system.call<{ id: string }>('POST', '/api/v1/projects', {
      key: theirs.raw,
      body: { domain: 'theirs.example' },
    })
    const mine = await createKey()
    const foreign = await system.call('GET', `/api/v1/projects/${project.body.id}`, { key: mine.raw })
    const missing = await system.call('GET', '/api/v1/projects/prj_nothing', { key: mine.raw })
    expect([foreign.status, foreign.body]).toEqual([404, missing.body])
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/revoke'],
      ['POST', '/rotate'],
      ['POST', '/reveal'],
    ]) {
      const answer = await system.api(String(method), `${keys()}/${theirs.record.id}${path}`)
      expectProblem(answer, 404, 'NOT_FOUND')
    }
    expect((await system.call('GET', '/api/v1/me', { key: theirs.raw })).status).toBe(200)
  })

  it('tells the API whose request it is, whatever the caller claims', async () => {
    const { raw: key } = await createKey()
    const elsewhere = await system.createOrganization()
    const body = { domain: 'claimed.example' }
    const headers = { 'x-org-id': elsewhere, X_Org_Id: elsewhere }
    const made = await system.call('POST', '/api/v1/projects', { key, body, headers })
    expect(made.body.organization).toBe(organization)
  })

  it('writes every request down with method, path and status, refused ones too', async () => {
    const id = await system.createOrganization()
    const key = await createKey({ scopes: ['projects:read'] }, id)
    await system.call('GET', '/api/v1/projects?page=2', { key: key.raw })
    await system.call('POST', '/api/v1/projects', { key: key.raw, body: {} })
    await system.call('GET', '/api/v1/billing/invoices', { key: key.raw })
    const rows = await system.requests(id, 3)
    expect(rows.map(({ method, path, status_code }) => [method, path, status_code]).reverse()).toEqual([
      ['GET', '/api/v1/projects', 200],
      ['POST', '/api/v1/projects', 403],
      ['GET', '/api/v1/billing/invoices', 403],
    ])
    expect(rows.every(({ key_id }) => key_id === key.record.id)).toBe(true)
  })

  it('writes down what it refused before it knew a caller as well, the query left out', async () => {
    const agent = 'nobody/1.0'
    await system.call('GET', '/api/v1/projects/unknown-caller', { headers: { 'user-agent': agent } })
    await system.call('GET', '/api/v1/reports?api_key=guess', { headers: { 'user-agent': agent } })
    const rows = await eventually('both rows', async () => {
      const { body } = await system.api<Record<string, unknown>[]>('GET', '/requests?limit=200')
      const mine = body.filter(({ user_agent }) => user_agent === agent)
      return mine.length === 2 && mine
    })
    expect(
      rows
        .map(({ method, path, status_code, organization_id }) => [method, path, status_code, organization_id])
        .reverse(),
    ).toEqual([
      ['GET', '/api/v1/projects/unknown-caller', 401, null],
      ['GET', '/api/v1/reports', 400, null],
    ])
    expect(JSON.stringify(rows)).not.toContain('guess')
  })

  it('limits each key for itself, and says with 429 when to come again', async () => {
    const [busy, calm] = [await createKey(), await createKey()]
    const statuses: number[] = []
    for (let call = 0; call < 120; call++) {
      statuses.push((await system.call('GET', '/api/v1/projects', { key: busy.raw })).status)
    }
    expect(new Set(statuses)).toEqual(new Set([200]))
    const refused = await system.call('GET', '/api/v1/projects', { key: busy.raw })
    expectProblem(refused, 429, 'RATE_LIMITED')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect((await system.call('GET', '/api/v1/projects', { key: calm.raw })).status).toBe(200)
  })

  it('has written no secret anywhere: store, log, metrics, audit trail', () => system.expectNowhere(secrets))
})
