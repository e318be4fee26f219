import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { startGateway } from '../../helpers/gateway.ts'
import { logInRoot } from '../../helpers/operators.ts'
import { connectRaw, type RawResponse } from '../../helpers/raw-client.ts'

let gateway: AdminGateway
beforeAll(async () => {
  gateway = await startAdmin()
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** One request with exactly these fields beside Host. */
async function send(method: string, target: string, fields: readonly string[], body = ''): Promise<RawResponse> {
  using client = await connectRaw(gateway.adminUrl)
  const head = [`${method} ${target} HTTP/1.1`, `Host: ${new URL(gateway.adminUrl).host}`, ...fields]
  await client.send(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  return await client.response({ to: method })
}
const bearer = (): string => `Authorization: Bearer ${gateway.adminToken}`

it('a body is validated or refused, however its Content-Type is spelled', async () => {
  const bad = '{"name":7,"is_root":true}'
  for (const type of [
    ...[
      'application/json\t; charset=utf-8',
      'application/json ;',
      'application/json;',
      'application/json\t',
      ' application/json',
    ],
    ...[
      'Application/JSON ; x',
      'application/json a',
      'application/json,text/plain',
      'application/jsonx',
      '\tapplication/json;\t',
    ],
    ...[
      'application/json; charset=utf-7',
      'text/json',
      'application/vnd.api+json',
      'multipart/form-data',
      '',
      ';',
      '*/*',
    ],
  ]) {
    const answer = await send('POST', '/platform/organizations', [bearer(), `Content-Type: ${type}`], bad)
    expect({ type, refused: [400, 415, 422].includes(answer.status) }).toEqual({ type, refused: true })
  }
  const twice = [bearer(), 'Content-Type: application/json', 'Content-Type: text/plain']
  expect([400, 415, 422]).toContain((await send('POST', '/platform/organizations', twice, bad)).status)
  expect([400, 415, 422]).toContain((await send('POST', '/platform/organizations', [bearer()], bad)).status)
})

it('a body that names something twice, or what every object has, is refused', async () => {
  for (const body of [
    '{"name":"a","name":"b"}',
    '{"name":"a","n\\u0061me":"b"}',
    '{"name":"a","__proto__":{"is_root":true}}',
    '{"name":"a","constructor":{"prototype":{"is_root":true}}}',
  ]) {
    const answer = await send('POST', '/platform/organizations', [bearer(), 'Content-Type: application/json'], body)
    expect({ body, status: [400, 422].includes(answer.status) }).toEqual({ body, status: true })
  }
})

it('the pages of the reference are the only files that are served', async () => {
  for (const path of [
    ...['../package.json', '..%2fpackage.json', '%2e%2e/package.json', '%2e%2e%2fpackage.json', '..%5cpackage.json'],
    ...[
      '..\\package.json',
      '%252e%252e%252fpackage.json',
      './../package.json',
      '....//package.json',
      '%00',
      'x%00.css',
    ],
    ...['/etc/passwd', '%2fetc%2fpasswd', 'index.js', 'package.json', '.npmrc', 'lib/static.js', '../lib/static.js'],
    ...[
      'x/../index.css',
      './index.css',
      'index.css/',
      'index.css/.',
      '%2e/index.css',
      '*',
      'a'.repeat(256),
      'b'.repeat(5000),
    ],
    ...['static/../../package.json', '../../../../package.json', '%2e%2e/%2e%2e/%2e%2e/gateway.yaml', 'csp.json/..'],
  ]) {
    for (const target of [`/docs/static/${path}`, `/docs/${path}`, `/docs//static/${path}`, `/docs/static//${path}`]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await send(method, target, [])
        expect([method, target, [400, 404].includes(answer.status), answer.status]).toEqual([
          method,
          target,
          true,
          answer.status,
        ])
        expect(answer.header('content-type')).toMatch(/^application\/problem\+json\b/)
      }
    }
  }
  for (const path of ['index.css', 'swagger-ui.css', 'swagger-initializer.js', 'logo.svg']) {
    expect([path, (await send('GET', `/docs/static/${path}?v=1`, [])).status]).toEqual([path, 200])
  }
  expect((await send('GET', '/docs/static/', [])).status).toBe(404)
  expect((await send('POST', '/docs/static/index.css', [])).status).toBe(405)
  expect((await gateway.metrics()).match(/^sallyport_faults_total.*/gm) ?? []).toEqual([])
})

it('no path leads to another place, and none past the log-in', async () => {
  for (const target of [
    ...['//evil.example/%2e%2e', '/%2fevil.example', '/\\evil.example', '/docs', '//evil.example', '/.//evil.example'],
    ...['//platform/organizations', '/platform//organizations', '/%70latform/organizations', '/PLATFORM/organizations'],
    ...['/platform;x/organizations', '/platform/organizations;x', '/healthz/../platform/organizations'],
    ...[
      '/docs/../platform/organizations',
      '/platform/organizations%00',
      '/platform/organizations/',
      '/platform%2forganizations',
    ],
  ]) {
    const answer = await send('GET', target, [])
    expect(answer.headerAll('location')).toEqual([])
    if (target !== '/docs') expect({ target, status: answer.status >= 400 }).toEqual({ target, status: true })
  }
})

it('cookies without sense are none, and are read to their end', async () => {
  const cookies = [
    ...[';', ';;;;', '=', '=;=', 'sallyport_session', 'sallyport_session=', '__proto__=x', 'a=b;'.repeat(2000)],
    ...['sallyport_session=%', 'sallyport_session="', 'sallyport_session=%00', `sallyport_session=${'x'.repeat(8000)}`],
    ...['sallyport_session=a; sallyport_session=b', ',', '\t', 'constructor=1; toString=2'],
  ]
  for (const cookie of cookies) {
    const answer = await send('GET', '/platform/me', [`Cookie: ${cookie}`])
    expect({ cookie: cookie.slice(0, 40), status: answer.status }).toEqual({ cookie: cookie.slice(0, 40), status: 401 })
  }
  expect((await send('GET', '/healthz', [])).status).toBe(200)
})

it('there is no credential that is good everywhere: without one of its own the admin API lets nobody in', async () => {
  await using bare = await startGateway('')
  for (const token of [
    'edd1c9f034335f136f87ad84b625c8f1',
    '',
    'undefined',
    'null',
    'admin',
    'x'.repeat(32),
    'changeme',
  ]) {
    for (const path of ['/platform/me', '/platform/organizations', '/platform/policy']) {
      const headers = { authorization: `Bearer ${token}`, 'x-api-key': token, 'kong-admin-token': token }
      expect([path, token, (await fetch(`${bare.adminUrl}${path}`, { headers })).status]).toEqual([path, token, 401])
    }
  }
  await expect(startGateway('', { env: { SALLYPORT_ADMIN_TOKEN: 'x'.repeat(31) } })).rejects.toThrow(
    'it needs 32 or more',
  )
})

it('another page can neither load a configuration nor change anything by a session', async () => {
  const { browser } = await logInRoot(gateway)
  for (const path of ['/platform/config/reload', '/platform/policy/validate', '/platform/organizations']) {
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: undefined, 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': undefined },
      { origin: 'https://evil.example', 'sec-fetch-site': undefined, 'content-type': 'text/plain' },
    ]) {
      const { status } = await browser.send('POST', path, { name: 'Mallory' }, headers)
      expect([path, headers, status]).toEqual([path, headers, 403])
    }
  }
  expect((await browser.send('GET', '/platform/me')).status).toBe(200)
})

it('who is told of a proxy by a peer that is none believes nothing of it', async () => {
  const forged = ['X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.example', 'X-Forwarded-For: 192.0.2.1']
  const answer = await send('GET', '/platform/me', [bearer(), ...forged])
  expect(answer.status).toBe(200)
  const body = JSON.stringify({ email: 'a@example.com', password: 'x' })
  const login = ['Origin: https://evil.example', 'Content-Type: application/json', ...forged]
  expect((await send('POST', '/platform/sessions', login, body)).status).toBe(403)
})

it('every operation of the admin API asks who is there', async () => {
  const { paths } = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as OpenApi
  const open: string[] = []
  let asked = 0
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations)) {
      const target = path.replace(/\{[^}]+\}/g, gateway.organization.id)
      const answer = await send(method.toUpperCase(), target, ['Content-Type: application/json'], '{}')
      asked++
      if (answer.status !== 401) open.push(`${method} ${path}`)
    }
  }
  expect(asked).toBeGreaterThan(60)
  // Those that one logs in by.
  expect(open.sort()).toEqual([
    'get /platform/auth/methods',
    'get /platform/auth/oidc',
    'get /platform/auth/oidc/callback',
    'post /platform/sessions',
    'post /platform/setup',
  ])
})
