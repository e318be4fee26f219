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

const head = (line: string, ...fields: string[]): string => `${[line, ...fields].join('\r\n')}\r\n\r\n`
const get = (...fields: string[]): string => head('GET /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
const post = (...fields: string[]): string => head('POST /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
const line = (text: string): string => head(text, '{host}', '{auth}')

describe('a message that two parsers could read differently (all of them: security/wire)', () => {
  it('is judged before credentials: without a key it is 400, not 401', async () => {
    using client = await gateway.connect()
    await client.send(
      `POST /nowhere HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    )
    expectProblem(await client.response(), 400, 'BAD_REQUEST')
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

  it('answers a request that came in time, though it was read too late since there was too much to do', async () => {
    const clients = await Promise.all(['nothing', 'half'].map(() => gateway.connect()))
    const [late, half] = clients as [(typeof clients)[0], (typeof clients)[0]]
    const request = gateway.compose('GET', '/nowhere')
    await half.send(request.subarray(0, 20))
    // Behind them in the queue of connections: when this one is answered, those are there.
    await gateway.request('GET', '/nowhere')
    const sent = [late.send(request), half.send(request.subarray(20))]
    const busyUntil = performance.now() + 1000
    while (performance.now() < busyUntil);
    await Promise.all(sent)
    for (const client of clients) {
      expectProblem(await client.response(), 401, 'INVALID_API_KEY')
      client[Symbol.dispose]()
    }
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
