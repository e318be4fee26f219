import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /small/*, upstream: api, body_limit: 1kb }
timeouts: { head: 300ms, body_idle: 300ms }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

/** A request with a valid key in which one thing is replaced. `{auth}` and `{host}` are filled in. */
const fill = (bytes: string): string =>
  bytes.replaceAll('{auth}', `Authorization: Bearer ${key.raw}`).replaceAll('{host}', `Host: ${gateway.host}`)

/** What follows on the same connection must never be run. */
const smuggled = 'GET /api/smuggled HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n'

async function expectRefused(bytes: string, status: number, code: string): Promise<void> {
  using client = await gateway.connect()
  await client.send(fill(bytes + smuggled))
  const response = await client.response()
  expectProblem(response, status, code)
  expect(response.header('connection')).toBe('close')
  await client.closed()
  expect(client.unread.toString('latin1')).toBe('')
  await expectOnlyWitness()
}

/** One more request goes through; what the upstream has seen is that one and not a byte else. */
async function expectOnlyWitness(): Promise<void> {
  expect((await gateway.request('GET', '/api/witness', { key })).status).toBe(200)
  expect(upstream.requests.map(({ target }) => target)).toEqual(['/api/witness'])
  expect(upstream.bytesReceived()).toBe(upstream.last().head.length)
}

const head = (line: string, ...fields: string[]): string => `${[line, ...fields].join('\r\n')}\r\n\r\n`
const get = (...fields: string[]): string => head('GET /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
const post = (...fields: string[]): string => head('POST /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
const hosted = (...fields: string[]): string => head('GET /api/x HTTP/1.1', '{auth}', ...fields)
const line = (text: string): string => head(text, '{host}', '{auth}')

describe('a message that two parsers could read differently is 400, closes the connection and goes no further', () => {
  it.each([
    ['Content-Length, then Transfer-Encoding', `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    ['Transfer-Encoding, then Content-Length', `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`],
    ['Transfer-Encoding: gzip, chunked', `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
    ['Transfer-Encoding: chunked, chunked', `${post('Transfer-Encoding: chunked, chunked')}0\r\n\r\n`],
    ['Transfer-Encoding: chunked, identity', `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n`],
    ['Transfer-Encoding: identity', post('Transfer-Encoding: identity')],
    ['Transfer-Encoding: gzip', post('Transfer-Encoding: gzip')],
    ['Transfer-Encoding: xchunked', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
    ['Transfer-Encoding: chunked;q=1', `${post('Transfer-Encoding: chunked;q=1')}0\r\n\r\n`],
    ['Transfer-Encoding: "chunked"', `${post('Transfer-Encoding: "chunked"')}0\r\n\r\n`],
    ['Transfer-Encoding that is empty', post('Transfer-Encoding:')],
    ['Transfer-Encoding twice', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    [
      'Transfer-Encoding in two fields',
      `${post('Transfer-Encoding: identity', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['Transfer-Encoding after a vertical tab', `${post('Transfer-Encoding: \x0bchunked')}0\r\n\r\n`],
    [
      'Transfer-Encoding on a GET with Content-Length',
      `${get('Content-Length: 0', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['Content-Length twice, the same', `${post('Content-Length: 2', 'Content-Length: 2')}ab`],
    ['Content-Length twice, different', `${post('Content-Length: 2', 'Content-Length: 3')}abc`],
    ['Content-Length as a list', `${post('Content-Length: 2, 2')}ab`],
    ['Content-Length: +2', `${post('Content-Length: +2')}ab`],
    ['Content-Length: -1', post('Content-Length: -1')],
    ['Content-Length: 0x2', `${post('Content-Length: 0x2')}ab`],
    ['Content-Length: 2.0', `${post('Content-Length: 2.0')}ab`],
    ['Content-Length: 1e1', `${post('Content-Length: 1e1')}abcdefghij`],
    ['Content-Length: 2 2', `${post('Content-Length: 2 2')}ab`],
    ['Content-Length that is empty', post('Content-Length:')],
    ['Content-Length in words', post('Content-Length: two')],
    ['Content-Length beyond every integer', post('Content-Length: 99999999999999999999999')],
    ['no Host', head('GET /api/x HTTP/1.1', '{auth}')],
    ['Host twice, the same', hosted('{host}', '{host}')],
    ['Host twice, different', hosted('{host}', 'Host: other.example')],
    ['Host that is empty', hosted('Host:')],
    ['Host with a space', hosted('Host: a b')],
    ['Host with a path', hosted('Host: a/b')],
    ['Host with user info', hosted('Host: user@a.example')],
    ['Host with a scheme', hosted('Host: http://a.example')],
    ['Host as a list', hosted('Host: a.example, b.example')],
    ['Host with a port in words', hosted('Host: a.example:http')],
    ['Host with half an IPv6 address', hosted('Host: [::1')],
    ['Host with a query', hosted('Host: a.example?x')],
    ['Host with a fragment', hosted('Host: a.example#x')],
    ['Host with a backslash', hosted('Host: a.example\\x')],
    ['obs-fold with a space', get('X-A: 1', ' folded')],
    ['obs-fold with a tab', get('X-A: 1', '\tfolded')],
    ['a first field that is folded', head('GET /api/x HTTP/1.1', ' X-A: 1', '{host}', '{auth}')],
    ['a bare LF between fields', head('GET /api/x HTTP/1.1', '{host}', '{auth}\nX-A: 1')],
    ['a bare LF after the request line', head('GET /api/x HTTP/1.1\n{host}', '{auth}')],
    ['bare LFs alone', 'GET /api/x HTTP/1.1\n{host}\n{auth}\n\n'],
    ['a bare CR in a value', get('X-A: 1\r2')],
    ['a bare CR between fields', head('GET /api/x HTTP/1.1', '{host}', '{auth}\rX-A: 1')],
    ['a bare CR in the request line', line('GET /api/x\r HTTP/1.1')],
    ['NUL in a value', get('X-A: 1\0')],
    ['NUL in a name', get('X-A\0: 1')],
    ['NUL in the request line', line('GET /api/\0x HTTP/1.1')],
    ['a control byte in a value', get('X-A: 1\x01')],
    ['a form feed in a value', get('X-A: 1\x0c2')],
    ['DEL in a value', get('X-A: \x7f')],
    ['a control byte in a name', get('X\x01A: 1')],
    ['a space before the colon', get('X-A : 1')],
    ['a tab before the colon', get('X-A\t: 1')],
    ['a field without a colon', get('X-A')],
    ['a field without a name', get(': 1')],
    ['a name with a space', get('X A: 1')],
    ['a name with a bracket', get('X(A): 1')],
    ['a name with a byte above 127', get('X-\xe4: 1')],
    ['a method in small letters', line('get /api/x HTTP/1.1')],
    ['a method with an underscore', line('GET_ /api/x HTTP/1.1')],
    ['a method with a digit', line('GET1 /api/x HTTP/1.1')],
    ['a method with a byte above 127', line('G\xc9T /api/x HTTP/1.1')],
    ['a method of 33 letters', line(`${'A'.repeat(33)} /api/x HTTP/1.1`)],
    ['no method', line(' /api/x HTTP/1.1')],
    ['asterisk-form', line('OPTIONS * HTTP/1.1')],
    ['CONNECT', line('CONNECT api.example:443 HTTP/1.1')],
    ['CONNECT with a path', line('CONNECT /api/x HTTP/1.1')],
    ['TRACE', line('TRACE /api/x HTTP/1.1')],
    [
      'Transfer-Encoding in 1.0',
      `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['two spaces after the method', line('GET  /api/x HTTP/1.1')],
    ['a tab after the method', line('GET\t/api/x HTTP/1.1')],
    ['two spaces before the version', line('GET /api/x  HTTP/1.1')],
    ['a space after the version', line('GET /api/x HTTP/1.1 ')],
    ['a version in small letters', line('GET /api/x http/1.1')],
    ['a version that is no version', line('GET /api/x HTTP/1.1x')],
  ])('%s', async (_what, bytes) => {
    await expectRefused(bytes, 400, 'BAD_REQUEST')
  })

  it('absolute-form that differs from Host', async () => {
    using client = await gateway.connect()
    await client.send(fill(line('GET http://other.example/api/x HTTP/1.1')))
    expect((await client.response()).status).toBe(400)
    await expectOnlyWitness()
  })

  it.each(['HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'HTTP/3.0'])('%s is 505', async (version) => {
    await expectRefused(line(`GET /api/x ${version}`), 505, 'VERSION_NOT_SUPPORTED')
  })

  it('is judged before credentials: without a key it is 400, not 401', async () => {
    using client = await gateway.connect()
    await client.send(
      `POST /nowhere HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    )
    expectProblem(await client.response(), 400, 'BAD_REQUEST')
  })
})

describe('a body whose framing is broken', () => {
  it.each([
    ['a chunk size that is no number', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size beyond every integer', 'FFFFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n'],
    ['a chunk longer than its size', '3\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size line that ends in LF', '5\nhello\r\n0\r\n\r\n'],
    ['a chunk that ends in LF', '5\r\nhello\n0\r\n\r\n'],
    ['a space before the chunk size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['a bare CR in a chunk extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ['a bare LF in a chunk extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
    ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
  ])('%s: the connection is closed, the upstream gets no whole request and nothing after it', async (_what, body) => {
    using client = await gateway.connect()
    await client.send(fill(post('Transfer-Encoding: chunked') + body + smuggled))
    await client.closed()
    expect(client.unread.toString('latin1')).not.toMatch(/^HTTP\/1\.1 2/)
    expect((await gateway.request('GET', '/api/witness', { key })).status).toBe(200)
    expect(upstream.requests.filter(({ content }) => content).map(({ target }) => target)).toEqual(['/api/witness'])
    expect(upstream.requests.map(({ target }) => target)).not.toContain('/api/smuggled')
  })
})

describe('a message that is in order is forwarded', () => {
  it.each([
    ['a chunked body', `${post('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`, 'POST', 'hello'],
    ['a body with a length', `${post('Content-Length: 5')}hello`, 'POST', 'hello'],
    ['an empty body', post('Content-Length: 0'), 'POST', ''],
    ['a GET with a body', `${get('Content-Length: 2')}ab`, 'GET', 'ab'],
    ['spaces and tabs around a value', get('X-A: \t 1 \t'), 'GET', ''],
    ['an empty value', get('X-A:'), 'GET', ''],
    ['a method with a hyphen', line('M-SEARCH /api/x HTTP/1.1'), 'M-SEARCH', ''],
    ['HTTP/1.0', head('GET /api/x HTTP/1.0', '{host}', '{auth}'), 'GET', ''],
    [
      'HTTP/1.0 with a body',
      `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Content-Length: 2')}ab`,
      'POST',
      'ab',
    ],
  ])('%s', async (_what, bytes, method, body) => {
    using client = await gateway.connect()
    await client.send(fill(bytes))
    expect((await client.response()).status).toBe(200)
    expect(upstream.requests.map((request) => [request.method, request.target, String(request.content)])).toEqual([
      [method, '/api/x', body],
    ])
    expect(upstream.last().head).toMatch(/^[A-Z-]+ \/api\/x HTTP\/1\.1\r\n/)
  })

  it('byte by byte, as slowly as the head timeout allows', async () => {
    using client = await gateway.connect()
    for (const byte of fill(`${post('Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n\r\n`)) await client.send(byte)
    expect((await client.response()).status).toBe(200)
    expect(String(upstream.last().content)).toBe('hi')
  })
})

describe('what is too slow or too large', () => {
  it('answers 408 to a head that does not come to its end in time, and closes', async () => {
    using client = await gateway.connect()
    await client.send(`GET /api/x HTTP/1.1\r\nHost: ${gateway.host}\r\nX-A: `)
    expectProblem(await client.response(), 408, 'REQUEST_TIMEOUT')
    await client.closed()
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('answers 408 to a head that drips, however steadily', async () => {
    using client = await gateway.connect()
    await client.send('GET /api/x HTTP/1.1\r\nX-A: ')
    const drip = setInterval(() => void client.send('a'), 20)
    try {
      expectProblem(await client.response({ withinMs: 3000 }), 408, 'REQUEST_TIMEOUT')
      await client.closed()
    } finally {
      clearInterval(drip)
    }
  })

  it('answers 408 to a body that stops coming, and the upstream never gets a whole request', async () => {
    using client = await gateway.connect()
    await client.send(fill(`${post('Content-Length: 10')}half`))
    expectProblem(await client.response(), 408, 'REQUEST_TIMEOUT')
    await client.closed()
    expect(upstream.requests.every(({ content }) => content === undefined)).toBe(true)
  })

  it.each([
    ['414 to a target of a megabyte', `GET /api/${'a'.repeat(1_000_000)} HTTP/1.1\r\n`, 414, 'URI_TOO_LONG'],
    [
      '431 to a field of a megabyte',
      `GET /api/x HTTP/1.1\r\nX-A: ${'a'.repeat(1_000_000)}\r\n`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    [
      '431 to a hundred thousand fields',
      `GET /api/x HTTP/1.1\r\n${'X: 1\r\n'.repeat(100_000)}`,
      431,
      'HEADERS_TOO_LARGE',
    ],
  ])('answers %s, and closes', async (_what, bytes, status, code) => {
    using client = await gateway.connect()
    void client.send(fill(`${bytes}{host}\r\n{auth}\r\n\r\n`))
    expectProblem(await client.response(), status, code)
    await client.closed()
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('answers 413 to a Content-Length beyond the body limit without waiting for the body', async () => {
    using client = await gateway.connect()
    await client.send(fill(head('POST /small/x HTTP/1.1', '{host}', '{auth}', 'Content-Length: 1025')))
    expectProblem(await client.response(), 413, 'BODY_TOO_LARGE')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('never completes a chunked body that grows beyond the limit', async () => {
    using client = await gateway.connect()
    const chunk = `400\r\n${'a'.repeat(1024)}\r\n`
    await client.send(fill(head('POST /small/x HTTP/1.1', '{host}', '{auth}', 'Transfer-Encoding: chunked')))
    await client.send(`${chunk}${chunk}0\r\n\r\n`)
    expectProblem(await client.response(), 413, 'BODY_TOO_LARGE')
    await client.closed()
    expect(upstream.requests.every(({ content }) => content === undefined)).toBe(true)
  })

  it('lets a body of exactly the limit pass', async () => {
    const response = await gateway.request('POST', '/small/x', { key, body: 'a'.repeat(1024) })
    expect(response.status).toBe(200)
  })
})
