import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clientSecret = 'literal-Client-Secret-77'
const envSecret = 'from-The-Environment-42'
const config = (target: string) => `
scopes:
  projects:read: Read projects
  runs:write: Start audits
admin:
  listen: 127.0.0.1:0
  oidc:
    issuer: https://id.example.com
    client_id: sallyport
    client_secret: ${clientSecret}
    role_claim: "\${ROLE_CLAIM}"
# client_secret: ${clientSecret}
limits:
  minute: { by: key, requests: 5, per: 1m }
  odd:
    by: \${BY}
    requests: \${REQUESTS}
    per: 1h
upstreams:
  api: { targets: ["${target}"] }
  dead: { targets: ["http://127.0.0.1:9"], health: { path: /healthz, every: 1h } }
routes:
  - { path: /projects/*, methods: [GET], scopes: ["projects:read"], limits: [minute], upstream: api }
  - { path: /projects/:id/runs, methods: [POST], any_scope: ["runs:write"], workspace: ":id", upstream: api }
  - { path: "/hidden/\${HIDDEN}", upstream: dead, limits: [odd] }
  - { path: /closed, deny: true }
  - { path: /status, public: true, upstream: api }
`
const env = { ROLE_CLAIM: envSecret, HIDDEN: envSecret, REQUESTS: '31', BY: 'org' }

let upstream: RawUpstream
let gateway: AdminGateway
let clock: TestClock
let file: string

beforeAll(async () => {
  upstream = await startRawUpstream({ script: plainResponse('ok') })
  clock = testClock()
  gateway = await startAdmin(config(upstream.url), { env, clock })
  file = await readFile(gateway.configFile, 'utf8')
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const noSecret = (answer: unknown): void => {
  const text = JSON.stringify(answer)
  for (const secret of [clientSecret, envSecret, gateway.adminToken]) {
    expect(text).not.toContain(secret)
    expect(text.toLowerCase()).not.toContain(secret.slice(0, 12).toLowerCase())
  }
}

interface Policy {
  version: string
  yaml: string
  file: string
  routes: Record<string, unknown>[]
  limits: Record<string, unknown>[]
  upstreams: { name: string; targets: { url: string; up: boolean }[] }[]
  last_reload: { result: string; problems: { line: number; column: number; path: string; message: string }[] } | null
}
const policy = async (): Promise<Policy> => {
  const answer = await gateway.api<Policy>('GET', '/policy')
  expect(answer.status).toBe(200)
  noSecret(answer.body)
  return answer.body
}

describe('GET /policy', () => {
  it('shows what is in force: the text as written, and the tables that come of it', async () => {
    const shown = await policy()
    expect(shown).toMatchObject({ file: 'gateway.yaml', since: '2026-01-15T12:00:00.000Z', last_reload: null })
    expect(shown.yaml).toContain('client_secret: "[secret]"')
    expect(shown.yaml).toContain(`role_claim: "\${ROLE_CLAIM}"`)
    expect(shown.yaml.split('\n')).toHaveLength(file.split('\n').length)
    expect(shown.routes[0]).toEqual({
      ...{ path: '/projects/*', host: null, methods: ['GET'], public: false, deny: false, shadow: false },
      ...{ scopes: ['projects:read'], any_scope: [], workspace: null, limits: ['minute'], cost: 1, upstream: 'api' },
      ...{ strip_prefix: null, rewrite: null, body_limit: null, forward_authorization: false },
    })
    expect(shown.routes[3]).toMatchObject({ path: '/closed', deny: true, upstream: null })
    expect(shown.limits[0]).toEqual({ name: 'minute', by: ['key'], requests: 5, per: '1m' })
  })

  it('shows variables in the tables as they are written', async () => {
    const shown = await policy()
    expect(shown.routes[2]).toMatchObject({ path: `/hidden/\${HIDDEN}` })
    expect(shown.limits[1]).toEqual({ name: 'odd', by: [`\${BY}`], requests: `\${REQUESTS}`, per: '1h' })
  })

  it('tells which targets are up', async () => {
    await expect
      .poll(async () => (await policy()).upstreams.map(({ name, targets }) => [name, targets[0]?.up]))
      .toEqual([
        ['api', true],
        ['dead', false],
      ])
  })
})

interface Explanation {
  decision: string
  code: string | null
  status: number | null
  route: string | null
  steps: { step: string; result: string; detail: string }[]
}
const explain = (body: object) => gateway.api<Explanation>('POST', '/policy/explain', body)
const stepOf = ({ steps }: Explanation) => steps.find(({ result }) => result === 'deny')

describe('POST /policy/explain', () => {
  it.each([
    ['/projects/1', 'GET', ['projects:read'], 'allow', null, null, '/projects/*', undefined],
    ['/projects/1', 'GET', ['runs:write'], 'deny', 'INSUFFICIENT_SCOPE', 403, '/projects/*', 'scopes'],
    ['/projects/1', 'DELETE', ['*'], 'deny', 'METHOD_NOT_ALLOWED', 405, '/projects/*', 'route'],
    ['/closed', 'GET', ['*'], 'deny', 'ROUTE_DENIED', 403, '/closed', 'route'],
    ['/nowhere', 'GET', ['*'], 'deny', 'NOT_FOUND', 404, null, 'route'],
    ['/projects/1/runs', 'POST', ['*'], 'deny', 'NOT_FOUND', 404, '/projects/:id/runs', 'workspace'],
    ['/status', 'GET', [], 'allow', null, null, '/status', undefined],
    ['/projects/../x', 'GET', ['*'], 'deny', 'BAD_REQUEST_TARGET', 400, null, 'target'],
    ['/projects/%2e%2e/x', 'GET', ['*'], 'deny', 'BAD_REQUEST_TARGET', 400, null, 'target'],
    ['nonsense', 'GET', ['*'], 'deny', 'BAD_REQUEST_TARGET', 400, null, 'target'],
    ['/projects/1?api_key=x', 'GET', ['*'], 'deny', 'QUERY_TOKEN_REJECTED', 400, null, 'query_tokens'],
    ['/projects/1', 'TRACE', ['*'], 'deny', 'BAD_REQUEST', 400, null, 'framing'],
    ['/projects/1', 'get', ['*'], 'deny', 'BAD_REQUEST', 400, null, 'framing'],
    ['/__proto__', 'GET', ['*'], 'deny', 'NOT_FOUND', 404, null, 'route'],
  ])('%s %s with %j: %s %s', async (path, method, scopes, decision, code, status, route, step) => {
    const { status: answered, body } = await explain({ method, path, scopes })
    expect(answered).toBe(200)
    expect(body).toMatchObject({ decision, code, status, route })
    expect(stepOf(body)?.step).toBe(step)
  })

  it('refuses a path that is too long at the first step', async () => {
    const { body } = await explain({ method: 'GET', path: `/${'x'.repeat(9000)}`, scopes: [] })
    expect(body).toMatchObject({
      code: 'URI_TOO_LONG',
      status: 414,
      steps: [{ step: 'framing', result: 'deny' }, {}, {}],
    })
  })

  it('decides as the data plane does, for the same key', async () => {
    const workspace = await gateway.store.createWorkspace(
      { organizationId: gateway.organization.id, name: 'W', externalId: 'prj_1' },
      { type: 'cli', id: null },
    )
    const key = await gateway.createKey({
      scopes: ['runs:write'],
      workspaceIds: [workspace.id],
      allowedIps: ['10.0.0.0/8', '127.0.0.1'],
    })
    for (const [method, path] of [
      ['POST', '/projects/prj_1/runs'],
      ['POST', '/projects/prj_2/runs'],
      ['GET', '/projects/1'],
      ['GET', '/status'],
      ['GET', '/nowhere'],
      ['PUT', '/projects/1/runs'],
      ['GET', '/closed'],
      ['GET', '/projects//1'],
      ['GET', '/api/v1/me'],
    ] as const) {
      const told = (await explain({ method, path, key_id: key.record.id })).body
      const { status } = await gateway.request(method, path, { key })
      expect([path, told.status ?? 200]).toEqual([path, status])
    }
    const elsewhere = await explain({ method: 'GET', path: '/api/v1/me', key_id: key.record.id, ip: '192.0.2.1' })
    expect(elsewhere.body).toMatchObject({ code: 'IP_NOT_ALLOWED', status: 403 })
    await gateway.store.revokeKey(gateway.organization.id, key.record.id, null, { type: 'cli', id: null })
    const revoked = await explain({ method: 'GET', path: '/api/v1/me', key_id: key.record.id })
    expect(stepOf(revoked.body)).toMatchObject({ step: 'authenticate', detail: expect.stringContaining('revoked') })
  })

  it('looks at limits and charges none; and no request goes anywhere', async () => {
    const key = await gateway.createKey({ scopes: ['*'] })
    const before = upstream.requests.length
    const ask = async () => (await explain({ method: 'GET', path: '/projects/1', key_id: key.record.id })).body
    const limits = (told: Explanation) => told.steps.find(({ step }) => step === 'rate_limits')
    for (let i = 0; i < 8; i++) expect(limits(await ask())?.detail).toBe('minute: 5 of 5 left')
    expect(upstream.requests.length).toBe(before)
    for (let i = 0; i < 5; i++) expect((await gateway.request('GET', '/projects/1', { key })).status).toBe(200)
    const used = await ask()
    expect(used).toMatchObject({ decision: 'deny', code: 'RATE_LIMITED', status: 429 })
    expect(limits(used)?.detail).toBe('used up: minute; room again in 60 s')
  })

  it('knows keys of every organization, and says 404 where there is none', async () => {
    const other = await gateway.createOrg({ name: 'Other' })
    const key = await gateway.createKey({ organizationId: other.id })
    expect((await explain({ method: 'GET', path: '/projects/1', key_id: key.record.id })).body.decision).toBe('allow')
    expect((await explain({ method: 'GET', path: '/', key_id: 'key_00000000000000000000000000' })).status).toBe(404)
    expect((await explain({ method: 'GET', path: '/', key_id: '__proto__' })).status).toBe(404)
  })

  it.each([
    ['neither key nor scopes', { method: 'GET', path: '/' }, 'key_id'],
    ['both', { method: 'GET', path: '/', key_id: 'key_x', scopes: [] }, 'scopes'],
    ['grants for a key', { method: 'GET', path: '/', key_id: 'key_x', workspaces: ['a'] }, 'workspaces'],
    ['an address that is none', { method: 'GET', path: '/', scopes: [], ip: '1.2.3' }, 'ip'],
    ['a scope that nobody can have', { method: 'GET', path: '/', scopes: ['nothing'] }, 'scopes.0'],
    ['an environment that is none', { method: 'GET', path: '/', scopes: [], environment: 'moon' }, 'environment'],
    ['a field too many', { method: 'GET', path: '/', scopes: [], limit: 1 }, ''],
  ])('refuses %s', async (_what, body, path) => {
    const answer = await gateway.api<{ errors: { path: string }[] }>('POST', '/policy/explain', body)
    expect(answer.status).toBe(422)
    expect(answer.body.errors.map((error) => error.path)).toContain(path)
  })

  it('says of a scope that no key can have that it is not declared, and which are', async () => {
    const body = { method: 'GET', path: '/', scopes: ['projects:read', 'nope', 'project:read'] }
    const answer = await gateway.api<{ code: string; errors: object[] }>('POST', '/policy/explain', body)
    expect([answer.status, answer.body.code]).toEqual([422, 'UNKNOWN_SCOPE'])
    expect(answer.body.errors).toEqual([
      { path: 'scopes.1', message: expect.stringMatching(/^"nope" is not declared\. Declared are: projects:read/) },
      { path: 'scopes.2', message: expect.stringContaining('did you mean "projects:read"?') },
    ])
  })

  it('keeps questions that are asked at once apart', async () => {
    const scopes = [['projects:read'], ['runs:write']]
    const told = await Promise.all(
      Array.from({ length: 40 }, (_, i) => explain({ method: 'GET', path: '/projects/1', scopes: scopes[i % 2] })),
    )
    expect(told.map(({ body }) => body.decision)).toEqual(told.map((_, i) => (i % 2 ? 'deny' : 'allow')))
  })
})
