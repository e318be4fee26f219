import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOidcClient, type OidcConfig } from '../../../src/admin-api/login/oidc.ts'
import { systemClock } from '../../../src/clock.ts'
import type { ResolveAddresses } from '../../../src/webhooks/connect.ts'
import { createSend, type SendOptions } from '../../../src/webhooks/send.ts'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { startWebhookTarget, type WebhookTarget } from '../../helpers/webhook-target.ts'

/** Addresses that only the gateway reaches, in every spelling that some parser takes for one of them. */
const inside: Readonly<Record<string, readonly string[]>> = {
  loopback: [
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '127.255.255.254',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '0.0.0.0',
    '0',
    '0x0',
  ],
  'loopback in other figures': [
    '2130706433',
    '017700000001',
    '0x7f000001',
    '0177.0.0.1',
    '0177.0.0.01',
    '0x7f.0.0.1',
    '0x7f.1',
    '127.0x0.0.1',
    '00000177.1',
    '0x7F.0.0.0X1',
  ],
  'loopback in other letters': [
    '１２７.0.0.1',
    '127。0。0。1',
    '①②⑦.⓪.⓪.①',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '127%2e0.0.1',
    '127.0.0.%31',
    '𝟏𝟐𝟕.𝟎.𝟎.𝟏',
  ],
  'IPv4 within IPv6': [
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:7f00:1::]',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
  ],
  'private networks': [
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.168.255.255',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[fec0::1]',
    '100.64.0.1',
    '100.127.255.254',
    '0xa000001',
    '167772161',
    '012.0.0.1',
    '0300.0250.0.1',
  ],
  'link-local': ['169.254.0.1', '[fe80::1]', '[fe80::a00:27ff:fe4e:66a1]', '[febf::1]'],
  'metadata of clouds': [
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.170.2',
    '169.254.169.253',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '0xa83f8110',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[::ffff:a9fe:a9fe]',
  ],
  'special ones': [
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '192.88.99.1',
    '[ff02::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[100::1]',
    '[2001:20::1]',
    '[5f00::1]',
  ],
  'names of this machine and network': [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'LocalHost.',
    'a.localhost',
    'a.b.localhost.',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'localhost%2e',
    'loca\u00adlhost',
    'printer.local',
    'printer.local.',
    'vault.internal',
    'metadata.google.internal',
    'metadata.google.internal.',
    'router.home.arpa',
    'instance-data.ec2.internal',
  ],
}
const urls = Object.entries(inside).flatMap(([kind, hosts]) =>
  hosts.map((host) => [kind, `https://${host}/hook`] as const),
)

const malformed = [
  ...[
    'http://example.com/',
    'HTTP://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_INFO',
    'data:text/plain,x',
    'javascript:alert(1)',
    'dict://127.0.0.1/',
    'ldap://127.0.0.1/',
    'blob:https://example.com/x',
    'ws://example.com/',
    '//example.com/',
    '/hook',
    'example.com',
    'https:',
    'https://',
    '',
  ],
  ...[
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://:pass@example.com/',
    'https://example.com@127.0.0.1/',
    'https://127.0.0.1#@example.com/',
    'https://example.com\\@127.0.0.1/',
    'https://127.0.0.1\\@example.com/',
    'https:127.0.0.1/',
    'https:/127.0.0.1/',
    'https:///127.0.0.1/',
    'https:\\\\127.0.0.1\\',
    'ht\ntps://127.0.0.1/',
    ' https://127.0.0.1/',
    'https://exa mple.com/',
    'https://example.com:99999/',
    'https://example.com:-1/',
    'https://[::1/',
    'https://[::1%25eth0]/',
    'https://[fe80::1%25lo]/',
    'https://[v1.x]/',
    'https://1.2.3.4.5/',
    'https://256.1.1.1/',
    'https://0x1ffffffff/',
    'https://%00/',
    'https://a%2fb/',
    'https://a%40b/',
    'https://example.com/#fragment',
    `https://example.com/${'x'.repeat(2048)}`,
  ],
]

describe('the target of a webhook, as its owner writes it', () => {
  let gateway: AdminGateway
  let webhooks: string
  let made: string
  beforeAll(async () => {
    gateway = await startAdmin()
    webhooks = `/organizations/${gateway.organization.id}/webhooks`
    const { body } = await gateway.api<{ id: string }>('POST', webhooks, {
      url: 'https://hooks.invalid/',
      events: ['*'],
    })
    made = `${webhooks}/${body.id}`
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it.each(Object.keys(inside))('is not inside, neither made nor changed to: %s', async (kind) => {
    for (const [, url] of urls.filter(([one]) => one === kind)) {
      for (const [port, at] of [
        ['', url],
        ['a port', url.replace('/hook', ':8443/hook')],
      ]) {
        const order = { url: at, events: ['*'] }
        const statuses = [
          (await gateway.api('POST', webhooks, order)).status,
          (await gateway.api('PATCH', made, { url: at })).status,
        ]
        expect([at, port, statuses]).toEqual([at, port, [422, 422]])
      }
    }
  })

  it('is a plain https URL, without user, fragment, or what parsers read in two ways', async () => {
    for (const url of malformed) {
      const { status } = await gateway.api('POST', webhooks, { url, events: ['*'] })
      expect([url, status]).toEqual([url, 422])
    }
    expect((await gateway.api<unknown[]>('GET', webhooks)).body).toHaveLength(1)
  })
})

describe('the target of a webhook, as its name leads', () => {
  let target: WebhookTarget
  beforeEach(async () => {
    target = await startWebhookTarget()
  })
  afterEach(() => target[Symbol.asyncDispose]())

  const send = (url: string, options: Partial<SendOptions> = {}) =>
    createSend({
      clock: systemClock,
      allowPrivate: () => false,
      timeoutMs: 1500,
      redact: (text) => text,
      userAgent: 'test',
      ...options,
    })(url, { 'webhook-id': 'x' }, '{}', new AbortController().signal)
  const to =
    (...addresses: string[]): ResolveAddresses =>
    async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const failing =
    (code: string): ResolveAddresses =>
    async () => {
      throw Object.assign(new Error(code), { code })
    }
  const url = (): string => `https://hooks.example.com:${target.port}/`

  it('is never inside, whatever DNS says, first, last or mapped', async () => {
    const addresses = [
      ...[
        '127.0.0.1',
        '0.0.0.0',
        '10.0.0.1',
        '172.16.0.1',
        '192.168.0.1',
        '169.254.169.254',
        '100.64.0.1',
        '100.100.100.200',
        '168.63.129.16',
        '192.0.0.192',
      ],
      ...[
        '::1',
        '::',
        '::ffff:127.0.0.1',
        '::ffff:7f00:1',
        '64:ff9b::7f00:1',
        '2002:7f00:1::',
        '2001:0:7f00:1::',
        'fd00:ec2::254',
        'fe80::1',
        'fe80::1%lo',
        'ff02::1',
        '::127.0.0.1',
      ],
    ]
    for (const address of addresses) {
      for (const all of [[address], ['93.184.216.34', address], [address, '93.184.216.34']]) {
        const { status, error } = await send(url(), { resolve: to(...all) })
        expect([all, status, error]).toEqual([all, null, notPublic])
      }
    }
    expect(target.received).toEqual([])
  })

  it('does not tell what names there are inside: one that leads there is like one that is not there', async () => {
    const answers = [
      await send(url(), { resolve: to('10.0.0.1') }),
      await send(url(), { resolve: to() }),
      ...(await Promise.all(
        ['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'EREFUSED', 'EAI_AGAIN', 'EBADNAME', 'ETIMEOUT'].map((code) =>
          send(url(), { resolve: failing(code) }),
        ),
      )),
    ]
    expect(new Set(answers.map(({ error }) => error))).toEqual(new Set([notPublic]))
  })

  it('is looked up anew for each attempt, and the connection of one is not kept for the next', async () => {
    let asked = 0
    const resolve: ResolveAddresses = async () => {
      asked++
      return [{ address: '127.0.0.1', family: 4 }]
    }
    const allowPrivate = (): boolean => asked < 2
    const at = `http://hooks.example.com:${target.port}/`
    expect([
      (await send(at, { resolve, allowPrivate })).status,
      (await send(at, { resolve, allowPrivate })).status,
    ]).toEqual([204, 204])
    // Then private targets are turned off: the URL is refused, no open connection carries it.
    expect((await send(at, { resolve, allowPrivate })).error).toMatch(/^the URL must be https/)
    expect([asked, target.received.length]).toEqual([2, 2])
  })

  it.each([301, 302, 303, 307, 308, 300, 304])('sends nobody further by a redirect: %d', async (status) => {
    const inner = await startWebhookTarget()
    await using _inner = inner
    target.answerWith(
      (response) =>
        void response
          .writeHead(status, {
            Location: inner.url,
            Refresh: `0; url=${inner.url}`,
            Link: `<${inner.url}>; rel="preload"`,
          })
          .end(),
    )
    const answer = await send(target.url, { allowPrivate: () => true })
    expect([answer.status, target.received.length, inner.received.length]).toEqual([status, 1, 0])
  })

  it('that speaks another protocol gets no secret, no second try on another, and no part of its answer beyond what is kept', async () => {
    const bytes: Buffer[] = []
    const redis = createTcpServer((socket) => {
      socket.on('data', (chunk) => {
        bytes.push(chunk)
        socket.end('-ERR unknown command\r\n')
      })
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve))
    const { port } = redis.address() as AddressInfo
    const { status, body, error } = await send(`http://hooks.example.com:${port}/`, {
      resolve: to('127.0.0.1'),
      allowPrivate: () => true,
    })
    expect([status, body, error]).toEqual([null, '', expect.stringMatching(/^the connection failed \(/)])
    expect(Buffer.concat(bytes).toString()).toMatch(/^POST \/ HTTP\/1\.1\r\n/)
    await new Promise((resolve) => redis.close(resolve))
  })
})

describe('the identity provider', () => {
  const settings = (issuer: string): OidcConfig =>
    ({
      issuer,
      client_id: 'c',
      client_secret: 's',
      scopes: ['openid', 'email'],
      role_claim: 'groups',
      role_mapping: {},
    }) as OidcConfig

  it('sends the gateway nowhere: neither a redirect nor another issuer in its document is followed', async () => {
    const asked: string[] = []
    const inner = createServer((request, response) => {
      asked.push(String(request.url))
      response.end('{}')
    })
    let answer: (origin: string) => { status: number; headers: Record<string, string>; body: string }
    const provider = createServer((_request, response) => {
      const { status, headers, body } = answer(`http://127.0.0.1:${(inner.address() as AddressInfo).port}`)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
    })
    await Promise.all(
      [inner, provider].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
    )
    const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
    try {
      for (const one of [
        ...[301, 302, 307, 308].map((status) => (origin: string) => ({
          status,
          headers: { location: `${origin}/.well-known/openid-configuration` },
          body: '',
        })),
        (origin: string) => ({
          status: 200,
          headers: {},
          body: JSON.stringify({
            issuer: origin,
            authorization_endpoint: `${origin}/a`,
            token_endpoint: `${origin}/t`,
          }),
        }),
        () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }),
        () => ({ status: 200, headers: {}, body: '[]' }),
      ]) {
        answer = one
        await expect(createOidcClient().begin(settings(issuer), 'http://127.0.0.1/cb', false)).rejects.toThrow()
      }
      expect(asked).toEqual([])
    } finally {
      for (const server of [inner, provider]) {
        server.closeAllConnections()
        server.close()
      }
    }
  })
})

const notPublic = 'its name does not lead to a public address'
