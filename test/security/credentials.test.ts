import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptOne, compose } from '../helpers/attempt-one.ts'
import { eventually } from '../helpers/eventually.ts'
import { startGateway, testActor } from '../helpers/gateway.ts'
import { startWatched, type Watched } from '../helpers/oracles.ts'
import { expectProblem, fingerprint } from '../helpers/problem.ts'
import type { RawResponse } from '../helpers/raw-client.ts'
import { startRawUpstream } from '../helpers/raw-upstream.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched(
    `
  - { path: /api/*, upstream: api }
  - { path: /api/read, methods: [GET], upstream: api, scopes: [read] }
  - { path: /denied/*, deny: true }
  - { path: /open/*, upstream: api, public: true }
  - { path: /open/get, methods: [GET], upstream: api, public: true }
  - { path: '/projects/:id', upstream: api, workspace: ':id', body_limit: 10b }
`,
    { top: 'scopes: { read: Read }' },
  )
})
afterAll(async () => await watched[Symbol.asyncDispose]())

describe('one Authorization, one scheme, one key, to the letter', () => {
  it.each([
    ['', 'no header'],
    ['Authorization:', 'an empty one'],
    ['Authorization: Bearer', 'no key'],
    ['Authorization: Bearer ', 'no key behind a space'],
    ['Authorization: {key}', 'no scheme'],
    ['Authorization: Bearer{key}', 'no space'],
    ['Authorization: Bearer  {key}', 'two spaces'],
    ['Authorization: Bearer\t{key}', 'a tab'],
    ['Authorization: Bearer \t{key}', 'a space and a tab'],
    ['Authorization: Bearer\xa0{key}', 'a space of Latin-1'],
    ['Authorization: Bearer,{key}', 'a comma'],
    ['Authorization: Bearer={key}', 'an equals sign'],
    ['Authorization: Bearer: {key}', 'a colon'],
    ['Authorization: Bearer "{key}"', 'quotes'],
    ["Authorization: Bearer '{key}'", 'single quotes'],
    ['Authorization: Bearer <{key}>', 'angle brackets'],
    ['Authorization: Bearer {key}, Bearer {key}', 'a list'],
    ['Authorization: Bearer {key},', 'a comma behind'],
    ['Authorization: Bearer ,{key}', 'a comma in front'],
    ['Authorization: Bearer {key} {key}', 'two keys'],
    ['Authorization: Bearer {key} x', 'something behind'],
    ['Authorization: Bearer {key};', 'a semicolon'],
    ['Authorization: Bearer {key}x', 'one character more'],
    ['Authorization: Bearer {key}=', 'padding'],
    ['Authorization: Bearer {key}.', 'a dot behind'],
    ['Authorization: Bearer {key}\xad', 'a soft hyphen behind'],
    ['Authorization: Bearer {key}\xe2\x80\x8b', 'a zero-width space behind'],
    ['Authorization: Bearer x{key}', 'one character in front'],
    ['Authorization: Bearer Bearer {key}', 'the scheme twice'],
    ['Authorization: Basic {key}', 'another scheme'],
    ['Authorization: Token {key}', 'yet another'],
    ['Authorization: Digest username="{key}"', 'Digest'],
    ['Authorization: Bearer token={key}', 'a parameter'],
    ['Authorization: B\xe9arer {key}', 'a scheme with another letter'],
    ['Authorization: Bearer %73{key}', 'an escape'],
    [`Authorization: Bearer ${'x'.repeat(16_000)}`, '16,000 characters'],
    [`Authorization: Bearer {key}${'0'.repeat(16_000)}`, 'a key and 16,000 characters'],
    ['Authorization: Bearer {key}\r\nAuthorization: Bearer {key}', 'twice the same'],
    ['Authorization: Bearer {key}\r\nAuthorization: Basic eDp5', 'two schemes'],
    ['Authorization: Basic eDp5\r\nAuthorization: Bearer {key}', 'two schemes the other way round'],
    ['Authorization: Bearer {key}\r\nauthorization:', 'one and an empty one'],
    ['authorization:\r\nAuthorization: Bearer {key}', 'an empty one and one'],
    [Array.from({ length: 5 }, () => 'Authorization: Bearer {key}').join('\r\n'), 'five'],
    ['Authorization_: Bearer {key}', 'a name that is like it'],
    ['X-Authorization: Bearer {key}', 'X-Authorization'],
    ['X-Api-Key: {key}', 'X-Api-Key'],
    ['Proxy-Authorization: Bearer {key}', 'Proxy-Authorization'],
    ['Cookie: Authorization=Bearer {key}; key={key}', 'a cookie'],
  ])('%j is 401: %s', async (field) => {
    const { answer } = await attemptOne(watched, compose('/api/x', { auth: field }))
    expectProblem(answer, 401, 'INVALID_API_KEY')
    expect(answer.header('www-authenticate')).toMatch(/^Bearer realm="[^"]+"(, error="invalid_token")?$/)
  })

  it.each(['Bearer', 'bearer', 'BEARER', 'bEARER'])('%s is accepted', async (scheme) => {
    for (const field of [
      `Authorization: ${scheme} {key}`,
      `AUTHORIZATION:${scheme} {key}`,
      `authorization: \t ${scheme} {key}\t `,
    ]) {
      expect((await attemptOne(watched, compose('/api/x', { auth: field }))).answer.status).toBe(200)
    }
  })

  it('every single other character in a key, and every missing one, is 401', async () => {
    const { raw } = watched.key
    const others = [...raw].map((char, at) => raw.slice(0, at) + (char === 'a' ? 'b' : 'a') + raw.slice(at + 1))
    const missing = [...raw].map((_, at) => raw.slice(0, at) + raw.slice(at + 1))
    const swapped = [raw.toUpperCase(), raw.toLowerCase(), [...raw].reverse().join(''), raw.slice(1) + raw[0]]
    const changed = [...others, ...missing, ...swapped].filter((key) => key !== raw)
    const outcomes = []
    for (const key of changed) {
      outcomes.push(await watched.attempt(compose('/api/x', { auth: `Authorization: Bearer ${key}` })))
    }
    expect(new Set(outcomes.map(({ responses }) => responses[0]?.status))).toEqual(new Set([401]))
    await watched.verify(...outcomes)
  })

  it('a key of another environment, a revoked, expired and unknown one have the same answer', async () => {
    await using upstream = await startRawUpstream()
    await using gateway = await startGateway(`
keys: { environments: [live] }
auth_failures: { requests: 1000000, per: 1m }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
`)
    const revoked = await gateway.createKey()
    await gateway.store.revokeKey(gateway.organization.id, revoked.record.id, null, testActor)
    const rotated = await gateway.createKey()
    await gateway.rotateKey(rotated, null)
    const expired = await gateway.createKey({ expiresAt: Date.now() - 1000 })
    const foreign = watched.key.raw.replace('sk_live_', 'sk_test_')
    const answers = new Set<string>()
    for (const key of [revoked, rotated, expired, gateway.unknownKey(), foreign, watched.key, 'sk_live_x', 'x']) {
      for (const target of ['/api/x', '/nowhere', '/api/v1/me']) {
        answers.add(fingerprint(await gateway.request('GET', target, { key })))
      }
    }
    expect([answers.size, upstream.bytesReceived()]).toEqual([1, 0])
  })
})

it('a key that was once valid is no better known than one that never was, when failures are limited', async () => {
  await using upstream = await startRawUpstream()
  await using gateway = await startGateway(`
auth_failures: { requests: 3, per: 1h }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
`)
  const revoked = await gateway.createKey()
  const expired = await gateway.createKey({ expiresAt: Date.now() + 1000 })
  for (const key of [revoked, expired]) expect((await gateway.request('GET', '/api/x', { key })).status).toBe(200)
  await gateway.store.revokeKey(gateway.organization.id, revoked.record.id, null, testActor)
  await eventually('the key to expire', () => Date.now() > (expired.record.expiresAt ?? 0))
  const answers = new Map<string, Set<number>>()
  for (let round = 0; round < 60; round++) {
    for (const [kind, key] of [
      ['revoked', revoked],
      ['expired', expired],
      ['unknown', gateway.unknownKey()],
    ] as const) {
      const { status } = await gateway.request('GET', '/api/x', { key })
      answers.set(kind, (answers.get(kind) ?? new Set()).add(status))
    }
  }
  for (const kind of ['revoked', 'expired', 'unknown'])
    expect([kind, answers.get(kind)]).toEqual([kind, new Set([401, 429])])
})

describe('a key outside of Authorization lets nobody in, and is kept nowhere', () => {
  const percent = (text: string) => Array.from(text, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')

  it.each<[string, (key: string) => string, number]>([
    ['a value', (key) => `/api/x?q=${key}`, 400],
    ['a value, encoded', (key) => `/api/x?q=${percent(key)}`, 400],
    ['a value, encoded twice', (key) => `/api/x?q=${percent(key).replaceAll('%', '%25')}`, 400],
    ['a value, encoded four times', (key) => `/api/x?q=${percent(key).replaceAll('%', '%25252525')}`, 400],
    [
      'a value, one letter encoded',
      (key) => `/api/x?q=${key.slice(0, 20)}%${key.charCodeAt(20).toString(16)}${key.slice(21)}`,
      400,
    ],
    ['a name', (key) => `/api/x?${key}=1`, 400],
    ['an array', (key) => `/api/x?q[]=${key}&q[0][a]=${key}`, 400],
    ['a part of a value', (key) => `/api/x?q=a+${key}+b`, 400],
    ['behind a key that it is not', (key) => `/api/x?q=${key.slice(0, 20)}${key}`, 400],
    ['in JSON', (key) => `/api/x?q=%7B%22a%22:%22${key}%22%7D`, 400],
    ['in a URL in a value', (key) => `/api/x?next=https%3A%2F%2Fx%2F%3Fk%3D${key}`, 400],
    ['a segment', (key) => `/api/${key}/x`, 400],
    ['a segment, encoded', (key) => `/api/${percent(key)}`, 400],
    ['a segment with something around it', (key) => `/api/a-${key}.json`, 400],
    ['a fragment', (key) => `/api/x#${key}`, 400],
    ['user info of a target', (key) => `http://${key}@{authority}/api/x`, 400],
    ['a parameter of a segment', (key) => `/api/x;k=${key}`, 400],
    ['a path that is refused', (key) => `/api/../${key}`, 400],
  ])('as %s', async (_what, target, status) => {
    const { raw } = watched.key
    for (const auth of ['{auth}', '']) {
      const written = target(raw).replace('{authority}', watched.gateway.host)
      const { answer, request, line } = await attemptOne(watched, compose(written, { auth }))
      expect([answer.status, request]).toEqual([status, undefined])
      expect(`${JSON.stringify(line)}${answer.head}${answer.text()}`).not.toContain(raw.slice(12, -4))
    }
  })

  it.each([
    ['Referer: https://x/?k={key}'],
    ['User-Agent: curl/{key}'],
    ['User-Agent: {key}\tx {key}'],
    ['X-Request-Id: {key}'],
    ['Cookie: session={key}'],
    ['Origin: https://{key}.example'],
    ['Traceparent: 00-{key}-00-01'],
    ['X-Forwarded-For: {key}'],
    ['X-Forwarded-Host: {key}'],
    ['{key}: x'],
    ['Accept: {key}'],
    ['If-None-Match: "{key}"'],
    ['Content-Type: {key}'],
  ])('in %s', async (field) => {
    for (const [auth, status] of [
      ['{auth}', 200],
      ['', 401],
    ] as const) {
      const { answer, line } = await attemptOne(watched, compose('/api/x', { auth, fields: [field] }))
      expect(answer.status).toBe(status)
      expect(`${JSON.stringify(line)}${answer.head}${answer.text()}`).not.toContain(watched.key.raw.slice(12, -4))
    }
  })

  it('as the name of a host, or a method', async () => {
    const named = compose('/api/x', { host: 'Host: {key}.example', auth: '' })
    expect((await attemptOne(watched, named)).answer.status).toBe(401)
    expect((await attemptOne(watched, compose('/api/x', { method: '{key}' }))).answer.status).toBe(400)
  })

  it.each([
    ...['api_key', 'API_KEY', 'api%5Fkey', 'api%255Fkey', '%61%70%69_key', 'api_key[]', 'api_key[0]', 'api_key%5B%5D'],
    ...['+api_key', 'api_key+', '%20api_key', 'api_key%20', '%09api_key', 'api_key%00', 'api_key%00x', '%00api_key'],
    ...['?api_key', '%3Fapi_key', 'a;api_key', 'a=1;api_key', '&&api_key', 'api-key', 'apikey', 'ApiKey'],
    ...['access_token', 'acce%C5%BF%C5%BF_token', 'access_to%E2%84%AAen', '%EF%BD%81pi_key', 'api_key%E2%80%8B'],
    ...['auth_token', 'bearer_token', 'authorization', 'AUTHORIZATION', 'authori%7Aation', 'Bearer_Token'],
  ])('?%s= is refused whatever its value', async (name) => {
    for (const value of ['=x', '=', '']) {
      if (/[\0]|%00x?$/.test(name) && value === '') continue
      const { answer } = await attemptOne(watched, compose(`/api/x?${name}${value}`))
      expectProblem(answer, 400, 'QUERY_TOKEN_REJECTED')
    }
  })
})

describe('who has no key learns nothing of the route table', () => {
  const targets = [
    ...[
      '/api/x',
      '/api/read',
      '/denied',
      '/denied/x',
      '/projects/one',
      '/nowhere',
      '/',
      '/api/v1/me',
      '/API/x',
      '/api/x/',
    ],
    ...[
      '/tenants/me/api-keys',
      '/tenants/me/api-keys/key_x',
      '/openx',
      '/admin',
      '/.well-known/jwks.json',
      '/api%20/x',
    ],
  ]
  /** What tells two answers apart, for one and the same way to ask. */
  const tell = (answer: RawResponse) => fingerprint(answer)

  it.each([
    ['GET', [], ''],
    ['POST', [], 'x'.repeat(100)],
    ['POST', ['Content-Type: application/json'], '{}'],
    ['POST', ['Expect: 100-continue'], 'hello'],
    ['PUT', ['Transfer-Encoding: chunked'], ''],
    ['DELETE', [], ''],
    ['PURGE', [], ''],
    ['HEAD', [], ''],
    ['OPTIONS', [], ''],
    ['OPTIONS', ['Origin: https://a.example', 'Access-Control-Request-Method: GET'], ''],
    ['GET', ['Origin: https://a.example'], ''],
    ['GET', ['Connection: Upgrade', 'Upgrade: websocket'], ''],
    ['GET', ['Authorization: Bearer x'], ''],
    ['GET', ['Authorization: Basic eDp5'], ''],
    ['GET', ['Authorization: Bearer {unknown}'], ''],
    ['GET', ['Authorization: Bearer x', 'Authorization: Bearer y'], ''],
    ['GET', ['X-Request-Id: same'], ''],
    ['GET', ['Accept: text/html', 'Accept-Encoding: gzip'], ''],
    ['GET', ['Range: bytes=0-1', 'If-None-Match: *'], ''],
  ] as const)('%s with %j', async (method, fields, body) => {
    const unknown = watched.gateway.unknownKey()
    const answers = new Map<string, string>()
    for (const target of targets) {
      const written = fields.map((field) => field.replace('{unknown}', unknown))
      const chunked = written.some((field) => field.startsWith('Transfer-Encoding')) ? '0\r\n\r\n' : ''
      const bytes = compose(target, { method, auth: '', fields: written, body }) + chunked
      const { answer, request } = await attemptOne(watched, bytes, { methods: [method] })
      expect([answer.status, request]).toEqual([401, undefined])
      answers.set(tell(answer), target)
    }
    expect([...answers.values()]).toHaveLength(1)
  })

  it('with a preflight where a policy is', async () => {
    await using cors = await startWatched(
      '  - { path: /api/*, upstream: api, cors: { origins: ["https://b.example"] } }',
      {
        top: 'cors: { origins: ["https://a.example"] }',
      },
    )
    const answers = new Map<string, string>()
    for (const target of targets) {
      const fields = ['Origin: https://a.example', 'Access-Control-Request-Method: DELETE']
      const { answer } = await attemptOne(cors, compose(target, { method: 'OPTIONS', auth: '', fields }))
      expect(answer.status).toBe(204)
      answers.set(tell(answer), target)
    }
    for (const target of targets) {
      const { answer } = await attemptOne(cors, compose(target, { auth: '', fields: ['Origin: https://b.example'] }))
      expect(answer.status).toBe(401)
      answers.set(tell(answer), target)
    }
    expect(answers.size).toBe(2)
  })

  it('when it has failed too often', async () => {
    await using strict = await startWatched('  - { path: /api/*, upstream: api }', {
      top: 'auth_failures: { requests: 3, per: 1h }',
    })
    const answers = new Map<string, string>()
    for (const target of ['/warm/1', '/warm/2', '/warm/3', ...targets]) {
      const { answer } = await attemptOne(strict, compose(target, { auth: '' }))
      if (target.startsWith('/warm')) continue
      expect(answer.status).toBe(429)
      answers.set(tell(answer).replace(/^retry-after: \d+/im, ''), target)
    }
    expect(answers.size).toBe(1)
  })

  it('by what is too long, alike for every path', async () => {
    for (const [fields, query, status] of [
      [[`X-Long: ${'x'.repeat(40_000)}`], '', 431],
      [[], `?${'x'.repeat(9000)}`, 414],
    ] as const) {
      const answers = new Set<string>()
      for (const target of targets) {
        const { answer } = await attemptOne(watched, compose(target + query, { auth: '', fields }))
        expect(answer.status).toBe(status)
        answers.add(tell(answer))
      }
      expect(answers.size).toBe(1)
    }
  })

  it('by another method on a public path it is told no more', async () => {
    const { answer } = await attemptOne(watched, compose('/open/get', { method: 'POST', auth: '' }))
    expectProblem(answer, 401, 'INVALID_API_KEY')
    expect(answer.headerAll('allow')).toEqual([])
  })
})
