import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { type AdminWorld, fillPath, openWorld, type Populated } from '../../helpers/admin-world.ts'
import { connectRaw, type RawHead } from '../../helpers/raw-client.ts'

/** What every answer of the admin plane has in common, whatever is asked for and by whom. */
let gateway: AdminGateway
let world: AdminWorld
let home: Populated
beforeAll(async () => {
  gateway = await startAdmin('context: { sign: true }')
  world = await openWorld(gateway)
  home = await world.populate()
})
afterAll(async () => {
  world[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
})

const pages = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/.well-known/jwks.json',
  '/openapi.json',
  '/docs',
  '/docs/',
  '/nowhere',
  '/',
]
const docs = [
  '/docs/static/index.html',
  '/docs/static/swagger-ui-bundle.js',
  '/docs/static/swagger-ui.css',
  '/docs/json',
]

async function headOf(method: string, path: string, lines: string): Promise<RawHead> {
  using client = await connectRaw(gateway.adminUrl)
  await client.send(`${method} ${path} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`)
  return await client.head()
}
const credentials = (): string => `Authorization: Bearer ${gateway.adminToken}\r\n`
const everywhere = (): [string, string][] => [
  ...world.operations.map(({ method, path }): [string, string] => [method, fillPath(path, home.ids)]),
  ...[...pages, ...docs].map((path): [string, string] => ['GET', path]),
]

describe('a page whose name was pointed at the admin plane (DNS rebinding)', () => {
  const scraped = new Set(['/healthz', '/readyz', '/.well-known/jwks.json'])
  const names = [
    'evil.example',
    'evil.example:9090',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io',
    'evil.example.',
    '[::1].evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'evil.example/localhost',
    'xn--lcalhost-54a',
    '0x7f000001',
    '2130706433',
    '127.1',
    'localhost,evil.example',
    'localhost evil.example',
  ]
  it('reads no answer of any endpoint, streams, documents and metrics included', async () => {
    let cases = 0
    for (const [method, path] of everywhere()) {
      if (scraped.has(path)) continue
      for (const name of path.startsWith('/platform/') ? names.slice(0, 3) : names) {
        const dotless = !name.includes('.') && /^[\w-]+$/.test(name)
        // A name without a dot is none that anybody could point at us from outside; scrapers have such names for us.
        if (path === '/metrics' && dotless) continue
        const { status } = await headOf(method, path, `Host: ${name}\r\n${credentials()}`)
        expect([method, path, name, status]).toEqual([method, path, name, 400])
        cases++
      }
    }
    expect(cases).toBeGreaterThan(200)
  })

  it('has no second Host, no authority in the target and no forwarded name to hide behind', async () => {
    const { host } = new URL(gateway.adminUrl)
    for (const lines of [
      `Host: ${host}\r\nHost: evil.example\r\n`,
      `Host: evil.example\r\nHost: ${host}\r\n`,
      `Host: evil.example\r\nX-Forwarded-Host: ${host}\r\n`,
      `Host: evil.example\r\nForwarded: host="${host}"\r\n`,
      `Host : ${host}\r\n`,
      '',
    ]) {
      for (const path of ['/platform/me', '/metrics', '/openapi.json', `http://${host}/platform/me`]) {
        const { status } = await headOf('GET', path, lines + credentials())
        expect([lines, path, status]).toEqual([lines, path, 400])
      }
    }
  })

  it('leaves the metrics to those who scrape by a name of this network', async () => {
    for (const name of [
      'sallyport:9090',
      'sallyport',
      '10.1.2.3:9090',
      '[fd00::1]:9090',
      'gw.monitoring.svc',
      'gw.monitoring.svc.cluster.local:9090',
      'gw.internal',
      'gw.local',
      'gw.home.arpa',
      'gw.lan',
    ]) {
      expect([name, (await headOf('GET', '/metrics', `Host: ${name}\r\n`)).status]).toEqual([name, 200])
    }
    // With what browsers alone send, by such a name too: one that stands on a page may lead here.
    for (const line of [
      'Accept-Language: en',
      'Origin: http://sallyport:9090',
      'Sec-Fetch-Site: same-origin',
      'Referer: http://sallyport:9090/',
    ]) {
      expect([line, (await headOf('GET', '/metrics', `Host: sallyport:9090\r\n${line}\r\n`)).status]).toEqual([
        line,
        400,
      ])
      expect([line, (await headOf('GET', '/metrics', `Host: localhost:9090\r\n${line}\r\n`)).status]).toEqual([
        line,
        200,
      ])
    }
  })
})

describe('every answer', () => {
  const wanted: Readonly<Record<string, string | RegExp>> = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy': /(^|; ?)frame-ancestors 'none'/,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-request-id': /^[0-9a-f-]{36}$/,
  }
  const hold = (head: RawHead, what: string) => {
    for (const [name, value] of Object.entries(wanted)) {
      const found = head.header(name)
      expect([what, name, found]).toEqual([
        what,
        name,
        typeof value === 'string' ? value : expect.stringMatching(value),
      ])
    }
    // What is on these pages is the same for everybody, and in no answer of the API.
    expect([what, head.header('cache-control')]).toEqual([
      what,
      what.includes(' /docs/static/') ? expect.any(String) : 'no-store',
    ])
    expect([
      what,
      head.header('access-control-allow-origin'),
      head.header('server'),
      head.header('x-powered-by'),
    ]).toEqual([what, undefined, undefined, undefined])
    const type = head.header('content-type') ?? ''
    const isAnswerOfApi = / \/(?:platform|metrics|healthz|readyz|\.well-known|openapi\.json)\b/.test(what)
    if (isAnswerOfApi) expect([what, type]).toEqual([what, expect.not.stringMatching(/html|xml|javascript|svg|css/)])
  }
  const host = (): string => `Host: ${new URL(gateway.adminUrl).host}\r\n`

  it('tells browsers to frame, sniff, keep and pass on nothing: those of every operation', async () => {
    for (const [method, path] of everywhere()) {
      const isDelete = method === 'DELETE'
      for (const [who, lines] of [
        ['root', credentials()],
        ['nobody', ''],
        ['somebody wrong', 'Authorization: Bearer x\r\n'],
      ]) {
        if (isDelete && who === 'root') continue
        hold(await headOf(method, path, host() + lines), `${who} ${method} ${path}`)
      }
    }
  })

  it('the same where something is wrong, down to what is no request', async () => {
    const ways: [string, string, string][] = [
      ['GET', '/platform/%zz', ''],
      ['GET', '/platform/organizations/%00', ''],
      ['BREW', '/platform/me', ''],
      ['TRACE', '/platform/me', ''],
      ['OPTIONS', '/platform/me', 'Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n'],
      ['OPTIONS', '*', ''],
      ['HEAD', '/platform/me', credentials()],
      ['GET', `/platform/${'x'.repeat(20_000)}`, ''],
      ['GET', '/platform/me', `X-Long: ${'x'.repeat(20_000)}\r\n`],
      [
        'POST',
        '/platform/organizations',
        `${credentials()}Content-Type: application/json\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n`,
      ],
      [
        'POST',
        '/platform/organizations',
        `${credentials()}Content-Type: application/json\r\nContent-Length: 99999999\r\n`,
      ],
      [
        'POST',
        '/platform/organizations',
        `${credentials()}Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`,
      ],
      ['POST', '/platform/organizations', `${credentials()}Content-Type: text/html\r\nContent-Length: 2\r\n\r\n{}`],
      ['GET', '/platform/me', `Expect: 200-ok\r\n${credentials()}`],
    ]
    for (const [method, path, lines] of ways) {
      const head = await headOf(method, path, host() + lines)
      expect([
        method,
        path.slice(0, 40),
        head.status >= 400 || method === 'HEAD' || lines.startsWith('Expect'),
      ]).toEqual([method, path.slice(0, 40), true])
      hold(head, `nobody ${method} ${path.slice(0, 40)}`)
    }
  })
})

describe('names and user agents of strangers', () => {
  const script = '<script>alert(1)</script><img src=x onerror=alert(1)>\u2028"\'`{{7*7}}&lt;'

  it('come back as JSON that no browser takes for a page, from wherever they are shown', async () => {
    const at = `/organizations/${home.organization.id}`
    const made = await Promise.all([
      gateway.api('PATCH', at, { name: script.replace('\u2028', ''), metadata: { [script.slice(0, 60)]: script } }),
      gateway.api('POST', `${at}/api-keys`, {
        name: script.replace('\u2028', ''),
        description: script.replace('\u2028', '\n'),
        scopes: ['*'],
        metadata: { x: script },
      }),
      gateway.api('POST', `${at}/workspaces`, { name: script.replace('\u2028', '') }),
      gateway.api('POST', `${at}/service-accounts`, { name: script.replace('\u2028', ''), role: 'viewer' }),
      gateway.api('POST', `${at}/webhooks`, {
        url: 'https://hooks.invalid/<script>',
        events: ['*'],
        description: script.replace('\u2028', ''),
      }),
      gateway.api('POST', `${at}/members`, {
        email: 'x@example.com',
        name: script.replace('\u2028', ''),
        role: 'viewer',
        password: 'correct horse battery',
      }),
    ])
    expect(made.map(({ status }) => status)).toEqual([200, 201, 201, 201, 201, 201])
    await gateway.request('GET', '/<script>', { headers: { 'User-Agent': '<script>alert(1)</script>' } })
    await gateway.requestLog()
    let shown = 0
    for (const { method, path } of world.operations) {
      if (method !== 'GET' || path.endsWith('/stream') || path.includes('/auth/oidc')) continue
      const answer = await world.send(gateway.adminToken, 'GET', fillPath(path, home.ids))
      const text = answer.text()
      if (!text.includes('<script>')) continue
      shown++
      expect([path, answer.header('content-type')]).toEqual([
        path,
        expect.stringMatching(/^application\/(json|problem\+json|x-ndjson)\b/),
      ])
      expect([path, answer.header('x-content-type-options'), answer.header('content-security-policy')]).toEqual([
        path,
        'nosniff',
        "default-src 'none'; frame-ancestors 'none'",
      ])
    }
    expect(shown).toBeGreaterThanOrEqual(9)
  })

  it('come back in no problem either, but as JSON', async () => {
    for (const [method, path, body] of [
      ['POST', '/organizations', '{"<script>alert(1)</script>":1,"name":"x"}'],
      ['POST', '/organizations', '{"<script>":1,"<script>":2}'],
      ['GET', '/organizations?<script>=1', undefined],
      ['GET', '/<script>', undefined],
      ['POST', '/policy/validate', JSON.stringify({ yaml: '<script>: 1' })],
    ] as const) {
      const { headers } = await gateway.api(method, path, body)
      expect([path, headers.get('content-type')]).toEqual([
        path,
        expect.stringMatching(/^application\/(problem\+)?json/),
      ])
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })
})
