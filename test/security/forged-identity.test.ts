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
routes:
  - { path: /api/*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const ours = [
  ...['x-org-id', 'x-org-name', 'x-key-id', 'x-key-name', 'x-key-scopes', 'x-key-environment', 'x-workspace-id'],
  ...['x-service-account-id', 'sallyport-context', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
  ...['x-http-method-override', 'x-original-url', 'x-rewrite-url', 'proxy-authorization'],
]

/** One of our names with other letters and separators. */
const spelling = fc
  .tuple(fc.constantFrom(...ours), fc.infiniteStream(fc.constantFrom('-', '_', '.')), fc.infiniteStream(fc.boolean()))
  .map(([name, separators, capitals]) =>
    Array.from(name, (char) => {
      if (char === '-') return separators.next().value ?? '-'
      return capitals.next().value === true ? char.toUpperCase() : char
    }).join(''),
  )

it('no spelling of our names gets through from a client, with a key or without, alone or among others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spelling, { minLength: 1, maxLength: 5 }), fc.boolean(), async (names, open) => {
      const headers = names.flatMap((name) => [[name, 'forged'] as const, ['Connection', name] as const])
      const response = await gateway.request('GET', open ? '/open/x' : '/api/x', { key, headers })
      expect(response.status).toBe(200)
      expect(upstream.last().head).not.toContain('forged')
      if (!open) {
        expect(upstream.last().header('x-org-id')).toBe(gateway.organization.id)
        expect(upstream.last().header('x-key-id')).toBe(key.record.id)
      }
    }),
    { numRuns: 500 },
  )
}, 30_000)

it('names of organizations and keys never become header lines or raw bytes, whatever is in them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), async (name) => {
      const named = await gateway.createKey({ name })
      await gateway.request('GET', '/api/x', { key: named })
      expect(decodeURIComponent(upstream.last().header('x-key-name') ?? '')).toBe(name.toWellFormed())
      expect(upstream.last().head).toMatch(/^[\x20-\x7e\r\n]*$/)
    }),
    { numRuns: 100 },
  )
}, 30_000)
