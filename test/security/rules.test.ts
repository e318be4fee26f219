import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptOne, compose } from '../helpers/attempt-one.ts'
import { startGateway, testActor } from '../helpers/gateway.ts'
import { startWatched, type Watched } from '../helpers/oracles.ts'
import { expectProblem } from '../helpers/problem.ts'
import { startRawUpstream } from '../helpers/raw-upstream.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched(`
  - { path: /*, upstream: api }
  - { path: /admin/*, deny: true }
  - { path: /v2/*, upstream: api, strip_prefix: /v2 }
  - { path: /old/:id, upstream: api, rewrite: '/new/:id/show' }
  - { path: /new/show, deny: true }
  - { path: '/tenants/:constructor/items/:__proto__', upstream: api, workspace: ':constructor' }
  - { path: /read, methods: [GET], upstream: api }
  - { path: /write, methods: [POST], upstream: api }
  - { path: /internal/*, deny: true, host: internal.example }
  - { path: /*, upstream: api, host: internal.example }
  - { path: /internal/*, deny: true, host: dotted.example. }
  - { path: /internal/*, deny: true, host: 'ported.example:8443' }
`)
  const { store, organization } = watched.gateway
  const grant = { organizationId: organization.id, name: 'One', externalId: 'constructor' }
  const workspace = await store.createWorkspace(grant, testActor)
  await store.grantWorkspace(organization.id, watched.key.record.id, workspace.id, testActor)
})
afterAll(async () => await watched[Symbol.asyncDispose]())

describe('a rule for one host holds', () => {
  it.each([
    ...['internal.example', 'INTERNAL.example', 'internal.example.', 'internal.example:80', 'internal.example:8443'],
    ...['Internal.Example.:8443', 'internal.example:00080', 'dotted.example', 'dotted.example.', 'dotted.example:1'],
    ...['ported.example:8443', 'ported.example.:8443', 'PORTED.example:08443'],
  ])('for Host: %s', async (host) => {
    const { answer } = await attemptOne(watched, compose('/internal/x', { host: `Host: ${host}` }))
    expectProblem(answer, 403, 'ROUTE_DENIED')
  })

  it.each([
    ...['internal.example..', 'internal.example:', 'internal.example:x', 'internal.example:99999', '.internal.example'],
    ...[
      'internal%2eexample',
      'internal.example,other',
      'internal.example other',
      'internal.example/',
      '@internal.example',
    ],
    ...[
      'internal.example\t',
      'internal.ex\xe4mple',
      'intern\u00adal.example',
      '[internal.example]',
      'internal.example#',
    ],
  ])('and nothing that is only like it passes as another: Host: %j', async (host) => {
    const { answer, request } = await attemptOne(watched, compose('/internal/x', { host: `Host: ${host}` }))
    if (answer.status === 403) return
    expect([answer.status, request]).toEqual([400, undefined])
  })

  it('in absolute form too', async () => {
    for (const target of ['http://internal.example/internal/x', 'http://INTERNAL.EXAMPLE/internal/x']) {
      const { answer } = await attemptOne(watched, compose(target, { host: 'Host: internal.example' }))
      expectProblem(answer, 403, 'ROUTE_DENIED')
    }
    const other = compose('http://other.example/internal/x', { host: 'Host: internal.example' })
    expect((await attemptOne(watched, other)).answer.status).toBe(400)
  })

  it('and the endpoint of the caller has no look-alike there either', async () => {
    for (const host of ['{host}', 'Host: internal.example']) {
      expect((await attemptOne(watched, compose('/API/v1/ME', { host }))).answer.status).toBe(404)
      expect((await attemptOne(watched, compose('/api/v1/me%20', { host }))).answer.status).toBe(404)
      expect((await attemptOne(watched, compose('/api/v1/me', { host }))).request).toBeUndefined()
    }
  })
})

describe('what strip_prefix and rewrite make', () => {
  it.each([
    ['/v2/ADMIN/x', 'a rule in another case'],
    ['/v2/%20admin/x', 'a rule behind a space'],
    ['/v2/%EF%BD%81dmin/x', 'a rule in fullwidth letters'],
    ['/v2/x/.%20./admin', 'dots with a space'],
    ['/old/%20', 'a rule, when the segment is left out'],
    ['/old/%E2%80%8B', 'a rule, when the invisible is left out'],
    ['/v2/API/v1/me', 'the endpoint of the caller'],
  ])('%s is no path when upstream it may be %s', async (target) => {
    const { answer, request } = await attemptOne(watched, compose(target))
    expect([answer.status, request]).toEqual([404, undefined])
  })

  it.each([
    ['/v2/..', 400],
    ['/v2/%2e%2e/admin', 400],
    ['/v2//admin', 400],
    ['/v2/%2f/admin', 400],
    ['/v2/;/admin', 400],
    ['/old/..', 400],
    ['/old/a%2fb', 400],
    ['/old/%2e', 400],
  ])('%s is refused', async (target, status) => {
    expect((await attemptOne(watched, compose(target))).answer.status).toBe(status)
  })

  it.each([
    ['/v2/Users/Bob', '/Users/Bob'],
    ['/v2/a%20b', '/a%20b'],
    ['/v2/caf%c3%a9', '/caf%C3%A9'],
    ['/old/7%20', '/new/7%20/show'],
    ['/old/100%25', '/new/100%25/show'],
    ['/old/:id', '/new/:id/show'],
    ['/old/*', '/new/*/show'],
    ['/old/%24%26', '/new/$&/show'],
  ])('%s goes on as %s', async (target, forwarded) => {
    expect((await attemptOne(watched, compose(target))).request?.target).toBe(forwarded)
  })
})

describe('names that every object has are names like any other', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype', '__defineGetter__']

  it.each(names)('as a segment, a parameter, a query name and a header: %s', async (name) => {
    const fields = [`${name}: x`, `X-${name}: y`]
    const { request, line } = await attemptOne(watched, compose(`/${name}/x?${name}=1&${name}[a]=2`, { fields }))
    expect(request?.target).toBe(`/${name}/x?${name}=1&${name}[a]=2`)
    expect([request?.header(name), request?.header(`x-${name}`)]).toEqual(['x', 'y'])
    expect(line.route).toBe('/*')
  })

  it.each(names)('as the id of a workspace, where only the one granted passes: %s', async (name) => {
    const { answer, request } = await attemptOne(watched, compose(`/tenants/${name}/items/${name}`))
    expect(answer.status).toBe(name === 'constructor' ? 200 : 404)
    expect(request?.header('x-workspace-id')).toBe(name === 'constructor' ? name : undefined)
  })

  it.each(['CONSTRUCTOR', '__PROTO__', 'TOSTRING', 'VALUEOF', 'constructor', 'toString'])(
    'as a method is no method that a rule has: %s',
    async (method) => {
      const { answer, request } = await attemptOne(watched, compose('/read', { method }))
      expect([400, 405]).toContain(answer.status)
      expect(request).toBeUndefined()
    },
  )

  it.each([
    'limits: [constructor]',
    'limits: [toString]',
    'scopes: [constructor]',
    'upstream: __proto__',
    'upstream: toString',
  ])('in the file they are not declared by themselves: %s', async (setting) => {
    await using upstream = await startRawUpstream()
    const more = setting.startsWith('upstream') ? '' : 'upstream: api, '
    const starting = startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { a: A }
limits: { l: { by: ip, requests: 1, per: 1m } }
routes: [{ path: /x, ${more}${setting} }]
`)
    await expect(starting).rejects.toThrow(/is not (a limit|an upstream|grantable|declared|a scope)/)
  })
})

describe('the method that is judged is the method that goes on', () => {
  it.each([
    ['X-HTTP-Method-Override: POST'],
    ['X-HTTP-Method: POST'],
    ['X-Method-Override: POST'],
    ['X_HTTP_Method_Override: POST'],
    ['x.http.method.override: POST'],
    ['X-Original-Method: POST'],
    ['X-Forwarded-Method: POST'],
  ])('whatever %s asks for', async (field) => {
    const { request } = await attemptOne(watched, compose('/read', { fields: [field] }))
    expect(request?.method).toBe('GET')
    expect(request?.head).not.toContain('POST')
    expect((await attemptOne(watched, compose('/write', { fields: [field] }))).answer.status).toBe(405)
  })

  it.each([
    ['HEAD', '/read', 200],
    ['HEAD', '/write', 405],
    ['OPTIONS', '/read', 405],
    ['OPTIONS', '/admin/x', 403],
    ['OPTIONS', '/x', 200],
    ['HEAD', '/admin/x', 403],
    ['PURGE', '/read', 405],
    ['PROPFIND', '/write', 405],
    ['GET-', '/x', 400],
    ['get', '/read', 400],
    ['GeT', '/read', 400],
    ['G', '/read', 400],
    ['CONNECT', '/read', 400],
    ['TRACE', '/x', 400],
  ] as const)('%s %s', async (method, target, status) => {
    const { answer, request } = await attemptOne(watched, compose(target, { method }), { methods: [method] })
    expect(answer.status).toBe(status)
    expect(request?.method).toBe(status === 200 ? method : undefined)
  })
})
