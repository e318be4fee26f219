import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

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

const decode = (path: string) =>
  path.replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))

/** What servers are known to do to a path before they look at it. */
const habits: ((path: string) => string)[] = [
  decode,
  (path) => path.toLowerCase(),
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.replace(/\0.*$/s, ''),
  (path) => path.replace(/[^\x21-\x7e]/g, ''),
  (path) => path.replace(/\/{2,}/g, '/'),
  (path) => path.replace(/[?#].*$/s, ''),
  (path) => new URL(path.replace(/^\/+/, '/'), 'http://x').pathname,
]

/** Every path that some server might make of this one, two decodings deep. */
function readings(path: string): Set<string> {
  const seen = new Set([path])
  for (const reading of seen) {
    if (seen.size > 300) break
    for (const habit of habits) {
      try {
        seen.add(habit(reading))
      } catch {
        // a server with this habit would refuse the path
      }
    }
  }
  return seen
}

const pieces = [
  ...['/', '/', '/', '//', '.', '..', '...', '\\', ';', ';x=1', ' ', '?', '#', '%', '%25', '%zz', '+', '~', ':', '@'],
  ...['admin', 'ADMIN', 'aDmin', 'adm', 'in', 'open', 'v1', 'V1', 'x', '%61dmin', '%41dmin', 'admi%6e', 'admi%4E'],
  ...[
    '%2e',
    '%2E',
    '%2e%2e',
    '%252e',
    '%2f',
    '%2F',
    '%252f',
    '%5c',
    '%5C',
    '%3b',
    '%3f',
    '%23',
    '%00',
    '%09',
    '%0a',
    '%20',
  ],
  ...['%c0%ae', '%c0%af', '%e2%80%8b', '%C3%A9', '%ef%bc%8f', '%ff', '\xe9', '%25%32%65', '%u002e'],
]

it('whatever is forwarded to a permitted path is no denied path to any server behind', async () => {
  let forwarded = 0
  const target = fc
    .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 })
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
      for (const reading of readings(seen)) expect(reading).not.toMatch(/^\/(?:v1\/)?admin(?:\/|$)/)
    }),
    { numRuns: 3000 },
  )
  expect(forwarded).toBeGreaterThan(100)
}, 60_000)

it('the denied paths are denied in each of their own spellings that is canonical', async () => {
  for (const path of ['/admin', '/admin/', '/admin/x', '/%61dmin/x', '/v1/admin', '/v1/%61%64min/']) {
    upstream.forget()
    expect((await gateway.request('GET', path, { key })).status).toBe(403)
    expect(upstream.bytesReceived()).toBe(0)
  }
})
