import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, type RequestOptions, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
const keys = new Map<string, TestKey>()

beforeAll(async () => {
  upstream = await startRawUpstream()
  const dead = await startRawUpstream()
  await dead.close()
  gateway = await startGateway(`
upstreams:
  api: { targets: ['${upstream.url}'], response_timeout: 200ms }
  dead: { targets: ['${dead.url}'] }
scopes: { items:read: Read }
limits: { one: { by: key, requests: 1, per: 1h } }
routes:
  - { path: /api/*, upstream: api, body_limit: 1kb }
  - { path: /get, upstream: api, methods: [GET] }
  - { path: /scoped, upstream: api, scopes: [items:read] }
  - { path: /denied, deny: true }
  - { path: /limited, upstream: api, limits: [one] }
  - { path: /dead, upstream: dead }
`)
  key = await gateway.createKey()
  const organization = await gateway.createOrg({ name: 'Suspended' })
  keys.set('suspended', await gateway.createKey({ organizationId: organization.id }))
  await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testActor)
  keys.set('elsewhere', await gateway.createKey({ allowedIps: ['192.0.2.0/24'] }))
  keys.set('powerless', await gateway.createKey({ scopes: [] }))
  keys.set('used up', await gateway.createKey())
  await gateway.request('GET', '/limited', options('used up'))
  upstream.respond(({ request, send }) => {
    if (request.target === '/api/garbage') send('this is not HTTP\r\n\r\n')
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

function options(name: string): RequestOptions {
  const named = name === 'valid' ? key : keys.get(name)
  return named ? { key: named } : {}
}

const cases: [status: number, code: string, method: string, target: string, key: string, extra?: RequestOptions][] = [
  [400, 'BAD_REQUEST', 'GET', '/api/x', 'valid', { headers: { Host: 'twice.example' } }],
  [400, 'BAD_REQUEST_TARGET', 'GET', '/api/../x', 'valid'],
  [400, 'QUERY_TOKEN_REJECTED', 'GET', '/api/x?api_key=1', 'valid'],
  [401, 'INVALID_API_KEY', 'GET', '/api/x', 'none'],
  [403, 'ORGANIZATION_SUSPENDED', 'GET', '/api/x', 'suspended'],
  [403, 'IP_NOT_ALLOWED', 'GET', '/api/x', 'elsewhere'],
  [403, 'INSUFFICIENT_SCOPE', 'GET', '/scoped', 'powerless'],
  [403, 'ROUTE_DENIED', 'GET', '/denied', 'valid'],
  [404, 'NOT_FOUND', 'GET', '/nowhere', 'valid'],
  [405, 'METHOD_NOT_ALLOWED', 'POST', '/get', 'valid'],
  [413, 'BODY_TOO_LARGE', 'POST', '/api/x', 'valid', { body: 'x'.repeat(1025) }],
  [414, 'URI_TOO_LONG', 'GET', `/api/${'x'.repeat(200_000)}`, 'valid'],
  [429, 'RATE_LIMITED', 'GET', '/limited', 'used up'],
  [431, 'HEADERS_TOO_LARGE', 'GET', '/api/x', 'valid', { headers: { 'X-A': 'x'.repeat(200_000) } }],
  [502, 'UPSTREAM_UNAVAILABLE', 'GET', '/dead', 'valid'],
  [502, 'UPSTREAM_PROTOCOL_ERROR', 'GET', '/api/garbage', 'valid'],
  [504, 'UPSTREAM_TIMEOUT', 'GET', '/api/silent', 'valid'],
]

describe('an error is a problem of RFC 9457 with code and request id', () => {
  it.each(cases)('%i %s', async (status, code, method, target, who, extra = {}) => {
    const response = await gateway.request(method, target, { ...options(who), ...extra })
    const body = expectProblem(response, status, code)
    expect(response.header('content-length')).toBe(String(response.content.length))
    for (const internal of ['node:', 'src/', ' at ', 'ECONN', 'undici', '127.0.0.1']) {
      expect(JSON.stringify(body)).not.toContain(internal)
    }
  })

  it('of one type for each code', async () => {
    const types = new Map<unknown, unknown>()
    for (const [, , method, target, who, extra = {}] of cases.slice(1, 10)) {
      const body = (await gateway.request(method, target, { ...options(who), ...extra })).json()
      types.set(body.type, body.code)
    }
    expect(types.size).toBe(9)
  })

  it('without a body in answer to HEAD', async () => {
    for (const [target, status] of [
      ['/nowhere', 404],
      ['/denied', 403],
    ] as const) {
      using client = await gateway.connect()
      await client.send(gateway.compose('HEAD', target, { key }))
      const response = await client.response({ to: 'HEAD' })
      expect([response.status, response.header('content-type')]).toEqual([status, 'application/problem+json'])
      await client.send(gateway.compose('GET', '/nowhere', { key }))
      expectProblem(await client.response(), 404, 'NOT_FOUND')
    }
  })

  it('with Retry-After where waiting helps', async () => {
    const limited = await gateway.request('GET', '/limited', options('used up'))
    expect(Number(limited.header('retry-after'))).toBeGreaterThan(0)
  })
})
