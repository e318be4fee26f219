import { hash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import type { RawResponse } from '../helpers/raw-client.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
let revoked: TestKey
let expired: TestKey
let orphaned: TestKey
let rotatedAway: string

const config = (more = '') => `
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
auth_failures: { requests: 100000, per: 1m }
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(), { clock })
  const { store, organization } = gateway
  key = await gateway.createKey()
  revoked = await gateway.createKey()
  await store.revokeKey(organization.id, revoked.record.id, 'test', testActor)
  expired = await gateway.createKey({ expiresAt: clock.now() + 1 })
  const account = await store.createServiceAccount(
    { organizationId: organization.id, name: 'CI', role: 'engineer' },
    testActor,
  )
  orphaned = await gateway.createKey({ serviceAccountId: account.id })
  await store.updateServiceAccount(organization.id, account.id, { isActive: false }, testActor)
  const rotated = await gateway.createKey()
  rotatedAway = rotated.raw
  await gateway.rotateKey(rotated, null)
  clock.advance(1)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

/** Header lines that must not let anybody in. Called when the keys exist. */
const wrong: [what: string, headers: () => [string, string][]][] = [
  ['no credentials', () => []],
  ['an empty Authorization', () => [['Authorization', '']]],
  ['a scheme alone', () => [['Authorization', 'Bearer']]],
  ['the key alone', () => [['Authorization', key.raw]]],
  ['Basic', () => [['Authorization', `Basic ${Buffer.from(`${key.raw}:`).toString('base64')}`]]],
  ['another scheme', () => [['Authorization', `Token ${key.raw}`]]],
  ['a colon after the scheme', () => [['Authorization', `Bearer: ${key.raw}`]]],
  ['no space after the scheme', () => [['Authorization', `Bearer${key.raw}`]]],
  ['quotes', () => [['Authorization', `Bearer "${key.raw}"`]]],
  ['the key twice', () => [['Authorization', `Bearer ${key.raw} ${key.raw}`]]],
  ['a list', () => [['Authorization', `Bearer ${key.raw}, Bearer ${key.raw}`]]],
  ['a parameter', () => [['Authorization', `Bearer ${key.raw}, realm=api`]]],
  [
    'Authorization twice',
    () => [
      ['Authorization', `Bearer ${key.raw}`],
      ['Authorization', `Bearer ${key.raw}`],
    ],
  ],
  [
    'Authorization twice, one empty',
    () => [
      ['Authorization', `Bearer ${key.raw}`],
      ['Authorization', ''],
    ],
  ],
  [
    'Authorization twice in other letters',
    () => [
      ['authorization', `Bearer ${key.raw}`],
      ['AUTHORIZATION', 'Basic eDp5'],
    ],
  ],
  ['X-Api-Key', () => [['X-Api-Key', key.raw]]],
  ['a cookie', () => [['Cookie', `authorization=Bearer ${key.raw}`]]],
  ['Proxy-Authorization', () => [['Proxy-Authorization', `Bearer ${key.raw}`]]],
  ['X_Authorization', () => [['X_Authorization', `Bearer ${key.raw}`]]],
  ['a key cut short', () => [['Authorization', `Bearer ${key.raw.slice(0, -1)}`]]],
  ['a key with a letter more', () => [['Authorization', `Bearer ${key.raw}a`]]],
  ['a key in small letters', () => [['Authorization', `Bearer ${key.raw.toLowerCase()}`]]],
  ['a key of another environment', () => [['Authorization', `Bearer ${key.raw.replace('_live_', '_test_')}`]]],
  ['a key of no environment', () => [['Authorization', `Bearer ${key.raw.replace('_live_', '_prod_')}`]]],
  ['a key with another prefix', () => [['Authorization', `Bearer xx${key.raw.slice(2)}`]]],
  ['a key with a wrong checksum', () => [['Authorization', `Bearer ${key.raw.slice(0, -6)}000000`]]],
  ['a percent-encoded key', () => [['Authorization', `Bearer %73${key.raw.slice(1)}`]]],
  ['a very long key', () => [['Authorization', `Bearer sk_live_${'a'.repeat(4000)}`]]],
  ['the hash of a key', () => [['Authorization', `Bearer ${hash('sha256', key.raw)}`]]],
  ['an unknown key', () => [['Authorization', `Bearer ${gateway.unknownKey()}`]]],
  ['a revoked key', () => [['Authorization', `Bearer ${revoked.raw}`]]],
  ['an expired key', () => [['Authorization', `Bearer ${expired.raw}`]]],
  ['the key of an inactive service account', () => [['Authorization', `Bearer ${orphaned.raw}`]]],
  ['a secret that was rotated away', () => [['Authorization', `Bearer ${rotatedAway}`]]],
]

const send = (headers: readonly [string, string][]): Promise<RawResponse> =>
  gateway.request('GET', '/api/x', { headers: [...headers, ['X-Request-Id', 'same']] })

describe('401 for every wrong way to send credentials', () => {
  it.each(wrong)('%s', async (_what, headers) => {
    const response = await send(headers())
    expectProblem(response, 401, 'INVALID_API_KEY')
    expect(response.header('www-authenticate')).toMatch(/^Bearer realm="api"/)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('with one body for all, byte for byte', async () => {
    const bodies = new Set<string>()
    for (const [, headers] of wrong) bodies.add((await send(headers())).text())
    expect([...bodies]).toHaveLength(1)
  })

  it('with one head for every token that has the right form, byte for byte', async () => {
    const heads = new Set<string>()
    for (const raw of [gateway.unknownKey(), revoked.raw, expired.raw, orphaned.raw, rotatedAway]) {
      const response = await send([['Authorization', `Bearer ${raw}`]])
      heads.add(response.head.replace(/^date: .*\r\n/im, ''))
    }
    expect([...heads]).toHaveLength(1)
  })

  it('names the error in WWW-Authenticate only where a token was sent', async () => {
    expect((await send([])).header('www-authenticate')).toBe('Bearer realm="api"')
    for (const raw of [gateway.unknownKey(), revoked.raw, 'nonsense']) {
      const response = await send([['Authorization', `Bearer ${raw}`]])
      expect(response.header('www-authenticate')).toBe('Bearer realm="api", error="invalid_token"')
    }
  })

  it('with the realm that the configuration names', async () => {
    await using other = await startGateway(config('errors: { realm: Example API }'))
    const response = await other.request('GET', '/api/x')
    expect(response.header('www-authenticate')).toBe('Bearer realm="Example API"')
  })
})

describe('a valid key', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('is accepted with the scheme written %s', async (scheme) => {
    expect((await send([['Authorization', `${scheme} ${key.raw}`]])).status).toBe(200)
  })

  it('is accepted again and again, from the cache and after it', async () => {
    // The clock leaps further than the store is polled: what is held must be trusted for longer than that.
    await using patient = await startGateway(config('keys: { cache: { stale_if_store_down: 10m } }'), { clock })
    const own = await patient.createKey()
    for (let i = 0; i < 3; i += 1) {
      expect((await patient.request('GET', '/api/x', { key: own })).status).toBe(200)
      clock.advance(31_000)
    }
  })

  it('is refused from the moment of its expiry, although the cache has seen it valid', async () => {
    const brief = await gateway.createKey({ expiresAt: clock.now() + 1000 })
    expect((await gateway.request('GET', '/api/x', { key: brief })).status).toBe(200)
    clock.advance(999)
    expect((await gateway.request('GET', '/api/x', { key: brief })).status).toBe(200)
    clock.advance(1)
    expectProblem(await gateway.request('GET', '/api/x', { key: brief }), 401, 'INVALID_API_KEY')
  })

  it('has two valid secrets during a grace period, and one afterwards', async () => {
    const rotated = await gateway.createKey()
    const fresh = await gateway.rotateKey(rotated, clock.now() + 1000)
    for (const raw of [rotated.raw, fresh]) {
      expect((await gateway.request('GET', '/api/x', { key: raw })).status).toBe(200)
    }
    clock.advance(1000)
    expectProblem(await gateway.request('GET', '/api/x', { key: rotated.raw }), 401, 'INVALID_API_KEY')
    expect((await gateway.request('GET', '/api/x', { key: fresh })).status).toBe(200)
  })

  it('of the test environment is accepted as well', async () => {
    const test = await gateway.createKey({ environment: 'test' })
    expect(test.raw).toMatch(/^sk_test_[0-9A-Za-z]{36}$/)
    expect((await gateway.request('GET', '/api/x', { key: test })).status).toBe(200)
  })
})

describe('key formats', () => {
  it('without environments are just prefix and random part', async () => {
    await using plain = await startGateway(config('keys: { prefix: op, environments: [] }'))
    const own = await plain.createKey()
    expect(own.raw).toMatch(/^op_[0-9A-Za-z]{36}$/)
    expect((await plain.request('GET', '/api/x', { key: own })).status).toBe(200)
    expectProblem(await plain.request('GET', '/api/x', { key: key.raw }), 401, 'INVALID_API_KEY')
  })

  it('of imported keys are looked up without a checksum, at exactly their length', async () => {
    await using importing = await startGateway(config('keys: { accept: [{ prefix: old_, length: 30 }] }'))
    const raw = `old_${'x'.repeat(26)}`
    await importing.store.createKey(
      {
        organizationId: importing.organization.id,
        name: 'Imported',
        scopes: ['*'],
        environment: null,
        secret: { sha256: hash('sha256', raw, 'buffer'), keyPrefix: raw.slice(0, 12), keySuffix: raw.slice(-4) },
      },
      testActor,
    )
    expect((await importing.request('GET', '/api/x', { key: raw })).status).toBe(200)
    expectProblem(await importing.request('GET', '/api/x', { key: `${raw}x` }), 401, 'INVALID_API_KEY')
    expectProblem(await importing.request('GET', '/api/x', { key: raw.replace('x', 'y') }), 401, 'INVALID_API_KEY')
    expectProblem(await importing.request('GET', `/api/x?q=${raw}`), 400, 'QUERY_TOKEN_REJECTED')
  })
})
