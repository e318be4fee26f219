import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem, fingerprint } from '../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

const config = (more: string) => `
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 10000, per: 1m }
routes:
  - { path: /api/*, upstream: api }
  - { path: /get, upstream: api, methods: [GET] }
  - { path: /denied/*, deny: true }
${more}
`
const origin = 'https://app.example.com'
const preflight = {
  Origin: origin,
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'authorization, content-type',
}

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(`cors: { origins: ['${origin}'] }`))
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(plainResponse())
})

describe('a preflight', () => {
  it('is answered without a key, alike for every path, and never forwarded', async () => {
    const answers = new Set<string>()
    for (const path of ['/api/x', '/get', '/nowhere', '/denied/x', '/api/v1/me']) {
      const response = await gateway.request('OPTIONS', path, { headers: preflight })
      expect([path, response.status]).toEqual([path, 204])
      expect(response.header('access-control-allow-origin')).toBe(origin)
      expect(response.header('access-control-allow-methods')).toContain('POST')
      expect(response.header('access-control-allow-headers')?.toLowerCase()).toContain('authorization')
      expect(response.header('vary')?.toLowerCase()).toContain('origin')
      answers.add(fingerprint(response))
    }
    expect(answers.size).toBe(1)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('from an origin that is not named is not allowed', async () => {
    const headers = { ...preflight, Origin: 'https://evil.example.com' }
    const response = await gateway.request('OPTIONS', '/api/x', { headers })
    expect(response.headerAll('access-control-allow-origin')).toEqual([])
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('is judged after framing, target and query', async () => {
    const at = (target: string) => gateway.request('OPTIONS', target, { headers: preflight })
    expectProblem(await at('/api/../x'), 400, 'BAD_REQUEST_TARGET')
    expectProblem(await at('/api/x?api_key=1'), 400, 'QUERY_TOKEN_REJECTED')
  })

  it('is an ordinary request where no policy is', async () => {
    await using plain = await startGateway(config(''))
    expectProblem(await plain.request('OPTIONS', '/api/x', { headers: preflight }), 401, 'INVALID_API_KEY')
    const own = await plain.createKey()
    expect((await plain.request('OPTIONS', '/api/x', { key: own, headers: preflight })).status).toBe(200)
    expect(upstream.last().method).toBe('OPTIONS')
  })
})

describe('an actual request', () => {
  it('carries the policy in its answer, refusals too, so that a browser can read them', async () => {
    const headers = { Origin: origin }
    const refused = await gateway.request('GET', '/api/x', { headers })
    expectProblem(refused, 401, 'INVALID_API_KEY')
    const passed = await gateway.request('GET', '/api/x', { key, headers })
    for (const response of [refused, passed]) {
      expect(response.header('access-control-allow-origin')).toBe(origin)
      expect(response.header('access-control-expose-headers')?.toLowerCase()).toContain('x-request-id')
    }
  })

  it('from another origin carries none', async () => {
    const headers = { Origin: 'https://evil.example.com' }
    const response = await gateway.request('GET', '/api/x', { key, headers })
    expect(response.headerAll('access-control-allow-origin')).toEqual([])
  })

  it('has one policy, not a second one by the upstream', async () => {
    upstream.respond(
      plainResponse('ok', 'Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n'),
    )
    const response = await gateway.request('GET', '/api/x', { key, headers: { Origin: origin } })
    expect(response.headerAll('access-control-allow-origin')).toEqual([origin])
    expect(response.headerAll('access-control-allow-credentials')).toEqual([])
  })

  it('that the upstream fails carries it once', async () => {
    upstream.respond(({ reset }) => reset())
    const headers = { Origin: origin }
    const failed = await gateway.request('GET', '/api/x', { key, headers })
    expectProblem(failed, 502, 'UPSTREAM_UNAVAILABLE')
    expect(failed.headerAll('vary')).toEqual(['Origin'])
    expect(failed.headerAll('access-control-allow-origin')).toEqual([origin])
    expect(failed.headerAll('access-control-expose-headers')).toHaveLength(1)
  })
})
