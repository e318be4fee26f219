import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem, fingerprint } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

const config = (more = '') => `
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /open/*, public: true, upstream: api }
auth_failures: { requests: 10000, per: 1m }
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config())
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('a parameter with the name of a credential is refused', () => {
  it.each([
    'access_token=x',
    'api_key=x',
    'apikey=x',
    'api-key=x',
    'auth_token=x',
    'bearer_token=x',
    'authorization=x',
    'API_KEY=x',
    'ApiKey=x',
    'Authorization=Bearer%20x',
    '%61pi_key=x',
    'api%5fkey=x',
    'api%5Fkey=x',
    'api%2dkey=x',
    'a=1&access_token=x',
    'a=1&b&access_token=x&c',
    'access_token',
    'access_token=',
    '&&access_token=x',
  ])('?%s', async (query) => {
    for (const path of ['/api/x', '/open/x', '/nowhere']) {
      expectProblem(await gateway.request('GET', `${path}?${query}`, { key }), 400, 'QUERY_TOKEN_REJECTED')
    }
    expectProblem(await gateway.request('GET', `/api/x?${query}`), 400, 'QUERY_TOKEN_REJECTED')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it.each([
    'token_count=1',
    'my_api_key=1',
    'api_keys=1',
    'q=api_key',
    'q=access_token%3Dx',
    'tokens=sk_live_short',
    'sk_live',
  ])('and ?%s is not such a name', async (query) => {
    expect((await gateway.request('GET', `/api/x?${query}`, { key })).status).toBe(200)
    expect(upstream.last().target).toBe(`/api/x?${query}`)
  })

  it('from the list that the configuration gives', async () => {
    await using other = await startGateway(config('query_tokens: [secret]'))
    const otherKey = await other.createKey()
    expectProblem(await other.request('GET', '/api/x?SECRET=1', { key: otherKey }), 400, 'QUERY_TOKEN_REJECTED')
    expect((await other.request('GET', '/api/x?api_key=1', { key: otherKey })).status).toBe(200)
  })
})

describe('something shaped like one of our keys is refused wherever it stands in the target', () => {
  const percent = (text: string) => Array.from(text, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
  const wrongChecksum = (raw: string) => `${raw.slice(0, -1)}${raw.endsWith('0') ? '1' : '0'}`

  it.each<[string, (raw: string) => string]>([
    ['a value', (raw) => `/api/x?q=${raw}`],
    ['a part of a value', (raw) => `/api/x?q=before.${raw}.after`],
    ['a name', (raw) => `/api/x?${raw}`],
    ['a percent-encoded value', (raw) => `/api/x?q=${percent(raw)}`],
    ['a value whose first letter is percent-encoded', (raw) => `/api/x?q=%73${raw.slice(1)}`],
    ['a value whose underscores are percent-encoded', (raw) => `/api/x?q=${raw.replaceAll('_', '%5f')}`],
    ['a value with a wrong checksum', (raw) => `/api/x?q=${wrongChecksum(raw)}`],
    ['a segment of the path', (raw) => `/api/${raw}`],
    ['a part of a segment', (raw) => `/api/x-${raw}-y/z`],
    ['a percent-encoded segment', (raw) => `/api/${percent(raw)}`],
    ['a path that no route has', (raw) => `/nowhere/${raw}`],
  ])('as %s', async (_what, target) => {
    for (const options of [{ key }, {}]) {
      const response = await gateway.request('GET', target(key.raw), options)
      expectProblem(response, 400, 'QUERY_TOKEN_REJECTED')
      expect(response.head + response.text()).not.toContain(key.raw.slice(8))
    }
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('and the answer does not tell a live key from a revoked or made-up one', async () => {
    const revoked = await gateway.createKey()
    await gateway.store.revokeKey(gateway.organization.id, revoked.record.id, null, { type: 'cli', id: null })
    const answers = new Set<string>()
    for (const raw of [key.raw, revoked.raw, gateway.unknownKey(), wrongChecksum(key.raw)]) {
      answers.add(fingerprint(await gateway.request('GET', `/api/x?q=${raw}`)))
    }
    expect(answers.size).toBe(1)
  })
})

describe('a live key that was seen in a URL', () => {
  it('is recorded as exposed, and goes on by default', async () => {
    const exposed = await gateway.createKey()
    await gateway.request('GET', `/nowhere?q=${exposed.raw}`)
    const event = await eventually('an api_key.exposed event', async () =>
      (await gateway.store.listEvents()).rows.find(
        ({ type, target }) => type === 'api_key.exposed' && target === exposed.record.id,
      ),
    )
    expect(event.organizationId).toBe(gateway.organization.id)
    expect(JSON.stringify(event)).not.toContain(exposed.raw.slice(12))
    expect((await gateway.request('GET', '/api/x', { key: exposed })).status).toBe(200)
  })

  it('is recorded when it came percent-encoded, and in the path', async () => {
    for (const target of [(raw: string) => `/api/x?q=%73${raw.slice(1)}`, (raw: string) => `/api/${raw}`]) {
      const exposed = await gateway.createKey()
      await gateway.request('GET', target(exposed.raw))
      await eventually('an api_key.exposed event', async () =>
        (await gateway.store.listEvents()).rows.some(
          ({ type, target }) => type === 'api_key.exposed' && target === exposed.record.id,
        ),
      )
    }
  })

  it('is revoked when keys.revoke_exposed says so', async () => {
    await using strict = await startGateway(config('keys: { revoke_exposed: true }'))
    const exposed = await strict.createKey()
    expect((await strict.request('GET', '/api/x', { key: exposed })).status).toBe(200)
    await strict.request('GET', `/api/x?q=${exposed.raw}`)
    await eventually('the key to be refused', async () => {
      return (await strict.request('GET', '/api/x', { key: exposed })).status === 401
    })
  })
})

describe('what a client sent is never kept with a key in it', () => {
  it('in the path, user agent, referer or request id', async () => {
    const target = `/api/${key.raw}`
    const headers = { 'User-Agent': `tool ${key.raw}`, Referer: `http://x/?k=${key.raw}`, 'X-Request-Id': key.raw }
    const refused = await gateway.request('GET', target, { key, headers })
    const passed = await gateway.request('GET', '/api/seen', { key, headers })
    expect(refused.head + refused.text() + passed.head).not.toContain(key.raw.slice(8))
    expect(passed.status).toBe(200)

    const rows = (await gateway.requestLog()).filter(({ userAgent }) => userAgent?.startsWith('tool '))
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toContain(key.raw.slice(8))
    expect(rows.map(({ userAgent }) => userAgent)).toEqual(['tool [secret]', 'tool [secret]'])
    expect(rows[0]?.path).toBe('/api/[secret]')
  })
})
