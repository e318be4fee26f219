import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import type { RawResponse } from '../helpers/raw-client.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(
    `
upstreams: { api: { targets: ['${upstream.url}'] } }
trust_proxy: [127.0.0.1/32]
scopes: { items:read: Read }
limits:
  key-minute: { by: key, requests: 120, per: 1m }
  three: { by: key, requests: 3, per: 1m }
  org-ten: { by: org, requests: 10, per: 1d }
  twelve: { by: key, requests: 12, per: 1m }
  address: { by: ip, requests: 2, per: 1m }
  pair: { by: [key, ip], requests: 1, per: 1m }
  whole-route: { by: route, requests: 2, per: 1m }
routes:
  - { path: /minute/*, upstream: api, limits: [key-minute] }
  - { path: /three/*, upstream: api, limits: [three] }
  - { path: /also-three/*, upstream: api, limits: [three] }
  - { path: /scoped-three/*, upstream: api, limits: [three], scopes: [items:read] }
  - { path: /both/*, upstream: api, limits: [three, org-ten] }
  - { path: /costly/*, upstream: api, limits: [twelve], cost: 5 }
  - { path: /address/*, upstream: api, limits: [address] }
  - { path: /pair/*, upstream: api, limits: [pair] }
  - { path: /route-a/*, upstream: api, limits: [whole-route] }
  - { path: /route-b/*, upstream: api, limits: [whole-route] }
  - { path: /watched/*, upstream: api, limits: [three], shadow: true }
  - { path: /open/*, upstream: api, limits: [address], public: true }
  - { path: /free/*, upstream: api }
`,
    { clock },
  )
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

/** `RateLimit` and `RateLimit-Policy` as name → parameters. */
function parameters(
  response: RawResponse,
  header: 'ratelimit' | 'ratelimit-policy',
): Record<string, Record<string, number>> {
  const value = response.header(header)
  if (value === undefined) return {}
  return Object.fromEntries(
    value.split(/, */).map((item) => {
      const match = /^"([a-z0-9_-]+)"((?:;[a-z]+=\d+)+)$/.exec(item)
      if (!match) throw new Error(`malformed ${header}: ${value}`)
      const pairs = (match[2] ?? '').slice(1).split(';')
      return [match[1], Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]))]
    }),
  )
}
const remaining = (response: RawResponse, limit: string) => parameters(response, 'ratelimit')[limit]?.r

function expectLimited(response: RawResponse, limit: string, retryAfter: number): void {
  const body = expectProblem(response, 429, 'RATE_LIMITED')
  expect(response.header('retry-after')).toBe(String(retryAfter))
  expect(JSON.stringify(body.violated_policies)).toContain(limit)
}

describe('one limit', () => {
  it('admits exactly 120 of 1000 racing requests, and the upstream sees no other', async () => {
    const key = await gateway.createKey()
    const bytes = gateway.compose('GET', '/minute/x', { key })
    const connections = await Promise.all(Array.from({ length: 50 }, () => gateway.connect()))
    const statuses = await Promise.all(
      connections.map(async (client) => {
        await client.send(Buffer.concat(Array.from({ length: 20 }, () => bytes)))
        const seen: number[] = []
        for (let i = 0; i < 20; i += 1) seen.push((await client.response({ withinMs: 15_000 })).status)
        client[Symbol.dispose]()
        return seen
      }),
    )
    const count = (status: number) => statuses.flat().filter((other) => other === status).length
    expect([count(200), count(429)]).toEqual([120, 880])
    expect(upstream.requests).toHaveLength(120)
  })

  it('says in each answer what is allowed, what is left and when it begins anew', async () => {
    const key = await gateway.createKey()
    const request = () => gateway.request('GET', '/minute/x', { key })
    const first = await request()
    expect(first.header('ratelimit-policy')).toBe('"key-minute";q=120;w=60')
    expect(first.header('ratelimit')).toBe('"key-minute";r=119;t=60')
    clock.advance(18_000)
    expect((await request()).header('ratelimit')).toBe('"key-minute";r=118;t=42')
    clock.advance(41_500)
    expect((await request()).header('ratelimit')).toBe('"key-minute";r=117;t=1')
    clock.advance(500)
    expect((await request()).header('ratelimit')).toBe('"key-minute";r=119;t=60')
  })

  it('refuses with Retry-After until the window that the first request began has ended', async () => {
    const key = await gateway.createKey()
    const request = () => gateway.request('GET', '/three/x', { key })
    for (const left of [2, 1, 0]) expect(remaining(await request(), 'three')).toBe(left)
    clock.advance(20_000)
    upstream.forget()
    const refused = await request()
    expectLimited(refused, 'three', 40)
    expect(refused.header('ratelimit')).toBe('"three";r=0;t=40')
    expect(refused.header('ratelimit-policy')).toBe('"three";q=3;w=60')
    expect(upstream.bytesReceived()).toBe(0)
    clock.advance(39_999)
    expectLimited(await request(), 'three', 1)
    clock.advance(1)
    expect(remaining(await request(), 'three')).toBe(2)
  })

  it('is one counter for all routes that name it, and one for each key', async () => {
    const key = await gateway.createKey()
    const other = await gateway.createKey()
    expect(remaining(await gateway.request('GET', '/three/x', { key }), 'three')).toBe(2)
    expect(remaining(await gateway.request('GET', '/also-three/x', { key }), 'three')).toBe(1)
    expect(remaining(await gateway.request('GET', '/three/x', { key: other }), 'three')).toBe(2)
  })

  it('is counted by the key, not by the secret', async () => {
    const key = await gateway.createKey()
    const fresh = await gateway.rotateKey(key, clock.now() + 60_000)
    expect(remaining(await gateway.request('GET', '/three/x', { key }), 'three')).toBe(2)
    expect(remaining(await gateway.request('GET', '/three/x', { key: fresh }), 'three')).toBe(1)
  })

  it('is not charged for what is refused before it', async () => {
    const key = await gateway.createKey({ scopes: [] })
    for (let i = 0; i < 5; i += 1) {
      expectProblem(await gateway.request('GET', '/scoped-three/x', { key }), 403, 'INSUFFICIENT_SCOPE')
    }
    expect(remaining(await gateway.request('GET', '/three/x', { key }), 'three')).toBe(2)
  })

  it('takes the cost of the route, and a request that does not fit costs nothing', async () => {
    const key = await gateway.createKey()
    const request = () => gateway.request('GET', '/costly/x', { key })
    expect(remaining(await request(), 'twelve')).toBe(7)
    expect(remaining(await request(), 'twelve')).toBe(2)
    for (let i = 0; i < 3; i += 1) {
      const refused = await request()
      expectLimited(refused, 'twelve', 60)
      expect(remaining(refused, 'twelve')).toBe(2)
    }
  })

  it('that is shadowed lets the request pass and is recorded', async () => {
    const key = await gateway.createKey()
    const headers = { 'X-Request-Id': 'shadowed-limit' }
    for (let i = 0; i < 4; i += 1) {
      expect((await gateway.request('GET', '/watched/x', { key, headers })).status).toBe(200)
    }
    const rows = (await gateway.requestLog()).filter(({ requestId }) => requestId === 'shadowed-limit')
    expect(rows.map(({ shadowCode }) => shadowCode)).toEqual([null, null, null, 'RATE_LIMITED'])
  })
})

describe('several limits', () => {
  it('are all charged or none', async () => {
    const organization = await gateway.createOrg({ name: 'Ten' })
    const [first, second] = await Promise.all([1, 2].map(() => gateway.createKey({ organizationId: organization.id })))
    const request = (key: TestKey | undefined) => gateway.request('GET', '/both/x', key ? { key } : {})
    for (let i = 0; i < 3; i += 1) expect((await request(first)).status).toBe(200)
    for (let i = 0; i < 5; i += 1) {
      const refused = await request(first)
      expectLimited(refused, 'three', 60)
      expect(refused.json().violated_policies).toHaveLength(1)
      expect(remaining(refused, 'org-ten')).toBe(7)
    }
    const passed = await request(second)
    expect(remaining(passed, 'org-ten')).toBe(6)
    expect(parameters(passed, 'ratelimit-policy')).toEqual({ three: { q: 3, w: 60 }, 'org-ten': { q: 10, w: 86_400 } })
  })

  it('name all that were exceeded, and Retry-After is the longest wait', async () => {
    const organization = await gateway.createOrg({ name: 'Exhausted' })
    const keys = await Promise.all([1, 2, 3, 4].map(() => gateway.createKey({ organizationId: organization.id })))
    for (const key of keys.slice(0, 3)) {
      for (let i = 0; i < 3; i += 1) await gateway.request('GET', '/both/x', { key })
    }
    await gateway.request('GET', '/both/x', keys[3] ? { key: keys[3] } : {})
    const refused = await gateway.request('GET', '/both/x', keys[0] ? { key: keys[0] } : {})
    expectLimited(refused, 'three', 86_400)
    expectLimited(refused, 'org-ten', 86_400)
  })

  it('include the own ones of the key and the organization, on every route and the endpoint of the caller', async () => {
    const organization = await gateway.createOrg({ name: 'Own', rateLimit: { requests: 5, perMs: 3_600_000 } })
    const key = await gateway.createKey({ organizationId: organization.id, rateLimit: { requests: 2, perMs: 60_000 } })
    const first = await gateway.request('GET', '/free/x', { key })
    expect(parameters(first, 'ratelimit')).toEqual({ key: { r: 1, t: 60 }, org: { r: 4, t: 3600 } })
    expect(parameters(first, 'ratelimit-policy')).toEqual({ key: { q: 2, w: 60 }, org: { q: 5, w: 3600 } })
    expect(remaining(await gateway.request('GET', '/api/v1/me', { key }), 'key')).toBe(0)
    expectLimited(await gateway.request('GET', '/free/x', { key }), 'key', 60)
    expectLimited(await gateway.request('GET', '/api/v1/me', { key }), 'key', 60)
    clock.advance(60_000)
    expect(remaining(await gateway.request('GET', '/free/x', { key }), 'org')).toBe(2)
  })

  it('are absent from the answer where none applies', async () => {
    const response = await gateway.request('GET', '/free/x', { key: await gateway.createKey() })
    expect([response.headerAll('ratelimit'), response.headerAll('ratelimit-policy')]).toEqual([[], []])
  })
})

describe('what a limit counts by', () => {
  const from = (address: string) => ({ 'X-Forwarded-For': address })

  it('ip: each address for itself, whatever the key', async () => {
    const keys = [await gateway.createKey(), await gateway.createKey(), await gateway.createKey()]
    for (const [index, key] of keys.entries()) {
      const response = await gateway.request('GET', '/address/x', { key, headers: from('192.0.2.1') })
      expect(response.status).toBe(index < 2 ? 200 : 429)
    }
    for (const key of keys.slice(0, 1)) {
      expect((await gateway.request('GET', '/address/x', { key, headers: from('192.0.2.2') })).status).toBe(200)
    }
  })

  it('ip: anonymous callers on public routes too', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 3; i += 1) {
      statuses.push((await gateway.request('GET', '/open/x', { headers: from('192.0.2.3') })).status)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  it('route: each route for itself, whatever the key', async () => {
    const statuses: number[] = []
    for (const path of ['/route-a/x', '/route-a/y', '/route-a/z', '/route-b/x', '/route-b/y', '/route-b/z']) {
      statuses.push((await gateway.request('GET', path, { key: await gateway.createKey() })).status)
    }
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429])
  })

  it('a list: each combination for itself', async () => {
    const [a, b] = [await gateway.createKey(), await gateway.createKey()]
    const statuses: number[] = []
    for (const [key, address] of [
      [a, '192.0.2.4'],
      [a, '192.0.2.5'],
      [b, '192.0.2.4'],
      [a, '192.0.2.4'],
    ] as const) {
      statuses.push((await gateway.request('GET', '/pair/x', { key, headers: from(address) })).status)
    }
    expect(statuses).toEqual([200, 200, 200, 429])
  })
})

it('counters of an hour and more survive a restart, shorter ones need not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'))
  const config = `
store: sqlite:${join(folder, 'kept.db')}
upstreams: { api: { targets: ['${upstream.url}'] } }
limits: { day: { by: key, requests: 3, per: 1d } }
routes: [{ path: /api/*, upstream: api, limits: [day] }]
`
  try {
    let key: TestKey
    {
      await using before = await startGateway(config, { clock })
      key = await before.createKey()
      for (let i = 0; i < 2; i += 1) expect((await before.request('GET', '/api/x', { key })).status).toBe(200)
    }
    clock.advance(3_600_000)
    await using after = await startGateway(config, { clock })
    const last = await after.request('GET', '/api/x', { key })
    expect(last.header('ratelimit')).toBe('"day";r=0;t=82800')
    expectLimited(await after.request('GET', '/api/x', { key }), 'day', 82_800)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

describe('denials', () => {
  it('beyond the limit are 429, while permitted requests of the same key still pass', async () => {
    await using strict = await startGateway(
      `
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { items:read: Read }
denials: { requests: 3, per: 1m }
routes:
  - { path: /api/*, upstream: api, methods: [GET] }
  - { path: /scoped/*, upstream: api, scopes: [items:read] }
`,
      { clock },
    )
    const key = await strict.createKey({ scopes: [] })
    const other = await strict.createKey({ scopes: [] })
    expectProblem(await strict.request('GET', '/scoped/x', { key }), 403, 'INSUFFICIENT_SCOPE')
    expectProblem(await strict.request('GET', '/nowhere', { key }), 404, 'NOT_FOUND')
    expectProblem(await strict.request('POST', '/api/x', { key }), 405, 'METHOD_NOT_ALLOWED')
    for (const [method, path] of [
      ['GET', '/scoped/x'],
      ['GET', '/nowhere'],
      ['POST', '/api/x'],
    ] as const) {
      const refused = await strict.request(method, path, { key })
      expectProblem(refused, 429, 'RATE_LIMITED')
      expect(refused.header('retry-after')).toBe('60')
    }
    expect((await strict.request('GET', '/api/x', { key })).status).toBe(200)
    expectProblem(await strict.request('GET', '/nowhere', { key: other }), 404, 'NOT_FOUND')
    clock.advance(60_000)
    expectProblem(await strict.request('GET', '/nowhere', { key }), 404, 'NOT_FOUND')
  })
})

describe('failed authentication', () => {
  let strict: Gateway
  beforeAll(async () => {
    strict = await startGateway(
      `
upstreams: { api: { targets: ['${upstream.url}'] } }
trust_proxy: [127.0.0.1/32]
auth_failures: { requests: 3, per: 1m }
routes: [{ path: /api/*, upstream: api }]
`,
      { clock },
    )
  })
  afterAll(() => strict[Symbol.asyncDispose]())

  const attempt = (address: string, key?: string | TestKey) =>
    strict.request('GET', '/api/x', { headers: { 'X-Forwarded-For': address }, ...(key !== undefined && { key }) })

  it('beyond the limit is served from 20 look-ups per second, else 429', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 60; i += 1) statuses.push((await attempt('192.0.2.10', strict.unknownKey())).status)
    expect(statuses.slice(0, 3)).toEqual([401, 401, 401])
    const admitted = statuses.filter((status) => status === 401).length
    expect(admitted).toBeGreaterThan(3)
    expect(admitted).toBeLessThanOrEqual(23)
    expect(statuses.slice(-30)).toEqual(Array(30).fill(429))
    const refused = await attempt('192.0.2.10', strict.unknownKey())
    expectProblem(refused, 429, 'RATE_LIMITED')
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(0)
  })

  it('does not keep a cached key out, nor other addresses', async () => {
    const cached = await strict.createKey()
    expect((await attempt('192.0.2.12', cached)).status).toBe(200)
    for (let i = 0; i < 40; i += 1) await attempt('192.0.2.11', strict.unknownKey())
    expect((await attempt('192.0.2.11', strict.unknownKey())).status).toBe(429)
    expect((await attempt('192.0.2.11', cached)).status).toBe(200)
    expect((await attempt('192.0.2.13', strict.unknownKey())).status).toBe(401)
  })

  it('counts an IPv6 address by its /64', async () => {
    for (let i = 0; i < 40; i += 1) await attempt(`2001:db8:1:2::${i}`, strict.unknownKey())
    expect((await attempt('2001:db8:1:2:ffff::1', strict.unknownKey())).status).toBe(429)
    expect((await attempt('2001:db8:1:3::1', strict.unknownKey())).status).toBe(401)
  })

  it('counts failures alone: any number of good requests uses nothing up', async () => {
    const key = await strict.createKey()
    for (let i = 0; i < 30; i += 1) expect((await attempt('192.0.2.14', key)).status).toBe(200)
    for (let i = 0; i < 3; i += 1) expect((await attempt('192.0.2.14', strict.unknownKey())).status).toBe(401)
  })

  it('ends with its window', async () => {
    for (let i = 0; i < 40; i += 1) await attempt('192.0.2.15', strict.unknownKey())
    expect((await attempt('192.0.2.15', strict.unknownKey())).status).toBe(429)
    clock.advance(60_000)
    expect((await attempt('192.0.2.15', strict.unknownKey())).status).toBe(401)
  })

  it('applies to malformed and missing keys alike', async () => {
    for (const key of [undefined, 'nonsense']) {
      const address = key === undefined ? '192.0.2.16' : '192.0.2.17'
      const statuses: number[] = []
      for (let i = 0; i < 40; i += 1) statuses.push((await attempt(address, key)).status)
      expect(statuses.slice(0, 3)).toEqual([401, 401, 401])
      expect(statuses.at(-1)).toBe(429)
    }
  })
})

it('a key that is suspended with its organization is refused before any limit is charged', async () => {
  const organization = await gateway.createOrg({ name: 'Suspended' })
  const key = await gateway.createKey({ organizationId: organization.id })
  await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testActor)
  const response = await gateway.request('GET', '/three/x', { key })
  expectProblem(response, 403, 'ORGANIZATION_SUSPENDED')
  expect(response.headerAll('ratelimit')).toEqual([])
})
