import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestKey, testActor } from '../../helpers/gateway.ts'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { fingerprint } from '../../helpers/problem.ts'
import { expectRefused } from './refused.ts'

let watched: Watched
let trusting: Watched
let narrow: TestKey

const routes = `
  - { path: /*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, upstream: api, deny: true }
  - { path: /read/*, upstream: api, scopes: [items:read] }
  - { path: /write/*, upstream: api, scopes: [items:write] }
  - { path: /projects/:id/*, upstream: api, workspace: ':id' }
  - { path: /few/*, upstream: api, public: true, limits: [few] }
`
const top = `scopes: { items:read: Read, items:write: Write }
limits: { few: { by: ip, requests: 3, per: 1h } }`

beforeAll(async () => {
  watched = await startWatched(routes, { top })
  trusting = await startWatched(routes, { top: `${top}\ntrust_proxy: [127.0.0.1/32]` })
  narrow = await watched.gateway.createKey({ scopes: ['items:read'] })
})
afterAll(async () => {
  await watched[Symbol.asyncDispose]()
  await trusting[Symbol.asyncDispose]()
})

const get = (target: string, fields = '', credential = '{auth}\r\n'): string =>
  `GET ${target} HTTP/1.1\r\n{host}\r\n${credential}${fields}\r\n`

const ours = [
  ...['X-Org-Id', 'X-Org-Name', 'X-Key-Id', 'X-Key-Name', 'X-Key-Scopes', 'X-Key-Environment', 'X-Workspace-Id'],
  ...['X-Service-Account-Id', 'Sallyport-Context', 'X-Consumer-Username', 'X-Credential-Identifier'],
]
const forwarded = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host']

it('Connection takes away nothing that the gateway adds', async () => {
  const named = [...ours, ...forwarded, 'X-Request-Id', 'Host', 'X-Real-IP'].join(', ')
  for (const connection of [named, named.toLowerCase(), `close, ${named}`, `keep-alive,${named.toUpperCase()}`]) {
    const outcome = await watched.attempt(get('/x', `Connection: ${connection}\r\nConnection: ${named}\r\n`))
    const { requests } = await watched.verify(outcome)
    for (const name of [...ours.slice(0, 6), ...forwarded]) expect(requests[0]?.headerAll(name)).toHaveLength(1)
  }
})

it('no spelling of an identity header gets through, where there is a value of ours and where there is none', async () => {
  for (const separator of ['-', '_', '.']) {
    const fields = [...ours, ...forwarded].map((name) => `${name.replaceAll('-', separator)}: forged\r\n`).join('')
    for (const target of ['/x', '/open/x', '/read/x']) {
      for (const text of [fields, fields.toUpperCase(), fields.toLowerCase()]) {
        const outcome = await watched.attempt(get(target, text))
        const { requests } = await watched.verify(outcome)
        expect(requests.map(({ head }) => /forged/i.test(head))).toEqual([false])
      }
    }
  }
})

it('a header that names another path or method decides nothing', async () => {
  const names = ['X-Forwarded-Uri', 'X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Prefix', 'X-Forwarded-Path']
  const fields = [...names, ...names.map((name) => name.replaceAll('-', '_'))]
    .map((name) => `${name}: /open/x\r\n`)
    .join('')
  const methods =
    'X-HTTP-Method-Override: GET\r\nX-HTTP-Method: GET\r\nX-Method-Override: GET\r\nX-Forwarded-Method: GET\r\n'
  await expectRefused(watched, get('/x', fields + methods, ''), 401, 'INVALID_API_KEY')
  await expectRefused(watched, get('/admin/x', fields + methods), 403, 'ROUTE_DENIED')
  const outcome = await watched.attempt(get('/x', fields + methods))
  const { requests } = await watched.verify(outcome)
  expect(
    requests.map(({ head }) => /open|override|x.http.method|x.forwarded.(uri|prefix|path|method)/i.test(head)),
  ).toEqual([false])
})

it('what a peer says of protocol, host and address counts only where the peer is trusted', async () => {
  const fields =
    'X-Forwarded-Proto: https\r\nX-Forwarded-Host: admin.example\r\nX-Forwarded-For: 192.0.2.7\r\nX-Real-IP: 192.0.2.7\r\nForwarded: for=192.0.2.7\r\n'
  const seen = async (gateway: Watched): Promise<unknown> => {
    const outcome = await gateway.attempt(get('/x', fields))
    const { requests } = await gateway.verify(outcome)
    return [...forwarded, 'X-Real-IP', 'Forwarded'].map((name) => requests[0]?.header(name))
  }
  expect(await seen(watched)).toEqual(['127.0.0.1', 'http', watched.gateway.host, undefined, undefined])
  expect(await seen(trusting)).toEqual(['192.0.2.7, 127.0.0.1', 'https', 'admin.example', '192.0.2.7', 'for=192.0.2.7'])
})

it('an address list is not passed by naming an address', async () => {
  const { raw } = await watched.gateway.createKey({ allowedIps: ['192.0.2.7/32'] })
  for (const name of [
    'X-Forwarded-For',
    'X-Real-IP',
    'X_Real_IP',
    'Forwarded',
    'X-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
  ]) {
    const value = name === 'Forwarded' ? 'for=192.0.2.7' : '192.0.2.7'
    const credential = `Authorization: Bearer ${raw}\r\n`
    await expectRefused(
      watched,
      get('/x', `${name}: ${value}\r\n${name}: 127.0.0.1\r\n`, credential),
      403,
      'IP_NOT_ALLOWED',
    )
  }
})

it('a limit by address counts who sent it, whatever addresses are named', async () => {
  const statuses = async (gateway: Watched, named: (i: number) => string): Promise<unknown[]> => {
    const outcomes = []
    for (let i = 0; i < 5; i++) outcomes.push(await gateway.attempt(get('/few/x', named(i), '')))
    await gateway.verify(...outcomes)
    return outcomes.flatMap(({ responses }) => responses.map(({ status }) => status))
  }
  const names = ['X-Forwarded-For', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP']
  expect(await statuses(watched, (i) => names.map((name) => `${name}: 198.51.100.${i}\r\n`).join(''))).toEqual([
    200, 200, 200, 429, 429,
  ])
  // The last address is what the trusted proxy has seen; those in front of it are the caller's own words.
  expect(await statuses(trusting, (i) => `X-Forwarded-For: 198.51.100.${i}, 203.0.113.9\r\n`)).toEqual([
    200, 200, 200, 429, 429,
  ])
})

it('a header that means something else to a framework behind goes no further', async () => {
  const names = [
    ...['Proxy', 'X-Envoy-Original-Path', 'X-Original-URI', 'X-Original-Method', 'X-HTTP-Host-Override', 'X-Host'],
    ...['True-Client-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'CF-Connecting-IP', 'Forwarded-For', 'X-Forwarded'],
    ...['X-Envoy-External-Address', 'X-Original-Forwarded-For', 'X-SSL-Client-Cert', 'Front-End-Https'],
  ]
  for (const name of [...names, ...names.map((each) => each.replaceAll('-', '_').toLowerCase())]) {
    const outcome = await watched.attempt(get('/open/x', `${name}: forged\r\n`, ''))
    const { requests } = await watched.verify(outcome)
    expect([name, requests.map(({ head }) => head.includes('forged'))]).toEqual([name, [false]])
  }
})

it('addresses without number or sense in X-Forwarded-For of a trusted peer are no fault of ours', async () => {
  for (const value of [
    Array.from({ length: 1500 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(','),
    ','.repeat(2000),
    ' , ,\t,',
    'unknown, _hidden, "[::1]:80", [::1], 999.1.1.1, -1, 1e9, ::ffff:127.0.0.1',
    '__proto__',
  ]) {
    const outcome = await trusting.attempt(get('/open/x', `X-Forwarded-For: ${value}\r\n`))
    await trusting.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
  }
})

it('no user agent opens anything', async () => {
  for (const agent of ['GoogleHC/1.0', 'kube-probe/1.30', 'ELB-HealthChecker/2.0', 'sallyport-health']) {
    await expectRefused(watched, get('/x', `User-Agent: ${agent}\r\n`, ''), 401, 'INVALID_API_KEY')
    await expectRefused(watched, get('/healthz', `User-Agent: ${agent}\r\n`, ''), 401, 'INVALID_API_KEY')
  }
})

it('two credentials are none, wherever the second one is', async () => {
  for (const fields of [
    'Authorization: Bearer {key}\r\n',
    'authorization: Bearer nonsense\r\n',
    'Authorization: Basic eDp5\r\n',
    'Authorization:\r\n',
  ]) {
    await expectRefused(watched, get('/x', fields), 401, 'INVALID_API_KEY')
    await expectRefused(watched, get('/x', '', `${fields}{auth}\r\n`), 401, 'INVALID_API_KEY')
  }
  for (const value of [
    'Bearer {key}, Bearer {key}',
    'Bearer {key} {key}',
    'Bearer {key},x',
    'Bearer  {key}x',
    'Basic {key}',
    '{key}',
  ]) {
    await expectRefused(watched, get('/x', '', `Authorization: ${value}\r\n`), 401, 'INVALID_API_KEY')
  }
  for (const name of ['access_token', 'api_key', 'jwt', 'X']) {
    const outcome = await watched.attempt(get(`/x?${name}={key}`))
    expect(outcome.responses.map(({ status }) => status)).toEqual([400])
    expect((await watched.verify(outcome)).requests).toEqual([])
  }
})

it('a key that one route has accepted is judged anew by the next', async () => {
  const credential = `Authorization: Bearer ${narrow.raw}\r\n`
  for (let i = 0; i < 3; i++) {
    const allowed = await watched.attempt(get('/read/x', '', credential))
    expect(allowed.responses.map(({ status }) => status)).toEqual([200])
    await watched.verify(allowed)
    await expectRefused(watched, get('/write/x', '', credential), 403, 'INSUFFICIENT_SCOPE')
    await expectRefused(watched, get('/projects/one/x', '', credential), 404, 'NOT_FOUND')
  }
})

it('every refused credential gets the same bytes, which tell nothing of what was wrong', async () => {
  const { store, organization } = watched.gateway
  const revoked = await watched.gateway.createKey()
  await store.revokeKey(organization.id, revoked.record.id, 'leaked', testActor)
  const last = watched.key.raw.at(-1) === 'a' ? 'b' : 'a'
  const bodies = new Set<string>()
  for (const token of [
    revoked.raw,
    watched.gateway.unknownKey(),
    `${watched.key.raw.slice(0, -1)}${last}`,
    watched.key.raw.slice(0, -1),
    `${watched.key.raw}A`,
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
    'x',
  ]) {
    const outcome = await watched.attempt(get('/x', '', `Authorization: Bearer ${token}\r\n`))
    await watched.verify(outcome)
    for (const response of outcome.responses) bodies.add(fingerprint(response))
  }
  expect([...bodies]).toHaveLength(1)
})

it('a name with line ends and quotes stays one field, percent-encoded', async () => {
  const names = ['a\r\nX-Evil: 1', 'a\nX-Evil: 1', '"; x="', '\0', '%REQ(authorization)%', '\u2028']
  for (const name of names) {
    const organization = await watched.gateway.createOrg({ name })
    const { raw } = await watched.gateway.createKey({ name, organizationId: organization.id })
    const outcome = await watched.attempt(get('/x', '', `Authorization: Bearer ${raw}\r\n`))
    const { requests } = await watched.verify(outcome)
    for (const field of ['X-Key-Name', 'X-Org-Name']) {
      expect(decodeURIComponent(requests[0]?.header(field) ?? '')).toBe(name)
      expect(requests[0]?.header(field)).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
    }
  }
})
