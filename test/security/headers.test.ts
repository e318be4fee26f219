import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptOne, compose, type Judged } from '../helpers/attempt-one.ts'
import { testActor } from '../helpers/gateway.ts'
import { startWatched, type Watched } from '../helpers/oracles.ts'

const routes = `
  - { path: /api/*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /projects/:id/*, upstream: api, workspace: ':id' }
  - { path: /forwarding/*, upstream: api, forward_authorization: true }
`
const identity = ['X-Org-Id', 'X-Org-Name', 'X-Key-Id', 'X-Key-Name', 'X-Key-Scopes', 'X-Key-Environment']
const sometimes = ['X-Workspace-Id', 'X-Service-Account-Id', 'Sallyport-Context']
const kong = ['X-Consumer-Id', 'X-Consumer-Username', 'X-Credential-Identifier']

/** As the widest of upstreams reads a name: case and all that is neither letter nor digit folded. */
const fold = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')
const valuesOf = ({ request }: Judged, name: string): string[] =>
  (request?.headers ?? []).filter(([other]) => fold(other) === fold(name)).map(([, value]) => value)

/** How a caller may write a name that is not its own. */
const spellings: readonly (readonly [what: string, write: (name: string) => string])[] = [
  ['as it is', (name) => name],
  ['in lower case', (name) => name.toLowerCase()],
  ['in upper case', (name) => name.toUpperCase()],
  ['in mixed case', (name) => [...name].map((c, at) => (at % 2 ? c.toUpperCase() : c.toLowerCase())).join('')],
  ['with _', (name) => name.replaceAll('-', '_')],
  ['with .', (name) => name.replaceAll('-', '.')],
  ['with _ and -', (name) => name.replace('-', '_')],
  ['with . and _', (name) => name.replace('-', '.').replace('-', '_')],
  ['with !', (name) => name.replaceAll('-', '!')],
  ['with ~', (name) => name.replaceAll('-', '~')],
  ['with *', (name) => name.replaceAll('-', '*')],
  ['with |', (name) => name.replaceAll('-', '|')],
  ["with '", (name) => name.replaceAll('-', "'")],
  ['with + and `', (name) => name.replace('-', '+').replace('-', '`')],
]

for (const [preset, top, names] of [
  ['', '', identity],
  ['with the names of Kong', 'context: { preset: kong }', [...kong, 'X-Key-Name', 'X-Key-Scopes', 'X-Key-Environment']],
  [
    'with names of its own',
    'context: { headers: { org_id: X_Tenant.Ref, key_id: Caller } }',
    ['X_Tenant.Ref', 'Caller', ...identity.filter((name) => !/^X-(Org|Key)-Id$/.test(name))],
  ],
  ['with a signed context', 'context: { sign: true }', [...identity, 'Sallyport-Context']],
] as const) {
  describe(`an identity header arrives once and ours, or not at all ${preset}`, () => {
    let watched: Watched
    beforeAll(async () => {
      watched = await startWatched(routes, { top })
      const { store, organization } = watched.gateway
      const workspace = { organizationId: organization.id, name: 'One', externalId: 'one' }
      const { id } = await store.createWorkspace(workspace, testActor)
      await store.grantWorkspace(organization.id, watched.key.record.id, id, testActor)
    })
    afterAll(async () => await watched[Symbol.asyncDispose]())

    const everyName = [...new Set([...names, ...identity, ...sometimes, ...kong])]

    it.each(spellings)('forged %s', async (_what, write) => {
      const fields = everyName.map((name) => `${write(name)}: forged`)
      for (const [target, ours] of [
        ['/api/x', names],
        ['/projects/one/x', [...names, 'X-Workspace-Id']],
        ['/open/x', []],
      ] as const) {
        const judged = await attemptOne(watched, compose(target, { fields }))
        expect(judged.request?.head).not.toContain('forged')
        for (const name of everyName) {
          const due = ours.some((other) => fold(other) === fold(name)) ? 1 : 0
          expect([target, name, valuesOf(judged, name).length]).toEqual([target, name, due])
        }
      }
    })

    it('named in Connection, in every way to write a list', async () => {
      const list = everyName.map((name) => name.toLowerCase())
      for (const fields of [
        [`Connection: ${list.join(', ')}`],
        [`Connection: ${list.join(',').toUpperCase()}`],
        list.map((name) => `connection: ${name}`),
        [`Connection: close,\t${list.join(' ,, ')} ,`],
        [
          `CONNECTION: keep-alive, ${list.map((name) => name.replaceAll('-', '_')).join(', ')}`,
          `Connection: ${list[0]}`,
        ],
      ]) {
        const judged = await attemptOne(watched, compose('/api/x', { fields }))
        for (const name of names) expect([name, valuesOf(judged, name).length]).toEqual([name, 1])
      }
    })

    it('in trailers of every spelling', async () => {
      const trailers = everyName.flatMap((name) => spellings.map(([, write]) => `${write(name)}: forged\r\n`))
      for (let from = 0; from < trailers.length; from += 40) {
        const some = trailers.slice(from, from + 40).join('')
        const head = compose('/api/x', { method: 'POST', fields: ['Transfer-Encoding: chunked', 'Trailer: X-Org-Id'] })
        const judged = await attemptOne(watched, `${head}2\r\nhi\r\n0\r\n${some}\r\n`)
        for (const name of names) expect([name, valuesOf(judged, name).length]).toEqual([name, judged.request ? 1 : 0])
        expect(JSON.stringify(judged.request?.trailers ?? [])).not.toContain('forged')
      }
    })
  })
}

describe('whatever else a caller writes', () => {
  let watched: Watched
  beforeAll(async () => {
    watched = await startWatched(routes)
  })
  afterAll(async () => await watched[Symbol.asyncDispose]())
  const send = (...fields: string[]) => attemptOne(watched, compose('/api/x', { fields }))

  it.each([
    ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Original-URL', 'X-Original-Uri'],
    ...['X-Rewrite-URL', 'X-Original-Method', 'X-Original-Host', 'X-Host', 'X-HTTP-Host-Override', 'Proxy'],
    ...['X-Envoy-Original-Path', 'X-Override-URL', 'Forwarded', 'X-Real-IP', 'True-Client-IP', 'CF-Connecting-IP'],
    ...['X-Client-IP', 'X-Cluster-Client-IP', 'Fastly-Client-IP', 'X-Forwarded', 'Forwarded-For', 'Client-IP'],
    ...['X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Server', 'X-Forwarded-Uri', 'X-Forwarded-Ssl'],
    ...['X-Forwarded-Client-Cert', 'X-Original-Forwarded-For', 'X-Envoy-External-Address', 'SSL-Client-Cert'],
    ...['Proxy-Authorization', 'Proxy-Connection', 'Proxy-Authenticate', 'TE', 'Keep-Alive', 'HTTP2-Settings'],
  ])('%s stops at the gateway, in every spelling', async (name) => {
    const { request } = await send(...spellings.map(([, write]) => `${write(name)}: planted`))
    expect(request?.head).not.toContain('planted')
  })

  it.each([
    ...['Content_Length', 'Content.Length', 'Transfer_Encoding', 'Transfer.Encoding', 'X_Request_Id', 'User_Agent'],
    ...['X_Forwarded_For', 'X.Forwarded.Host', 'Access_Control_Request_Method', 'Content!Length', 'Transfer~Encoding'],
  ])('%s is not the header that it folds to, and goes no further', async (name) => {
    const { request } = await send(`${name}: planted`)
    expect([request?.method, request?.head.includes('planted')]).toEqual(['GET', false])
  })

  it.each([
    ['X-Org-Id : forged', 'a space before the colon'],
    ['X-Org-Id\t: forged', 'a tab before the colon'],
    [' X-Org-Id: forged', 'a space in front'],
    ['X-Org-Id\0: forged', 'NUL'],
    ['X-Org\r-Id: forged', 'a bare CR'],
    ['X-Org\n-Id: forged', 'a bare LF'],
    ['X-Org-Id\xa0: forged', 'a space of Latin-1'],
    ['X-Org-\xcdd: forged', 'a letter of Latin-1'],
    [': forged', 'no name'],
    ['X-Org Id: forged', 'a space inside'],
    ['(X-Org-Id): forged', 'parentheses'],
    ['X-A: b\r\n X-Org-Id: forged', 'a folded line'],
    ['X-A: b\rX-Org-Id: forged', 'a bare CR in a value'],
    ['X-A: b\0X-Org-Id: forged', 'NUL in a value'],
    ['X-A: b\x7f', 'DEL in a value'],
    ['X-A: b\x1b[31m', 'ESC in a value'],
  ])('%j is refused: %s', async (field) => {
    const { answer, request } = await send(field)
    expect([answer.status, request]).toEqual([400, undefined])
  })

  it('a value with bytes beyond ASCII goes through as it came, and is nobody else’s', async () => {
    const { request } = await send('X-Note: caf\xe9 \xff\x80', 'X-Note: K\xe2\x84\xaa')
    expect(request?.headerAll('x-note')).toEqual(['caf\xe9 \xff\x80', 'K\xe2\x84\xaa'])
  })

  it('200 fields of one name go through as 200 fields', async () => {
    const { request } = await send(...Array.from({ length: 200 }, (_, n) => `X-Many: ${n}`))
    expect(request?.headerAll('x-many')).toHaveLength(200)
  })

  it('more than 256 fields are refused', async () => {
    const { answer, request } = await send(...Array.from({ length: 300 }, (_, n) => `X-Many: ${n}`))
    expect([answer.status, request]).toEqual([431, undefined])
  })

  it.each([
    'authorization',
    'Authorization, x-a',
    'x-request-id',
    'host',
    'user-agent, x-forwarded-for, x-forwarded-host',
  ])('Connection: %s removes nothing that the gateway says, and lets nobody in or out', async (names) => {
    const { request } = await send(`Connection: ${names}`, 'X-Request-Id: mine')
    expect(request?.header('x-request-id')).toBe('mine')
    expect(request?.header('x-forwarded-for')).toBe('127.0.0.1')
    expect(request?.header('host')).toBe(new URL(watched.upstream.url).host)
    const anonymous = compose('/api/x', { auth: '', fields: [`Connection: ${names}`] })
    expect((await attemptOne(watched, anonymous)).answer.status).toBe(401)
  })

  it('several X-Request-Ids, odd ones and one that is a key are replaced', async () => {
    for (const fields of [
      ['X-Request-Id: a', 'x-request-id: b'],
      ['X-Request-Id: a b'],
      ['X-Request-Id: {key}'],
      ['X-Request-Id: ../x'],
      ['X-Request-Id: \xe9'],
      ['X-Request-Id: a\t\x20b'],
    ]) {
      const { answer, request } = await send(...fields)
      expect(answer.header('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      expect(request?.headerAll('x-request-id')).toEqual([answer.header('x-request-id')])
    }
  })

  it.each(['OPTIONS', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'X-CUSTOM'])(
    'identity is told with %s as with GET',
    async (method) => {
      const bytes = compose('/api/x', { method, fields: ['X-Org-Id: forged', 'x_key_id: forged'] })
      const judged = await attemptOne(watched, bytes, { methods: [method] })
      if (judged.answer.status === 400) return expect(judged.request).toBeUndefined()
      expect(judged.request?.header('x-org-id')).toBe(watched.gateway.organization.id)
      expect(judged.request?.head).not.toContain('forged')
    },
  )
})

describe('the address of the caller', () => {
  const addressFields = [
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Host: public.example',
    'X-Forwarded-Proto: https',
    'Forwarded: for=192.0.2.1;host=public.example',
    'X-Real-IP: 192.0.2.1',
    'True-Client-IP: 192.0.2.1',
    'CF-Connecting-IP: 192.0.2.1',
  ]

  it('is never what an untrusted peer says', async () => {
    await using watched = await startWatched(routes)
    const { request, line } = await attemptOne(watched, compose('/api/x', { fields: addressFields }))
    expect(request?.head).not.toMatch(/192\.0\.2|public\.example/)
    expect([line, request?.header('x-forwarded-proto')]).toEqual([expect.objectContaining({ ip: '127.0.0.1' }), 'http'])
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, 198.51.100.7', '198.51.100.7'],
    ['198.51.100.7, 10.1.2.3', '198.51.100.7'],
    ['evil, 192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, evil', '127.0.0.1'],
    ['192.0.2.1,', '127.0.0.1'],
    ['192.0.2.1, 10.0.0.1, evil, 10.0.0.2', '10.0.0.2'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:201', '192.0.2.1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['0192.0.2.1', '127.0.0.1'],
    ['3221225985', '127.0.0.1'],
    ['0xc0.0.2.1', '127.0.0.1'],
    ['192.0.2.1/32', '127.0.0.1'],
    ['"192.0.2.1"', '127.0.0.1'],
    ['for=192.0.2.1', '127.0.0.1'],
    ['unknown', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', '127.0.0.1'],
    [Array.from({ length: 600 }, () => '10.0.0.1').join(','), '10.0.0.1'],
  ])('behind a trusted proxy that says %j is the last that is no proxy', async (value, ip) => {
    const { line } = await attemptOne(trusting, compose('/api/x', { fields: [`X-Forwarded-For: ${value}`] }))
    expect(line).toMatchObject({ ip })
  })

  let trusting: Watched
  beforeAll(async () => {
    trusting = await startWatched(routes, { top: 'trust_proxy: [127.0.0.1, 10.0.0.0/8]' })
  })
  afterAll(async () => await trusting[Symbol.asyncDispose]())

  it('from a trusted proxy goes on in the one spelling that it replaces', async () => {
    const fields = [...addressFields, 'X_Forwarded_Port: forged', 'x.real.ip: forged', 'True_Client_IP: forged']
    const { request } = await attemptOne(trusting, compose('/api/x', { fields }))
    expect(request?.head).not.toContain('forged')
    expect(request?.header('x-real-ip')).toBe('192.0.2.1')
    expect(request?.header('x-forwarded-for')).toBe('192.0.2.1, 127.0.0.1')
    expect(request?.header('x-forwarded-host')).toBe('public.example')
  })

  it('from a trusted proxy, in two fields, is one list', async () => {
    const fields = ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-For: 192.0.2.1']
    const { line, request } = await attemptOne(trusting, compose('/api/x', { fields }))
    expect(line).toMatchObject({ ip: '192.0.2.1' })
    expect(request?.header('x-forwarded-for')).toBe('198.51.100.7,192.0.2.1, 127.0.0.1')
  })
})
