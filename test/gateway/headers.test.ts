import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clock = testClock()
const dayMs = 86_400_000
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

const config = (more = '') => `
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { items:read: Read, items:write: Write }
limits: { minute: { by: key, requests: 1000, per: 1m } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /limited/*, upstream: api, limits: [minute] }
  - { path: /open/*, upstream: api, public: true }
  - { path: /projects/:id, upstream: api, workspace: ':id' }
  - { path: /with-authorization/*, upstream: api, forward_authorization: true }
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(), { clock })
  const { store, organization } = gateway
  const workspace = await store.createWorkspace(
    { organizationId: organization.id, name: 'One', externalId: 'one' },
    testActor,
  )
  const account = await store.createServiceAccount(
    { organizationId: organization.id, name: 'CI', role: 'engineer' },
    testActor,
  )
  key = await gateway.createKey({
    name: 'Deploy key',
    scopes: ['items:read', 'items:write'],
    workspaceIds: [workspace.id],
    serviceAccountId: account.id,
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(plainResponse())
})

/** Our names, as every client might try to send them. */
const ours = [
  'X-Org-Id',
  'X-Org-Name',
  'X-Key-Id',
  'X-Key-Name',
  'X-Key-Scopes',
  'X-Key-Environment',
  'X-Workspace-Id',
  'X-Service-Account-Id',
]
const folds = (name: string) => [
  name,
  name.toUpperCase(),
  name.toLowerCase(),
  name.replaceAll('-', '_'),
  name.replaceAll('-', '.'),
  name.replace('-', '_').toLowerCase(),
  `${name.slice(0, -3)}${name.slice(-3).replace('-', '.')}`,
]

describe('the upstream is told who is calling', () => {
  it('by each header exactly once', async () => {
    await gateway.request('GET', '/projects/one', { key })
    const seen = Object.fromEntries(ours.map((name) => [name, upstream.last().header(name)]))
    expect(seen).toEqual({
      'X-Org-Id': gateway.organization.id,
      'X-Org-Name': 'Acme',
      'X-Key-Id': key.record.id,
      'X-Key-Name': 'Deploy%20key',
      'X-Key-Scopes': 'items:read items:write',
      'X-Key-Environment': 'live',
      'X-Workspace-Id': 'one',
      'X-Service-Account-Id': key.record.serviceAccountId,
    })
  })

  it('with names in percent-encoded UTF-8, never raw bytes', async () => {
    const organization = await gateway.createOrg({ name: 'Zürich & Söhne\r\nX-Evil: 1' })
    const named = await gateway.createKey({ organizationId: organization.id, name: '鍵 "a"%41' })
    await gateway.request('GET', '/api/x', { key: named })
    const { head } = upstream.last()
    for (const [header, name] of [
      ['X-Org-Name', organization.name],
      ['X-Key-Name', '鍵 "a"%41'],
    ] as const) {
      const value = upstream.last().header(header) ?? ''
      expect(value).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
      expect(decodeURIComponent(value)).toBe(name)
    }
    expect(head).toMatch(/^[\x20-\x7e\r\n]*$/)
    expect(head.toLowerCase()).not.toContain('\nx-evil')
  })

  it('and by nothing that does not apply', async () => {
    const plain = await gateway.createKey()
    await gateway.request('GET', '/api/x', { key: plain })
    for (const name of ['X-Workspace-Id', 'X-Service-Account-Id']) {
      expect(upstream.last().headerAll(name)).toEqual([])
    }
  })

  it('under the names that the configuration gives', async () => {
    await using other = await startGateway(config('context: { headers: { org_id: X-Tenant, key_id: X-Token-Ref } }'))
    const otherKey = await other.createKey()
    const forged = { 'X-Tenant': 'forged', x_token_ref: 'forged' }
    await other.request('GET', '/api/x', { key: otherKey, headers: forged })
    expect(upstream.last().header('X-Tenant')).toBe(other.organization.id)
    expect(upstream.last().header('X-Token-Ref')).toBe(otherKey.record.id)
    expect(upstream.last().head).not.toContain('forged')
    expect(upstream.last().headerAll('X-Org-Id')).toEqual([])
  })

  it('under the names of Kong', async () => {
    await using kong = await startGateway(config('context: { preset: kong }'))
    const kongKey = await kong.createKey()
    await kong.request('GET', '/api/x', {
      key: kongKey,
      headers: { 'X-Consumer-Id': 'forged', x_consumer_username: 'f' },
    })
    const consumer = upstream.last().headers.filter(([name]) => /^x[-_.]consumer/i.test(name))
    expect(consumer.length).toBeGreaterThan(0)
    expect(JSON.stringify(consumer)).not.toContain('forged')
    expect(new Set(consumer.map(([name]) => name.toLowerCase())).size).toBe(consumer.length)
  })
})

describe('a client can neither forge nor remove what we say', () => {
  const forgeries = [...ours, 'Sallyport-Context'].flatMap(folds)

  it('in any spelling that an upstream could fold to ours', async () => {
    const headers = forgeries.map((name) => [name, 'forged'] as const)
    for (const path of ['/projects/one', '/open/x']) {
      await gateway.request('GET', path, { key, headers })
      expect(upstream.last().head).not.toContain('forged')
    }
    await gateway.request('GET', '/projects/one', { key, headers })
    for (const name of ours) expect(upstream.last().headerAll(name)).toHaveLength(1)
  })

  it('in trailers', async () => {
    using client = await gateway.connect()
    const headers = [['Transfer-Encoding', 'chunked']] as const
    await client.send(gateway.compose('POST', '/api/x', { key, headers }))
    await client.send('2\r\nhi\r\n0\r\nX-Org-Id: forged\r\nx_key_id: forged\r\nAuthorization: forged\r\n\r\n')
    expect((await client.response()).status).toBe(200)
    expect(String(upstream.last().content)).toBe('hi')
    expect(upstream.last().connection.bytes().toString('latin1')).not.toContain('forged')
  })

  it('by naming it in Connection', async () => {
    const names = [...ours, 'X-Request-Id', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Host']
    const headers = { Connection: names.join(', ').toLowerCase() }
    await gateway.request('GET', '/projects/one', { key, headers })
    for (const name of names) expect([name, upstream.last().headerAll(name).length]).toEqual([name, 1])
  })

  it.each(['X-HTTP-Method-Override', 'X-Original-URL', 'X-Rewrite-URL', 'x-original-url', 'X_Rewrite_Url'])(
    '%s is dropped',
    async (name) => {
      await gateway.request('GET', '/api/x', { key, headers: { [name]: '/admin' } })
      expect(upstream.last().head).not.toContain('/admin')
    },
  )
})

describe('hop by hop', () => {
  it.each(['Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'Proxy-Authenticate', 'TE', 'Trailer', 'Upgrade'])(
    '%s is not forwarded',
    async (name) => {
      await gateway.request('GET', '/api/x', { key, headers: { [name]: 'for-the-hop' } })
      expect(upstream.last().head).not.toContain('for-the-hop')
    },
  )

  it('what Connection names is dropped, the rest is kept', async () => {
    const headers = { Connection: 'X-Mine, x-other', 'X-Mine': 'gone-1', 'X-Other': 'gone-2', 'X-Third': 'kept' }
    await gateway.request('GET', '/api/x', { key, headers })
    expect(upstream.last().head).not.toContain('gone-')
    expect(upstream.last().header('X-Third')).toBe('kept')
  })

  it('a response loses its own', async () => {
    upstream.respond(
      plainResponse('ok', 'Connection: X-Mine\r\nX-Mine: gone\r\nKeep-Alive: timeout=5\r\nX-Third: kept\r\n'),
    )
    const response = await gateway.request('GET', '/api/x', { key })
    expect(response.head).not.toContain('gone')
    expect(response.headerAll('keep-alive').join()).not.toContain('timeout=5')
    expect(response.header('x-third')).toBe('kept')
  })

  it('every other header goes through unchanged, repeated ones too', async () => {
    const headers = [
      ['Accept', 'text/plain;q=0.5, */*'],
      ['Cookie', 'a=1; b=2'],
      ['X-Multi', 'one'],
      ['X-Multi', 'two'],
      ['If-None-Match', 'W/"x"'],
    ] as const
    upstream.respond(
      plainResponse('ok', 'Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nX-Custom: caf\xe9\r\nETag: "x"\r\n'),
    )
    const response = await gateway.request('GET', '/api/x', { key, headers })
    const values = (name: string) => upstream.last().headerAll(name).join(', ')
    expect(['Accept', 'Cookie', 'X-Multi', 'If-None-Match'].map(values)).toEqual([
      'text/plain;q=0.5, */*',
      'a=1; b=2',
      'one, two',
      'W/"x"',
    ])
    expect(response.headerAll('set-cookie')).toEqual(['a=1', 'b=2; Path=/'])
    expect(response.header('x-custom')).toBe('caf\xe9')
    expect(response.header('etag')).toBe('"x"')
  })
})

describe('Authorization', () => {
  it('goes no further, so that the upstream never sees a key', async () => {
    await gateway.request('GET', '/api/x', { key })
    await gateway.request('GET', '/open/x', { key })
    for (const request of upstream.requests) {
      expect(request.headerAll('authorization')).toEqual([])
      expect(request.head).not.toContain(key.raw)
    }
  })

  it('does where the route says so', async () => {
    await gateway.request('GET', '/with-authorization/x', { key })
    expect(upstream.last().header('authorization')).toBe(`Bearer ${key.raw}`)
  })
})

describe('X-Forwarded-*', () => {
  const forwarded = () =>
    ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'].map((name) => upstream.last().header(name))
  const sent = {
    'X-Forwarded-For': '192.0.2.1',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'public.example',
  }

  it('says what we saw', async () => {
    await gateway.request('GET', '/api/x', { key, host: 'api.example:8080' })
    expect(forwarded()).toEqual(['127.0.0.1', 'http', 'api.example:8080'])
  })

  it('from a peer that is not trusted is replaced', async () => {
    await gateway.request('GET', '/api/x', { key, headers: { ...sent, X_Forwarded_For: '192.0.2.2' } })
    expect(forwarded()).toEqual(['127.0.0.1', 'http', gateway.host])
    expect(upstream.last().head).not.toContain('192.0.2.')
    expect(upstream.last().head).not.toContain('public.example')
  })

  it('from a trusted proxy is kept, and the proxy is added', async () => {
    await using behind = await startGateway(config('trust_proxy: [127.0.0.1]'))
    await behind.request('GET', '/api/x', { key: await behind.createKey(), headers: sent })
    expect(forwarded()).toEqual(['192.0.2.1, 127.0.0.1', 'https', 'public.example'])
  })

  it('that says nothing is as if it were not there', async () => {
    await using behind = await startGateway(config('trust_proxy: [127.0.0.1]'))
    const own = await behind.createKey()
    for (const blank of ['', ' ', ',', ' , ,']) {
      const headers = { 'X-Forwarded-For': blank, 'X-Forwarded-Host': '', 'X-Forwarded-Proto': '' }
      await behind.request('GET', '/api/x', { key: own, headers })
      expect([blank, ...forwarded()]).toEqual([blank, '127.0.0.1', 'http', behind.host])
    }
    const twice = [
      ['X-Forwarded-For', ''],
      ['X-Forwarded-For', '192.0.2.1'],
    ] as const
    await behind.request('GET', '/api/x', { key: own, headers: twice })
    expect(forwarded()[0]).toBe('192.0.2.1, 127.0.0.1')
  })
})

describe('Host', () => {
  it('is that of the target, or that of the caller where the upstream wants it', async () => {
    await gateway.request('GET', '/api/x', { key, host: 'api.example' })
    expect(upstream.last().header('host')).toBe(new URL(upstream.url).host)
    await using keeping = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'], preserve_host: true } }
routes: [{ path: /api/*, upstream: api }]
`)
    await keeping.request('GET', '/api/x', { key: await keeping.createKey(), host: 'api.example' })
    expect(upstream.last().header('host')).toBe('api.example')
  })
})

describe('X-Request-Id', () => {
  it.each(['a', 'A-Z_0.9', 'x'.repeat(64)])('%j from the client is kept both ways', async (id) => {
    const response = await gateway.request('GET', '/api/x', { key, headers: { 'X-Request-Id': id } })
    expect([response.header('x-request-id'), upstream.last().header('x-request-id')]).toEqual([id, id])
    const refused = await gateway.request('GET', '/nowhere', { key, headers: { 'x-request-id': id } })
    expect(refused.json()).toMatchObject({ request_id: id, instance: `urn:request:${id}` })
  })

  it.each(['', 'x'.repeat(65), 'a b', 'a/b', 'a,b', '"a"', 'caf\xe9', '{}'])(
    '%j is replaced by a UUIDv7',
    async (id) => {
      const response = await gateway.request('GET', '/api/x', { key, headers: { 'X-Request-Id': id } })
      expect(response.header('x-request-id')).toMatch(uuidV7)
      expect(upstream.last().header('x-request-id')).toBe(response.header('x-request-id'))
    },
  )

  it('is one even when several or folded ones came', async () => {
    const headers = [
      ['X-Request-Id', 'a'],
      ['X-Request-Id', 'b'],
      ['X_Request_Id', 'c'],
    ] as const
    const response = await gateway.request('GET', '/api/x', { key, headers })
    expect(upstream.last().header('x-request-id')).toBe(response.header('x-request-id'))
    expect(upstream.last().headerAll('x_request_id')).toEqual([])
  })

  it('is another one for each request', async () => {
    const ids = new Set<string | undefined>()
    for (let i = 0; i < 5; i += 1) ids.add((await gateway.request('GET', '/api/x', { key })).header('x-request-id'))
    expect(ids.size).toBe(5)
  })

  it('of the upstream is replaced by ours', async () => {
    upstream.respond(plainResponse('ok', 'X-Request-Id: from-the-upstream\r\nx-request-id: again\r\n'))
    const response = await gateway.request('GET', '/api/x', { key, headers: { 'X-Request-Id': 'mine' } })
    expect(response.headerAll('x-request-id')).toEqual(['mine'])
  })
})

describe('RateLimit of the upstream', () => {
  const foreign = 'RateLimit: "theirs";r=1;t=1\r\nRateLimit-Policy: "theirs";q=1;w=1\r\nratelimit-limit: theirs\r\n'

  it('is replaced by ours', async () => {
    upstream.respond(plainResponse('ok', foreign))
    const response = await gateway.request('GET', '/limited/x', { key })
    expect(response.header('ratelimit')).toMatch(/^"minute";r=999;t=\d+$/)
    expect(response.header('ratelimit-policy')).toBe('"minute";q=1000;w=60')
    expect(response.head).not.toContain('theirs')
  })

  it('is dropped where we have none', async () => {
    upstream.respond(plainResponse('ok', foreign))
    expect((await gateway.request('GET', '/api/x', { key })).head).not.toContain('theirs')
  })
})

describe('Sunset', () => {
  const sunset = async (raw: string | TestKey) =>
    (await gateway.request('GET', '/api/x', { key: raw })).header('sunset')

  it('is absent from the answers to a key that lasts', async () => {
    expect(await sunset(key)).toBeUndefined()
    expect(await sunset(await gateway.createKey({ expiresAt: clock.now() + 15 * dayMs }))).toBeUndefined()
  })

  it('names the end of a key that expires within 14 days', async () => {
    const expiresAt = clock.now() + 13 * dayMs
    expect(await sunset(await gateway.createKey({ expiresAt }))).toBe(new Date(expiresAt).toUTCString())
  })

  it('names the end of the grace period to the old secret alone', async () => {
    const rotated = await gateway.createKey()
    const graceEndsAt = clock.now() + 20 * dayMs
    const fresh = await gateway.rotateKey(rotated, graceEndsAt)
    expect(await sunset(rotated)).toBe(new Date(graceEndsAt).toUTCString())
    expect(await sunset(fresh)).toBeUndefined()
  })
})
