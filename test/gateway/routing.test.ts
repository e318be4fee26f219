import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem, fingerprint } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 10000, per: 1m }
denials: { requests: 10000, per: 1m }
scopes: { items:read: Read, items:write: Write }
routes:
  - { path: /s/*, upstream: api, scopes: [items:read] }
  - { path: /s/:id, upstream: api }
  - { path: /s/literal, upstream: api }
  - { path: /s/literal/:y, upstream: api }
  - { path: /s/:id/x, upstream: api }
  - { path: /s/:id/end/*, upstream: api }
  - { path: /b/lit/other, upstream: api }
  - { path: /b/:id/end, upstream: api }
  - { path: /b/lit/deep/*, upstream: api }
  - { path: /b/:id/deep/x, upstream: api }
  - { path: /m/only-get, methods: [GET], upstream: api }
  - { path: /m/*, upstream: api }
  - { path: /split, methods: [GET], upstream: api, scopes: [items:read] }
  - { path: /split, methods: [POST, PUT], upstream: api, scopes: [items:write] }
  - { path: /admin/*, deny: true }
  - { path: /open/get, methods: [GET], public: true, upstream: api }
  - { path: /open/*, public: true, upstream: api }
  - { path: /files/*, upstream: api }
  - { path: /v2/*, upstream: api, strip_prefix: /v2 }
  - { path: /old/:id, upstream: api, rewrite: '/new/:id/show' }
  - { path: /moved/*, upstream: api, rewrite: /to/here/* }
  - { path: /h/*, upstream: api, host: api.example.com }
  - { path: /h/exact, upstream: api }
  - { path: /only-there, upstream: api, host: api.example.com }
  - { path: /anything/*, upstream: api }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('the most specific pattern decides', () => {
  const cases: [path: string, route: string, host?: string][] = [
    ['/s/literal', '/s/literal'],
    ['/s/literal/', '/s/literal'],
    ['/s/%6citeral', '/s/literal'],
    ['/s/other', '/s/:id'],
    ['/s/other/', '/s/:id'],
    ['/s', '/s/*'],
    ['/s/', '/s/*'],
    ['/s/other/x', '/s/:id/x'],
    ['/s/literal/x', '/s/literal/:y'],
    ['/s/literal/x/y', '/s/*'],
    ['/s/other/y', '/s/*'],
    ['/s/a/end', '/s/:id/end/*'],
    ['/s/a/end/b/c', '/s/:id/end/*'],
    ['/b/lit/other', '/b/lit/other'],
    ['/b/lit/end', '/b/:id/end'],
    ['/b/lit/deep/x', '/b/lit/deep/*'],
    ['/b/a/deep/x', '/b/:id/deep/x'],
    ['/h/exact', '/h/exact'],
    ['/h/exact', '/h/*', 'api.example.com'],
    ['/h/exact', '/h/*', 'API.Example.COM'],
  ]
  const decided = new Map<string, string | null>()

  beforeAll(async () => {
    for (const [index, [path, , host]] of cases.entries()) {
      const headers = { 'X-Request-Id': `case-${index}` }
      const response = await gateway.request('GET', path, { key, headers, ...(host !== undefined && { host }) })
      expect([path, response.status]).toEqual([path, 200])
    }
    for (const { requestId, route } of await gateway.requestLog()) decided.set(requestId, route)
  })

  it.each(cases.map(([path, route, host], index) => ({ path, route, host: host ?? 'any host', index })))(
    '$path at $host is judged by $route',
    ({ index, route }) => {
      expect(decided.get(`case-${index}`)).toBe(route)
    },
  )
})

describe('what no route has', () => {
  it.each([
    '/',
    '/nowhere',
    '/b',
    '/b/lit',
    '/b/lit/other/more',
    '/sx',
    '/s%20',
    '/only-there',
    '/v20',
    '/old',
    '/old/1/2',
  ])('%s is 404 for a valid key, and nothing is forwarded', async (path) => {
    expectProblem(await gateway.request('GET', path, { key }), 404, 'NOT_FOUND')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it.each([
    ['another case', '/ADMIN/x'],
    ['one letter in another case', '/aDmin'],
    ['another case, percent-encoded', '/%41dmin/x'],
    ['a space', '/adm%20in/x'],
    ['a space at the end', '/admin%20/x'],
    ['a space at the beginning', '/%20admin/x'],
    ['a non-ASCII letter', '/adm%C3%A9in/x'],
    ['a zero-width space', '/admin%E2%80%8B/x'],
    ['another case and a space', '/AD%20MIN/x'],
    ['another case below', '/s/LITERAL'],
    ['a space below', '/s/lit%20eral'],
  ])('a path that is another route with %s counts as none', async (_what, path) => {
    expectProblem(await gateway.request('GET', path, { key }), 404, 'NOT_FOUND')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it.each(['/files/README.md', '/files/My%20Report.PDF', '/files/%C3%A9t%C3%A9', '/s/ABC', '/s/a%20b'])(
    '%s stays with its route, since folding does not select another',
    async (path) => {
      expect((await gateway.request('GET', path, { key })).status).toBe(200)
      expect(upstream.last().target).toBe(path)
    },
  )
})

describe('a method that the deciding pattern lacks', () => {
  const allowed = (value: string | undefined) => (value ?? '').split(/, */).sort()

  it.each([
    ['POST', '/m/only-get', ['GET', 'HEAD']],
    ['DELETE', '/m/only-get', ['GET', 'HEAD']],
    ['DELETE', '/split', ['GET', 'HEAD', 'POST', 'PUT']],
    ['POST', '/open/get', ['GET', 'HEAD']],
  ])('%s %s is 405 with Allow, never a less specific route', async (method, path, methods) => {
    const response = await gateway.request(method, path, { key })
    expectProblem(response, 405, 'METHOD_NOT_ALLOWED')
    expect(allowed(response.header('allow'))).toEqual(methods)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('and the rule with the method decides where several share a pattern', async () => {
    const reader = await gateway.createKey({ scopes: ['items:read'] })
    expect((await gateway.request('GET', '/split', { key: reader })).status).toBe(200)
    expectProblem(await gateway.request('PUT', '/split', { key: reader }), 403, 'INSUFFICIENT_SCOPE')
  })

  it('HEAD is judged by the rule for GET', async () => {
    const reader = await gateway.createKey({ scopes: ['items:read'] })
    const writer = await gateway.createKey({ scopes: ['items:write'] })
    expect((await gateway.request('HEAD', '/split', { key: reader })).status).toBe(200)
    expect(upstream.last().method).toBe('HEAD')
    expect((await gateway.request('HEAD', '/split', { key: writer })).status).toBe(403)
  })
})

describe('an anonymous caller learns nothing of the route table', () => {
  it('gets the same bytes for a known path, an unknown one, another method and a denied one', async () => {
    const answers = new Map<string, string>()
    for (const [method, path] of [
      ['GET', '/files/a'],
      ['GET', '/nowhere'],
      ['GET', '/'],
      ['POST', '/m/only-get'],
      ['GET', '/admin/x'],
      ['GET', '/ADMIN/x'],
      ['GET', '/only-there'],
      ['GET', '/api/v1/me'],
      ['POST', '/api/v1/me'],
      ['POST', '/open/get'],
      ['DELETE', '/split'],
    ] as const) {
      const response = await gateway.request(method, path)
      expectProblem(response, 401, 'INVALID_API_KEY')
      expect(response.headerAll('allow')).toEqual([])
      answers.set(fingerprint(response), `${method} ${path}`)
    }
    expect([...answers.values()]).toHaveLength(1)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('nor does one with an unknown key', async () => {
    const unknown = gateway.unknownKey()
    const answers = new Set<string>()
    for (const path of ['/files/a', '/nowhere', '/m/only-get', '/admin/x', '/api/v1/me']) {
      answers.add(fingerprint(await gateway.request('POST', path, { key: unknown })))
    }
    expect(answers.size).toBe(1)
  })
})

describe('deny and public', () => {
  it('deny refuses every key, whatever its scopes', async () => {
    const mighty = await gateway.createKey({ scopes: ['*', 'keys:manage'] })
    for (const path of ['/admin', '/admin/', '/admin/x/y']) {
      expectProblem(await gateway.request('GET', path, { key: mighty }), 403, 'ROUTE_DENIED')
    }
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('public asks for no key, looks at none and forwards no identity', async () => {
    const revoked = await gateway.createKey()
    await gateway.store.revokeKey(gateway.organization.id, revoked.record.id, null, { type: 'cli', id: null })
    for (const options of [{}, { key }, { key: revoked }, { headers: { Authorization: 'Basic eDp5' } }]) {
      expect((await gateway.request('GET', '/open/x', options)).status).toBe(200)
      expect(upstream.last().head).not.toMatch(/^(x-org|x-key|x-workspace|x-service|authorization)/im)
    }
  })
})

describe('strip_prefix and rewrite', () => {
  it.each([
    ['/v2/users/1', '/users/1'],
    ['/v2/users/1/', '/users/1/'],
    ['/v2', '/'],
    ['/v2/', '/'],
    ['/v2/%61?q=%61', '/a?q=%61'],
    ['/old/7', '/new/7/show'],
    ['/old/a%20b?x=1', '/new/a%20b/show?x=1'],
    ['/moved/a/b', '/to/here/a/b'],
  ])('%s goes on as %s', async (sent, forwarded) => {
    expect((await gateway.request('GET', sent, { key })).status).toBe(200)
    expect(upstream.last().target).toBe(forwarded)
  })

  it('does not change what is logged and matched', async () => {
    await gateway.request('GET', '/v2/logged', { key, headers: { 'X-Request-Id': 'stripped' } })
    const row = (await gateway.requestLog()).find(({ requestId }) => requestId === 'stripped')
    expect(row).toMatchObject({ path: '/v2/logged', route: '/v2/*', status: 200 })
  })
})
