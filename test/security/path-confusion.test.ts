import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pathPieces } from '../fuzz/vocabulary.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { dissenters, interpreters, type Rule } from './interpreters.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 1000000, per: 1m }
denials: { requests: 1000000, per: 1m }
routes:
  - { path: /*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, deny: true }
  - { path: /v1/admin/*, deny: true }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const rules: Rule[] = ['/*', '/open/*', '/admin/*', '/v1/admin/*'].map((path) => ({ path, rule: path }))
it('whatever is forwarded to a permitted path is no denied path to any server behind', async () => {
  let forwarded = 0
  const target = fc
    .array(fc.constantFrom(...pathPieces), { minLength: 1, maxLength: 7 })
    .map((parts) => `/${parts.join('')}`)
  await fc.assert(
    fc.asyncProperty(target, fc.boolean(), async (path, authenticated) => {
      if (path.includes(' ')) return
      upstream.forget()
      const response = await gateway.request('GET', path, authenticated ? { key } : {})
      if (upstream.requests.length === 0) {
        expect([400, 401, 403, 404]).toContain(response.status)
        return
      }
      forwarded += 1
      const [seen = ''] = upstream.last().target.split('?')
      expect(seen).toMatch(/^\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-F]{2})*$/)
      expect(dissenters(rules, seen, /^\/open(?:\/|$)/.test(seen) ? '/open/*' : '/*', interpreters)).toEqual([])
    }),
    { numRuns: 1000 },
  )
  expect(forwarded).toBeGreaterThan(30)
}, 60_000)

it('the denied paths are denied in each of their own spellings that is canonical', async () => {
  for (const path of ['/admin', '/admin/', '/admin/x', '/%61dmin/x', '/v1/admin', '/v1/%61%64min/']) {
    upstream.forget()
    expect((await gateway.request('GET', path, { key })).status).toBe(403)
    expect(upstream.bytesReceived()).toBe(0)
  }
})
