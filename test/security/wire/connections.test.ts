import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { connectRaw } from '../../helpers/raw-client.ts'
import { plainResponse } from '../../helpers/raw-upstream.ts'
import { chunked, expectRefused, forwarded, get, head, line, post, smuggled } from './wire-cases.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched(
    `
  - { path: /api/*, methods: [GET, POST, PUT, DELETE, HEAD, OPTIONS, PROPFIND], upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /closed/*, deny: true }
  - { path: /small/*, upstream: api, body_limit: 1kb }
  - { path: /once/*, upstream: api, limits: [once] }
`,
    {
      top: 'limits: { once: { by: route, requests: 1, per: 1d } }\ntimeouts: { head: 1s, body_idle: 500ms, keep_alive: 500ms }',
    },
  )
})
afterAll(() => watched[Symbol.asyncDispose]())

/** What is answered how, for mixes. */
const kinds = {
  allowed: { bytes: get('X-A: 1'), status: 200, forwarded: '/api/x' },
  'with a length': { bytes: `${post('Content-Length: 5')}hello`, status: 200, forwarded: '/api/x' },
  'with chunks': { bytes: chunked('5\r\nhello\r\n0\r\n\r\n'), status: 200, forwarded: '/api/x' },
  public: { bytes: head('GET /open/x HTTP/1.1', '{host}'), status: 200, forwarded: '/open/x' },
  'without a key': { bytes: head('GET /api/x HTTP/1.1', '{host}'), status: 401, forwarded: undefined },
  'without a key, with a body': {
    bytes: `${head('POST /api/x HTTP/1.1', '{host}', 'Content-Length: 5')}hello`,
    status: 401,
    forwarded: undefined,
  },
  denied: { bytes: line('GET /closed/x HTTP/1.1'), status: 403, forwarded: undefined },
  unknown: { bytes: line('GET /nowhere HTTP/1.1'), status: 404, forwarded: undefined },
  'of another method': { bytes: line('PATCH /api/x HTTP/1.1'), status: 405, forwarded: undefined },
} as const
type Kind = keyof typeof kinds
const kindNames = Object.keys(kinds) as Kind[]

describe('requests that come in one piece', () => {
  const mixes: readonly (readonly [string, readonly Kind[]])[] = [
    ['allowed, refused, allowed', ['allowed', 'without a key', 'allowed']],
    ['refused, allowed', ['without a key', 'allowed']],
    ['refused with a body, allowed', ['without a key, with a body', 'allowed']],
    ['twenty allowed', Array.from({ length: 20 }, (): Kind => 'allowed')],
    ['twenty refused', Array.from({ length: 20 }, (): Kind => 'without a key')],
    ['ten of each', Array.from({ length: 20 }, (_, index): Kind => (index % 2 ? 'allowed' : 'denied'))],
    ...kindNames.map((kind): [string, Kind[]] => [`${kind} between two allowed`, ['allowed', kind, 'allowed']]),
    ...kindNames.map((kind): [string, Kind[]] => [`${kind} twice, then with chunks`, [kind, kind, 'with chunks']]),
    ...[2, 3, 5, 7, 11, 13].map((step): [string, Kind[]] => [
      `all kinds, by ${step}`,
      Array.from({ length: 18 }, (_, index) => kindNames[(index * step) % kindNames.length] ?? 'allowed'),
    ]),
  ]
  it.each(mixes)('%s: each is judged for itself and answered in its turn', async (_what, mix) => {
    const bytes = mix.map((kind) => kinds[kind].bytes).join('')
    for (const split of [false, mix.length < 4]) {
      const { outcome, seen } = await forwarded(watched, bytes, { responses: mix.length, split })
      expect(outcome.responses.map(({ status }) => status)).toEqual(mix.map((kind) => kinds[kind].status))
      expect(seen.requests.map(({ target }) => target)).toEqual(mix.flatMap((kind) => kinds[kind].forwarded ?? []))
      expect(seen.lines).toHaveLength(mix.length)
    }
  })

  it.each([
    ['a bad length', post('Content-Length: x')],
    ['two lengths', `${post('Content-Length: 2', 'Content-Length: 2')}ab`],
    ['a bad coding', `${post('Transfer-Encoding: x')}0\r\n\r\n`],
    ['a bad chunk', chunked('zz\r\n')],
    ['an impossible chunk', chunked('fffffffffffffffff\r\n')],
    ['no request at all', 'nonsense\r\n\r\n'],
    ['no Host', head('GET /api/x HTTP/1.1', '{auth}')],
    ['a bare LF', 'GET /api/x HTTP/1.1\n{host}\n\n'],
  ])('%s as the fourth: the three before are answered before it, nothing behind it is run', async (_what, bad) => {
    const bytes = kinds.allowed.bytes + kinds['without a key'].bytes + kinds['with a length'].bytes + bad + smuggled
    for (const split of [false, true]) {
      const outcome = await watched.attempt(bytes, { toEnd: true, split })
      const seen = await watched.verify(outcome)
      expect(outcome.responses.map(({ status }) => status)).toEqual([200, 401, 200, 400])
      expect(seen.lines).toHaveLength(4)
      expect(seen.requests.filter(({ content }) => content).map(({ target }) => target)).toEqual(['/api/x', '/api/x'])
    }
  })

  it.each([
    ['the first', ['Connection: close']],
    ['the first, in capitals', ['Connection: CLOSE']],
    ['the first, in a list', ['Connection: x, close']],
    ['the first, in a list with keep-alive', ['Connection: close, keep-alive']],
    ['the first, in two fields', ['Connection: keep-alive', 'Connection: close']],
  ])('%s closes: nothing behind it is run', async (_what, fields) => {
    const outcome = await watched.attempt(get(...fields) + smuggled, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
    expect(requests.map(({ target }) => target)).toEqual(['/api/x'])
  })
})

describe('a request in the body of a refused one is never run', () => {
  const hidden = 'GET /api/hidden HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n'
  /** The real length is known when the placeholders are filled in: the tests use that of a body in plain text. */
  const inner = 'GET /api/hidden HTTP/1.1\r\nHost: a.example\r\nX-Pad: aaaa\r\n\r\n'
  const framings = [
    ['with a length', (start: string) => `${start}Content-Length: ${inner.length}\r\n\r\n${inner}`],
    [
      'with chunks',
      (start: string) =>
        `${start}Transfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
    ],
    [
      'with a length that asks first',
      (start: string) => `${start}Expect: 100-continue\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    ],
    [
      'with chunks that ask first',
      (start: string) =>
        `${start}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
    ],
  ] as const
  const refusals = [
    ['400', 'POST /api/../x HTTP/1.1\r\n{host}\r\n{auth}\r\n', 400],
    ['400 for a key in the query', 'POST /api/x?api_key=y HTTP/1.1\r\n{host}\r\n{auth}\r\n', 400],
    ['401', 'POST /api/x HTTP/1.1\r\n{host}\r\n', 401],
    ['401 of a GET', 'GET /api/x HTTP/1.1\r\n{host}\r\n', 401],
    ['401 of a DELETE', 'DELETE /api/x HTTP/1.1\r\n{host}\r\n', 401],
    ['401 of an OPTIONS', 'OPTIONS /api/x HTTP/1.1\r\n{host}\r\n', 401],
    ['403', 'POST /closed/x HTTP/1.1\r\n{host}\r\n{auth}\r\n', 403],
    ['404', 'POST /nowhere HTTP/1.1\r\n{host}\r\n{auth}\r\n', 404],
    ['405', 'PATCH /api/x HTTP/1.1\r\n{host}\r\n{auth}\r\n', 405],
    ['401 that keeps alive', 'POST /api/x HTTP/1.1\r\n{host}\r\nConnection: keep-alive\r\n', 401],
    ['401 in 1.0', 'POST /api/x HTTP/1.0\r\n{host}\r\nConnection: keep-alive\r\n', 401],
  ] as const
  const cases = refusals.flatMap(([refusal, start, status]) =>
    framings
      .filter(([framing]) => !(refusal.includes('1.0') && !framing.endsWith('length')))
      .map(([framing, wrap]) => [refusal, framing, wrap(start), status] as const),
  )
  it.each(cases)('%s, %s', async (_refusal, _framing, bytes, status) => {
    for (const split of [false, true]) {
      const outcome = await watched.attempt(bytes + get('Connection: close'), { toEnd: true, split })
      const { requests, lines } = await watched.verify(outcome)
      // What comes behind the body is answered as what it is, or the connection has ended before.
      expect([[status], [status, 200]]).toContainEqual(outcome.responses.map((response) => response.status))
      expect(requests.map(({ target }) => target)).not.toContain('/api/hidden')
      expect(lines.map(({ path }) => path)).not.toContain('/api/hidden')
    }
  })

  it('429', async () => {
    await watched.verify(await watched.attempt(line('GET /once/x HTTP/1.1')))
    const bytes = `${head('POST /once/x HTTP/1.1', '{host}', '{auth}', `Content-Length: ${inner.length}`)}${inner}`
    const outcome = await watched.attempt(bytes + get('Connection: close'), { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([429, 200])
    expect(requests.map(({ target }) => target)).toEqual(['/api/x'])
  })

  it.each([
    [
      '413 by its length',
      `${head('POST /small/x HTTP/1.1', '{host}', '{auth}', 'Content-Length: 2000')}${'a'.repeat(1900)}${hidden}`,
    ],
    [
      '413 by its chunks',
      `${head('POST /small/x HTTP/1.1', '{host}', '{auth}', 'Transfer-Encoding: chunked')}7d0\r\n${'a'.repeat(2000)}\r\n0\r\n\r\n${hidden}`,
    ],
    [
      '413 by a length that nobody sends',
      `${head('POST /small/x HTTP/1.1', '{host}', '{auth}', 'Content-Length: 99999999')}${hidden}`,
    ],
  ])('%s', async (_what, bytes) => {
    const outcome = await watched.attempt(bytes, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([413])
    expect(requests.filter(({ content }) => content)).toEqual([])
  })

  it.each([
    ['Content-Length: 0 and chunks behind', `${post('Content-Length: 0')}5\r\nhello\r\n0\r\n\r\n`, [200, 400]],
    ['no length and chunks behind', `${post()}5\r\nhello\r\n0\r\n\r\n`, [200, 400]],
    ['a length that is too short', `${post('Content-Length: 2')}hello`, [200, 400]],
    ['a GET without a length and a body behind', `${get()}hello\r\n\r\n`, [200, 400]],
  ])('%s: what is left over is no request', async (_what, bytes, statuses) => {
    const outcome = await watched.attempt(bytes + smuggled, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual(statuses)
    expect(requests.map(({ target }) => target)).toEqual(['/api/x'])
  })

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    '%s with a body is forwarded with that body',
    async (method) => {
      const bytes = `${head(`${method} /api/x HTTP/1.1`, '{host}', '{auth}', `Content-Length: ${inner.length}`)}${inner}`
      const { bodies, seen } = await forwarded(watched, bytes, { methods: [method] })
      expect(bodies).toEqual([inner])
      expect(seen.requests.map((request) => request.header('content-length'))).toEqual([String(inner.length)])
    },
  )
})

describe('a body that breaks when its request was answered already', () => {
  it.each([
    ['a bad chunk', 'zz\r\n'],
    ['an impossible chunk', 'fffffffffffffffff\r\n'],
    ['a chunk that is too long', '3\r\nhello\r\n'],
    ['a request in the place of a chunk', smuggled],
  ])('%s: one answer, one row, and the end of the connection', async (_what, rest) => {
    const start = head('POST /api/x HTTP/1.1', '{host}', 'Transfer-Encoding: chunked')
    const outcome = await watched.attempt([start, '{answered}', rest], { toEnd: true })
    const { lines } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([401])
    expect(lines).toHaveLength(1)
  })

  it.each([
    ['a bad chunk', 'zz\r\n'],
    ['an impossible chunk', 'fffffffffffffffff\r\n'],
    ['an extension without end', `5;${'a'.repeat(300)}`],
    ['trailers without end', `0\r\n${'X-A: b\r\n'.repeat(2000)}`],
    ['a long trailer', `0\r\nX-A: ${'a'.repeat(60_000)}`],
  ])('%s in the same piece: the answer gets there all the same', async (_what, rest) => {
    const bytes = `${head('POST /api/x HTTP/1.1', '{host}', 'Transfer-Encoding: chunked')}${rest}`
    const outcome = await watched.attempt(bytes + smuggled, { toEnd: true })
    const { lines } = await watched.verify(outcome)
    expect(lines).toHaveLength(1)
    expect([400, 401, 431]).toContain(outcome.responses[0]?.status)
  })

  it.each([
    ['trailers without end', `5\r\nhello\r\n0\r\n${'X-A: b\r\n'.repeat(2000)}`, 431, 'HEADERS_TOO_LARGE'],
    [
      'a trailer beyond what any head may have',
      `5\r\nhello\r\n0\r\nX-A: ${'a'.repeat(100_000)}`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['a long trailer', `5\r\nhello\r\n0\r\nX-A: ${'a'.repeat(9000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['an extension without end', `5;${'a'.repeat(300)}\r\nhello\r\n0\r\n\r\n`, 400, 'BAD_REQUEST'],
    ['extensions by the thousand', '1;a=b\r\nx\r\n'.repeat(10_000), 400, 'BAD_REQUEST'],
  ])('%s of an admitted request: refused, never whole upstream', async (_what, body, status, code) => {
    await expectRefused(watched, chunked(body), status, code)
  })
})

describe('a request to upgrade', () => {
  const upgrade = (...fields: string[]): string => get('Connection: Upgrade', ...fields)

  it('that the upstream answers with 200 is an ordinary request, and the connection ends with it', async () => {
    for (const fields of [['Upgrade: websocket', 'Sec-WebSocket-Version: 13'], ['Upgrade: x/1']]) {
      const outcome = await watched.attempt(upgrade(...fields) + smuggled, { toEnd: true })
      const { requests } = await watched.verify(outcome)
      expect([[200], [502]]).toContainEqual(outcome.responses.map(({ status }) => status))
      expect(requests.map(({ target }) => target)).toEqual(['/api/x'])
    }
  })

  it.each([
    ['h2c', ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA']],
    ['h2c among others', ['Upgrade: websocket, h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA']],
    ['h2c in capitals', ['Upgrade: H2C']],
    ['h2', ['Upgrade: h2']],
    ['HTTP/2.0', ['Upgrade: HTTP/2.0']],
    ['TLS', ['Upgrade: TLS/1.0']],
  ])('to %s goes on without it', async (_what, fields) => {
    const outcome = await watched.attempt(get('Connection: Upgrade, HTTP2-Settings, close', ...fields), { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
    expect(requests[0]?.head).not.toMatch(/upgrade|http2/i)
  })

  it.each([
    ['no Upgrade', upgrade()],
    ['no Connection', get('Upgrade: websocket')],
    ['a Connection that does not name it', get('Connection: keep-alive', 'Upgrade: websocket')],
    [
      'a version that has no upgrades',
      head('GET /api/x HTTP/1.0', '{host}', '{auth}', 'Connection: Upgrade', 'Upgrade: websocket'),
    ],
    [
      'a version that has no upgrades, kept alive',
      head('GET /api/x HTTP/1.0', '{host}', '{auth}', 'Connection: Upgrade, keep-alive', 'Upgrade: websocket'),
    ],
    [
      'a body with a length',
      `${head('POST /api/x HTTP/1.1', '{host}', '{auth}', 'Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 5')}hello`,
    ],
    [
      'a body in chunks',
      `${head('POST /api/x HTTP/1.1', '{host}', '{auth}', 'Connection: Upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    ],
  ])('with %s goes on as an ordinary one', async (_what, bytes) => {
    const { outcome, seen } = await forwarded(watched, bytes)
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
    expect(seen.requests[0]?.head).not.toMatch(/\r\nupgrade/i)
  })

  it.each([
    ['without a key', head('GET /api/x HTTP/1.1', '{host}', 'Connection: Upgrade', 'Upgrade: websocket'), 401],
    [
      'to what is denied',
      head('GET /closed/x HTTP/1.1', '{host}', '{auth}', 'Connection: Upgrade', 'Upgrade: websocket'),
      403,
    ],
    ['to nowhere', head('GET /nowhere HTTP/1.1', '{host}', '{auth}', 'Connection: Upgrade', 'Upgrade: websocket'), 404],
    ['with a bad length', upgrade('Upgrade: websocket', 'Content-Length: x'), 400],
    ['with two Hosts', upgrade('Upgrade: websocket', 'Host: b.example'), 400],
  ])('%s is refused, and what comes behind is not run', async (_what, bytes, status) => {
    const outcome = await watched.attempt(bytes + smuggled, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map((response) => response.status)).toEqual([status])
    expect(requests).toEqual([])
  })

  it('that is answered 101 carries bytes, and none of them is a request to us', async () => {
    watched.upstream.respond(({ send }) =>
      send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello'),
    )
    const { host } = watched.gateway
    const client = await connectRaw(watched.gateway.dataUrl)
    await client.send(`GET /open/x HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`)
    expect((await client.head()).status).toBe(101)
    await client.until('hello')
    await client.send(`GET /closed/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    client.reset()
    watched.upstream.respond(async ({ body, send }) => {
      await body()
      send(plainResponse())
    })
    await expect(watched.verify()).rejects.toThrow(/"status":101/)
  })
})

describe('Expect', () => {
  it.each(['100-continue', '100-Continue', '100-CONTINUE'])(
    '%s is answered by us and goes no further',
    async (value) => {
      const { outcome, seen } = await forwarded(watched, `${post(`Expect: ${value}`, 'Content-Length: 5')}hello`)
      expect(outcome.responses.map(({ status, interim }) => [status, interim.map((head) => head.status)])).toEqual([
        [200, [100]],
      ])
      expect(seen.requests[0]?.head).not.toMatch(/expect/i)
    },
  )

  it('of a refused request is not answered 100', async () => {
    const outcome = await watched.attempt(
      head('POST /api/x HTTP/1.1', '{host}', 'Expect: 100-continue', 'Content-Length: 5'),
    )
    await watched.verify(outcome)
    expect(outcome.responses.map(({ status, interim }) => [status, interim])).toEqual([[401, []]])
  })
})
