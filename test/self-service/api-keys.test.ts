import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey, type TestKeyInput } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import type { RawResponse } from '../helpers/raw-client.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { breakStore } from '../helpers/store-outage.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway

const config = (more = '') => `
keys: { prefix: ae }
scopes: { "scans:read": Read, "scans:write": Write }
upstreams: { api: { targets: ['${upstream.url}'] } }
limits: { minute: { by: key, requests: 3, per: 1m } }
routes:
  - { path: /tenants/me/*, upstream: api }
  - { path: /write, scopes: ["scans:write"], upstream: api }
${more}
`
const path = '/tenants/me/api-keys'

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(), { clock })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface CreatedData {
  readonly id: string
  readonly name: string
  readonly key: string
  readonly prefix: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

const manager = (input: TestKeyInput = {}, of: Gateway = gateway): Promise<TestKey> =>
  of.createKey({ scopes: ['*', 'keys:manage'], ...input })

const post = (key: TestKey | string, body: unknown, of: Gateway = gateway): Promise<RawResponse> =>
  of.request('POST', path, {
    key,
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const createdBy = (response: RawResponse): CreatedData => {
  expect([response.status, response.text()]).toEqual([201, expect.anything()])
  return response.json().data as CreatedData
}

function expectRefusal(
  response: RawResponse,
  status: number,
  code: string,
  message: unknown = expect.any(String),
): void {
  expect([response.status, response.header('content-type')]).toEqual([status, 'application/json'])
  expect(response.json()).toEqual({ success: false, error: { code, message } })
}

describe('GET /tenants/me/api-keys', () => {
  it('lists every active key of the organization, newest first, with prefix and times and nothing more', async () => {
    const acme = await gateway.createOrg({ name: 'Listed' })
    const own = await manager({ organizationId: acme.id, name: 'Own' })
    const other = await gateway.createKey({ organizationId: acme.id, name: 'CI pipeline' })
    const gone = await gateway.createKey({ organizationId: acme.id })
    await gateway.store.revokeKey(acme.id, gone.record.id, null, { type: 'cli', id: null })
    await gateway.createKey({ organizationId: acme.id, expiresAt: clock.now() - 1 })
    const usedAt = clock.now()
    const first = await gateway.request('GET', path, { key: own })
    expect(first.status).toBe(200)
    const [newest, oldest] = first.json().data as Record<string, unknown>[]
    expect(newest).toEqual({
      ...{ id: other.record.id, name: 'CI pipeline', prefix: other.raw.slice(0, 12) },
      ...{ createdAt: new Date(other.record.createdAt).toISOString(), lastUsedAt: null },
    })
    expect(oldest).toMatchObject({ id: own.record.id, name: 'Own' })
    expect(first.json()).toEqual({ success: true, data: [newest, oldest] })
    expect(first.text()).not.toContain(other.raw)
    await eventually('lastUsedAt to be there', async () => {
      const { data } = (await gateway.request('GET', path, { key: own })).json() as { data: Record<string, unknown>[] }
      return data[1]?.lastUsedAt === new Date(usedAt).toISOString()
    })
  })

  it('gives a long list whole, or in parts that the Link header joins', async () => {
    const { id: organizationId } = await gateway.createOrg({ name: 'Many' })
    const own = await manager({ organizationId })
    for (let index = 0; index < 204; index++) await gateway.createKey({ organizationId })
    const idsAt = async (target: string) => {
      const response = await gateway.request('GET', target, { key: own })
      const ids = (response.json().data as { id: string }[]).map(({ id }) => id)
      return { ids, next: /^<(.+)>; rel="next"$/.exec(response.header('link') ?? '')?.[1] }
    }
    const whole = await idsAt(path)
    expect([whole.ids.length, new Set(whole.ids).size, whole.next]).toEqual([205, 205, undefined])
    const parts: string[][] = []
    let next: string | undefined = `${path}?limit=100`
    while (next !== undefined) {
      const part = await idsAt(next)
      parts.push(part.ids)
      next = part.next
    }
    expect(parts.map(({ length }) => length)).toEqual([100, 100, 5])
    expect(parts.flat()).toEqual(whole.ids)
    for (const query of ["cursor=x'--", 'limit=0', 'limit=5001', 'limit=ten']) {
      expectRefusal(await gateway.request('GET', `${path}?${query}`, { key: own }), 422, 'VALIDATION_FAILED')
    }
  })
})

describe('POST /tenants/me/api-keys', () => {
  it('makes a key from a name alone, shows it this once, and it works at once', async () => {
    const own = await manager()
    const response = await post(own, { name: 'CI pipeline' })
    const data = createdBy(response)
    expect(response.json()).toEqual({ success: true, data })
    expect(data).toEqual({
      ...{ id: expect.stringMatching(/^key_/), name: 'CI pipeline', key: expect.stringMatching(/^ae_live_/) },
      ...{ prefix: data.key.slice(0, 12), createdAt: new Date(clock.now()).toISOString(), lastUsedAt: null },
    })
    expect(response.header('cache-control')).toBe('no-store')
    expect((await gateway.request('GET', '/write', { key: data.key })).status).toBe(200)
    const [event] = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows
    expect(event).toMatchObject({
      ...{ type: 'api_key.created', target: data.id },
      actor: { type: 'api_key', id: own.record.id, requestId: response.header('x-request-id') },
    })
    expect(JSON.stringify(event)).not.toContain(data.key)
  })

  it('gives what is left out as the creator has it, but managing keys only by its name', async () => {
    const { store, organization } = gateway
    const workspace = await store.createWorkspace(
      { organizationId: organization.id, name: 'W' },
      { type: 'cli', id: null },
    )
    const account = await store.createServiceAccount(
      { organizationId: organization.id, name: 'Bot', role: 'engineer' },
      { type: 'cli', id: null },
    )
    const rights = {
      ...{ environment: 'test', expiresAt: clock.now() + 40 * 86_400_000, workspaceIds: [workspace.id] },
      ...{ allowedIps: ['127.0.0.0/8'], rateLimit: { requests: 50, perMs: 60_000 }, serviceAccountId: account.id },
    }
    const own = await manager({ ...rights, scopes: ['scans:read', 'keys:manage'] })
    const { id } = createdBy(await post(own, { name: 'Like me' }))
    const { workspaceIds: _, ...same } = rights
    expect(await store.findKey(organization.id, id)).toMatchObject({
      ...{ ...same, scopes: ['scans:read'], workspaces: [{ id: workspace.id }] },
      ...{ createdBy: own.record.id, system: false },
    })
    const second = createdBy(await post(own, { name: 'Manager', scopes: ['scans:read', 'keys:manage'] }))
    createdBy(await post(second.key, { name: 'Grandchild' }))
  })

  it('takes what is asked for where it is less than the creator has', async () => {
    const own = await manager({
      allowedIps: ['127.0.0.0/8', '10.0.0.0/8'],
      rateLimit: { requests: 120, perMs: 60_000 },
    })
    const { id } = createdBy(
      await post(own, {
        ...{ name: ' Narrow ', description: 'Reads', scopes: ['scans:*'], expiresInDays: 30 },
        ...{ allowedIps: ['10.1.0.0/16', '127.0.0.1'], rateLimit: { requests: 100, per: '1h' } },
      }),
    )
    expect(await gateway.store.findKey(gateway.organization.id, id)).toMatchObject({
      ...{ name: 'Narrow', description: 'Reads', scopes: ['scans:*'], expiresAt: clock.now() + 30 * 86_400_000 },
      ...{ allowedIps: ['10.1.0.0/16', '127.0.0.1'], rateLimit: { requests: 100, perMs: 3_600_000 } },
    })
  })

  describe('refuses to make a key that could do more than its creator', () => {
    const limited: TestKeyInput = {
      ...{ scopes: ['scans:read', 'keys:manage'], allowedIps: ['127.0.0.0/8'] },
      ...{ rateLimit: { requests: 120, perMs: 60_000 } },
    }
    const expiring = (): TestKeyInput => ({ ...limited, expiresAt: clock.now() + 20 * 86_400_000 })

    it.each([
      ['a scope that it lacks', { scopes: ['scans:write'] }],
      ['a wildcard over what it has', { scopes: ['scans:*'] }],
      ['all scopes', { scopes: ['*'] }],
      ['no expiry', { expiresInDays: null }],
      ['a later expiry', { expiresInDays: 21 }],
      ['any address', { allowedIps: [] }],
      ['other addresses', { allowedIps: ['127.0.0.1', '10.0.0.0/8'] }],
      ['a wider block', { allowedIps: ['127.0.0.0/7'] }],
      ['the same numbers in another family', { allowedIps: ['::ffff:127.0.0.1'] }],
      ['no limit', { rateLimit: null }],
      ['more requests', { rateLimit: { requests: 121, per: '1h' } }],
      ['the same in less time', { rateLimit: { requests: 120, per: '59s' } }],
    ])('%s', async (_, more) => {
      const own = await manager(expiring())
      const before = await gateway.store.countKeys(gateway.organization.id)
      expectRefusal(await post(own, { name: 'More', ...more }), 403, 'FORBIDDEN')
      expect(await gateway.store.countKeys(gateway.organization.id)).toBe(before)
    })

    it('managing keys, which * does not include', async () => {
      expectRefusal(await post(await gateway.createKey({ scopes: ['*'] }), { name: 'x' }), 403, 'INSUFFICIENT_SCOPE')
    })

    it('a workspace that it does not hold, with the answer for one that is not there', async () => {
      const { store, organization } = gateway
      const [held, other] = [
        await store.createWorkspace({ organizationId: organization.id, name: 'A', externalId: 'a' }, testBy),
        await store.createWorkspace({ organizationId: organization.id, name: 'B' }, testBy),
      ]
      const own = await manager({ workspaceIds: [held.id] })
      const foreign = await post(own, { name: 'x', workspaceIds: ['a', other.id] })
      const unknown = await post(own, { name: 'x', workspaceIds: ['a', 'ws_nothing'] })
      expectRefusal(foreign, 404, 'NOT_FOUND')
      expect(foreign.text()).toBe(unknown.text())
      expectRefusal(await post(own, { name: 'x', projectId: other.id }), 404, 'NOT_FOUND')
      const bound = createdBy(await post(own, { name: 'x', projectId: 'a', scopes: ['*', 'keys:manage'] }))
      // Bound to one project, it can make none that is not.
      expectRefusal(await post(bound.key, { name: 'x', workspaceIds: [held.id] }), 422, 'VALIDATION_FAILED')
      const child = createdBy(await post(bound.key, { name: 'x' }))
      expect(await store.findKey(organization.id, child.id)).toMatchObject({
        projectId: 'a',
        workspaces: [{ id: held.id }],
      })
      expect((await gateway.request('GET', '/write', { key: child.key })).status).toBe(404)
    })

    it('one that outlives the secret in hand, which has been rotated', async () => {
      const own = await manager()
      await gateway.rotateKey(own, clock.now() + 3_600_000)
      expectRefusal(await post(own, { name: 'Survivor' }), 403, 'FORBIDDEN', expect.stringContaining('rotated'))
    })
  })

  it('makes nothing for a key that is revoked while its body is on the way', async () => {
    const own = await manager({ name: 'Slow' })
    using client = await gateway.connect()
    const body = JSON.stringify({ name: 'Too late' })
    const headers = { 'Content-Length': String(body.length), 'Content-Type': 'application/json' }
    await client.send(
      Buffer.concat([gateway.compose('POST', path, { key: own, headers }), Buffer.from(body.slice(0, 5))]),
    )
    await eventually('the request to be under way', async () => /inflight_requests 1\b/.test(await gateway.metrics()))
    await gateway.store.revokeKey(gateway.organization.id, own.record.id, null, testBy)
    await client.send(body.slice(5))
    expectRefusal(await client.response(), 403, 'FORBIDDEN')
    const keys = await gateway.store.listKeys(gateway.organization.id, { q: 'Too late' })
    expect(keys).toEqual([])
  })

  it.each<[what: string, body: string, status: number, code: string, message: RegExp]>([
    ['no body', '', 400, 'BAD_REQUEST', /not JSON/],
    ['broken JSON', '{"name": "x"', 400, 'BAD_REQUEST', /not JSON/],
    ['a name twice', '{"name": "x", "name": "y"}', 400, 'BAD_REQUEST', /"name" twice/],
    ['a name twice, once in disguise', '{"name": "x", "n\\u0061me": "y"}', 400, 'BAD_REQUEST', /"name" twice/],
    ['a list', '[]', 422, 'VALIDATION_FAILED', /object/],
    ['nothing named', '{}', 422, 'VALIDATION_FAILED', /name/],
    ['a name of the wrong type', '{"name": 5}', 422, 'VALIDATION_FAILED', /name/],
    ['a blank name', '{"name": "  "}', 422, 'VALIDATION_FAILED', /name/],
    ['an unknown field', '{"name": "x", "system": true}', 422, 'VALIDATION_FAILED', /system/],
    ['a field of the admin API', '{"name": "x", "expires_in_days": 5}', 422, 'VALIDATION_FAILED', /expires_in_days/],
    ['__proto__', '{"name": "x", "__proto__": {"scopes": ["*"]}}', 422, 'VALIDATION_FAILED', /__proto__/],
    ['an unknown scope', '{"name": "x", "scopes": ["scan:read"]}', 422, 'UNKNOWN_SCOPE', /scans:read/],
    ['days out of range', '{"name": "x", "expiresInDays": 3651}', 422, 'VALIDATION_FAILED', /expiresInDays/],
    ['no address', '{"name": "x", "allowedIps": ["home"]}', 422, 'VALIDATION_FAILED', /allowedIps\.0/],
    [
      'no duration',
      '{"name": "x", "rateLimit": {"requests": 1, "per": "1y"}}',
      422,
      'VALIDATION_FAILED',
      /rateLimit\.per/,
    ],
  ])('refuses a body with %s', async (_, body, status, code, message) => {
    expectRefusal(await post(await manager(), body), status, code, expect.stringMatching(message))
  })

  it('refuses a body that is not UTF-8, one that is no JSON by its type, and one with a key in it', async () => {
    const own = await manager()
    const send = (body: string | Buffer, type: string) =>
      gateway.request('POST', path, { key: own, body, headers: { 'Content-Type': type } })
    const bytes = Buffer.from('{"name": "\xff"}', 'latin1')
    expectRefusal(await send(bytes, 'application/json'), 400, 'BAD_REQUEST')
    expectRefusal(await send('name=x', 'application/x-www-form-urlencoded'), 415, 'UNSUPPORTED_MEDIA_TYPE')
    const leaked = JSON.stringify({ name: `my ${gateway.unknownKey()}` })
    expectRefusal(await send(leaked, 'application/json'), 422, 'VALIDATION_FAILED', expect.stringMatching(/like a key/))
  })

  it('refuses more than 64 kB, told beforehand or not', async () => {
    const own = await manager()
    const large = JSON.stringify({ name: 'x', description: 'x'.repeat(70_000) })
    expectRefusal(await post(own, large), 413, 'BODY_TOO_LARGE')
    using client = await gateway.connect()
    await client.send(gateway.compose('POST', path, { key: own, headers: { 'Transfer-Encoding': 'chunked' } }))
    await client.send(`${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`)
    expectRefusal(await client.response(), 413, 'BODY_TOO_LARGE')
  })

  it('waits for a body only so long, and not at all for one that is broken', async () => {
    await using impatient = await startGateway(config('timeouts: { body_idle: 200ms }'), { clock })
    const own = await manager({}, impatient)
    using slow = await impatient.connect()
    await slow.send(impatient.compose('POST', path, { key: own, headers: { 'Content-Length': '100' } }))
    expectRefusal(await slow.response(), 408, 'REQUEST_TIMEOUT')
    const patient = await manager()
    using broken = await gateway.connect()
    // Asked for once the key is known: what is broken with the head is refused before that, by nobody's customs.
    const headers = { 'Transfer-Encoding': 'chunked', Expect: '100-continue' }
    await broken.send(gateway.compose('POST', path, { key: patient, headers }))
    expect((await broken.interimOrFinalHead()).status).toBe(100)
    await broken.send('zz\r\n')
    expectRefusal(await broken.response(), 400, 'BAD_REQUEST')
  })

  it('asks for the body of whoever waits to be asked', async () => {
    const own = await manager()
    using client = await gateway.connect()
    const body = '{"name":"Polite"}'
    const headers = { 'Content-Length': String(body.length), Expect: '100-continue' }
    await client.send(gateway.compose('POST', path, { key: own, headers }))
    expect((await client.interimOrFinalHead()).status).toBe(100)
    await client.send(body)
    createdBy(await client.response())
  })
})

const testBy = { type: 'cli', id: null } as const

describe('DELETE /tenants/me/api-keys/{key_id}', () => {
  const remove = (key: TestKey | string, id: string) => gateway.request('DELETE', `${path}/${id}`, { key })

  it('ends a key: from the next request on it is 401, and it is listed no more', async () => {
    const own = await manager()
    const { id, key } = createdBy(await post(own, { name: 'Short-lived' }))
    expect((await gateway.request('GET', '/write', { key })).status).toBe(200)
    const response = await remove(own, id)
    expect([response.status, response.json()]).toEqual([200, { success: true, data: null }])
    expectProblem(await gateway.request('GET', '/write', { key }), 401, 'INVALID_API_KEY')
    expect((await gateway.request('GET', path, { key: own })).text()).not.toContain(id)
    expectRefusal(await remove(own, id), 404, 'NOT_FOUND')
    const [event] = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows
    expect(event).toMatchObject({ type: 'api_key.deleted', target: id, actor: { type: 'api_key', id: own.record.id } })
  })

  it('lets a key end itself, so that it can be replaced by one that it has made', async () => {
    const own = await manager()
    const { key } = createdBy(await post(own, { name: 'Next', scopes: ['*', 'keys:manage'] }))
    expect((await remove(key, own.record.id)).status).toBe(200)
    expect((await remove(key, (await me(key)).id)).status).toBe(200)
    expectProblem(await gateway.request('GET', path, { key }), 401, 'INVALID_API_KEY')
  })

  const me = async (key: string) => (await gateway.request('GET', '/api/v1/me', { key })).json().key as { id: string }

  it('has the same answer for a key of another organization and for one that is not there', async () => {
    const elsewhere = await gateway.createOrg({ name: 'Elsewhere' })
    const foreign = await gateway.createKey({ organizationId: elsewhere.id })
    const own = await manager()
    const one = await remove(own, foreign.record.id)
    expectRefusal(one, 404, 'NOT_FOUND')
    expect(one.text()).toBe((await remove(own, 'key_0')).text())
    expect((await gateway.request('GET', '/write', { key: foreign })).status).toBe(200)
  })

  it('leaves keys of the platform, and keys that can do more, alone', async () => {
    const own = await manager({ scopes: ['scans:read', 'keys:manage'], expiresAt: clock.now() + 86_400_000 })
    const sameExpiry = { scopes: ['scans:read'], expiresAt: own.record.expiresAt }
    const stronger = [
      await gateway.createKey({ ...sameExpiry, system: true }),
      await gateway.createKey({ ...sameExpiry, scopes: ['*'] }),
      await gateway.createKey({ ...sameExpiry, expiresAt: null }),
      await gateway.createKey({ ...sameExpiry, environment: 'test' }),
    ]
    for (const { record } of stronger) expectRefusal(await remove(own, record.id), 403, 'FORBIDDEN')
    const equal = await gateway.createKey(sameExpiry)
    expect((await remove(own, equal.record.id)).status).toBe(200)
  })
})

describe('where and for whom', () => {
  it('tells without a valid key nothing that another path would not', async () => {
    for (const [method, target] of [
      ['GET', path],
      ['POST', path],
      ['DELETE', `${path}/key_1`],
      ['PUT', path],
    ] as const) {
      expectProblem(await gateway.request(method, target), 401, 'INVALID_API_KEY')
    }
    const headers = { 'X-Request-Id': 'same' }
    const here = await gateway.request('GET', path, { headers })
    const nowhere = await gateway.request('GET', '/no/such', { headers })
    expect(here.text()).toBe(nowhere.text())
  })

  it('refuses a key without keys:manage, one from the wrong place, and one of a suspended organization', async () => {
    const reader = await gateway.createKey({ scopes: ['*'] })
    const refused = await gateway.request('GET', path, { key: reader })
    expectRefusal(refused, 403, 'INSUFFICIENT_SCOPE')
    expect(refused.header('www-authenticate')).toContain('scope="keys:manage"')
    expectRefusal(
      await gateway.request('GET', path, { key: await manager({ allowedIps: ['10.0.0.1'] }) }),
      403,
      'IP_NOT_ALLOWED',
    )
    const organization = await gateway.createOrg({ name: 'Late payer' })
    const suspended = await manager({ organizationId: organization.id })
    await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testBy)
    expectRefusal(await gateway.request('GET', path, { key: suspended }), 403, 'ORGANIZATION_SUSPENDED')
  })

  it('answers other methods with 405, and a path below with what the file says', async () => {
    const own = await manager()
    const collection = await gateway.request('PUT', path, { key: own })
    expectRefusal(collection, 405, 'METHOD_NOT_ALLOWED')
    expect(collection.header('allow')).toBe('GET, POST, HEAD')
    expect((await gateway.request('GET', `${path}/key_1`, { key: own })).header('allow')).toBe('DELETE')
    expect((await gateway.request('GET', `${path}/`, { key: own })).json()).toMatchObject({ success: true })
    upstream.forget()
    expect((await gateway.request('GET', `${path}/key_1/usage`, { key: own })).status).toBe(200)
    expect(upstream.last().target).toBe(`${path}/key_1/usage`)
    expectProblem(await gateway.request('DELETE', '/tenants/me/API-keys/key_1', { key: own }), 404, 'NOT_FOUND')
    expect((await gateway.request('HEAD', path, { key: own })).status).toBe(200)
  })

  it('is charged to the limits of the key and the organization, and is in the request log', async () => {
    const own = await manager({ rateLimit: { requests: 2, perMs: 60_000 } })
    expect((await gateway.request('GET', path, { key: own })).header('ratelimit')).toMatch(/^"key";r=1/)
    await gateway.request('GET', path, { key: own, headers: { 'X-Request-Id': 'second' } })
    const third = await gateway.request('GET', path, { key: own })
    expectRefusal(third, 429, 'RATE_LIMITED')
    expect(Number(third.header('retry-after'))).toBeGreaterThan(0)
    const row = (await gateway.requestLog()).find(({ requestId }) => requestId === 'second')
    expect(row).toMatchObject({ path, route: path, status: 200, code: null, keyId: own.record.id })
  })

  it('is charged to limits of the file that self_service names, together with routes', async () => {
    await using limited = await startGateway(config('self_service: { limits: [minute] }'), { clock })
    const own = await manager({}, limited)
    for (let index = 0; index < 3; index++) {
      expect((await limited.request('GET', path, { key: own })).status).toBe(200)
    }
    expectRefusal(await limited.request('GET', path, { key: own }), 429, 'RATE_LIMITED')
  })

  it('stands at the path that the configuration names, before routes with a host too, and can be turned off', async () => {
    const hosted = '  - { path: /keys/*, host: api.example.com, upstream: api }'
    await using moved = await startGateway(config(`${hosted}\nself_service: { path: /keys }`), { clock })
    const own = await manager({}, moved)
    expect((await moved.request('GET', '/keys', { key: own })).json()).toMatchObject({ success: true })
    const there = await moved.request('GET', '/keys/', { key: own, host: 'api.example.com' })
    expect(there.json()).toMatchObject({ success: true })
    expectRefusal(await moved.request('DELETE', '/keys/key_1', { key: own, host: 'api.example.com' }), 404, 'NOT_FOUND')
    upstream.forget()
    await moved.request('GET', path, { key: own })
    expect(upstream.last().target).toBe(path)

    await using off = await startGateway(config('self_service: false'), { clock })
    upstream.forget()
    await off.request('GET', path, { key: await manager({}, off) })
    expect(upstream.last().target).toBe(path)
  })

  it('passes on the right to manage keys without being asked where the file gives it to every key', async () => {
    const keys = 'keys: { prefix: ae, default_scopes: ["*", keys:manage] }'
    await using generous = await startGateway(config().replace('keys: { prefix: ae }', keys), { clock })
    const { key } = createdBy(await post(await manager({}, generous), { name: 'Next' }, generous))
    expect((await generous.request('GET', path, { key })).status).toBe(200)
    // A creator that lacks it can't pass it on.
    const reader = await generous.createKey({ scopes: ['scans:read'] })
    expectRefusal(await post(reader, { name: 'x' }, generous), 403, 'INSUFFICIENT_SCOPE')
  })

  it('says when the store is out of order, and does not make half of a key', async () => {
    await using failing = await startGateway(config(), { clock })
    const own = await manager({}, failing)
    await failing.request('GET', path, { key: own })
    const repair = breakStore(failing.storeFile)
    const refused = await post(own, { name: 'Lost' }, failing)
    expectRefusal(refused, 503, 'KEY_STORE_UNAVAILABLE')
    expect(refused.header('retry-after')).toMatch(/^\d+$/)
    expectRefusal(await failing.request('GET', path, { key: own }), 503, 'KEY_STORE_UNAVAILABLE')
    repair()
    expect((await failing.request('GET', path, { key: own })).text()).not.toContain('Lost')
  })

  it('lets browsers of the origins in the file read the answers', async () => {
    await using open = await startGateway(config('cors: { origins: ["https://app.example.com"] }'), { clock })
    const headers = { Origin: 'https://app.example.com' }
    const own = await manager({}, open)
    const listed = await open.request('GET', path, { key: own, headers })
    expect(listed.headerAll('access-control-allow-origin')).toEqual(['https://app.example.com'])
    const me = await open.request('GET', '/api/v1/me', { key: own, headers })
    expect(me.headerAll('access-control-allow-origin')).toEqual(['https://app.example.com'])
    const refused = await open.request('DELETE', `${path}/key_1`, { key: own, headers })
    expect(refused.headerAll('access-control-allow-origin')).toEqual(['https://app.example.com'])
  })
})
