import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { expectRefused } from './refused.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched(
    `
  - { path: /*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, upstream: api, deny: true }
`,
    { top: 'timeouts: { body_idle: 1s }\nbody_limit: 1mb' },
  )
})
afterAll(() => watched[Symbol.asyncDispose]())

const hidden = 'GET /admin/hidden HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n'
/** With a good key, so that nothing but the framing is wrong with it. */
const post = (fields: string, body = hidden): string =>
  `POST /x HTTP/1.1\r\n{host}\r\n{auth}\r\n${fields}\r\n\r\n${body}`
const refusedEach = async (messages: readonly string[], status = 400, code = 'BAD_REQUEST'): Promise<void> => {
  for (const message of messages) await expectRefused(watched, message, status, code)
}

it('a Transfer-Encoding that is not chunked to the letter is refused', () =>
  refusedEach(
    [
      ...['xchunked', 'chunked, identity', 'identity, chunked', 'chunked, chunked', 'foobar', '"chunked"'],
      ...['\x0bchunked', 'chunked\x0c', 'chunked;q=1', 'chunked,', ',chunked', 'chunked\x85', 'Chunked'],
    ].map((value) => post(`Transfer-Encoding: ${value}`, `0\r\n\r\n${hidden}`)),
  ))

it('two Transfer-Encoding fields are refused, whichever of them says what', () =>
  refusedEach(
    ['chunked|chunked', 'chunked|identity', 'identity|chunked', 'chunked|x'].map((pair) => {
      const [first, second] = pair.split('|')
      return post(`Transfer-Encoding: ${first}\r\ntransfer-encoding: ${second}`, `0\r\n\r\n${hidden}`)
    }),
  ))

it('Transfer-Encoding beside Content-Length is refused, in either order', () =>
  refusedEach([
    post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`),
    post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${hidden}`),
    post('Transfer-Encoding: chunked\r\nContent-Length: 0', `0\r\n\r\n${hidden}`),
  ]))

it('a field that goes on in the next line is refused', () =>
  refusedEach([
    post('Transfer-Encoding: chunked\r\n , identity', `0\r\n\r\n${hidden}`),
    post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${hidden}`),
    post('X: y\r\n\tContent-Length: 60'),
    post(' Content-Length: 60'),
    post('Content-Length: 6\r\n 0'),
  ]))

it('a line that ends in LF or CR alone is refused', () =>
  refusedEach([
    post('X: y\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`),
    post('X: y\rTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`),
    post('X: y\r\rContent-Length: 60'),
    'GET /x HTTP/1.1\n{host}\n{auth}\n\n',
    'GET /x HTTP/1.1\r\n{host}\r\n{auth}\r\n\n',
    'GET /x HTTP/1.1\r\n{host}\r\n{auth}\r\n\rX: y\r\n\r\n',
  ]))

it('blanks before the colon or in front of a name are refused', () =>
  refusedEach([
    post('Transfer-Encoding : chunked', `0\r\n\r\n${hidden}`),
    post('Content-Length\t: 60'),
    post('Content-Length\x0b: 60'),
    `GET /x HTTP/1.1\r\n Content-Length: 60\r\n{host}\r\n{auth}\r\n\r\n${hidden}`,
  ]))

it('a Content-Length that is no plain number is refused', () =>
  refusedEach(
    ['', '1 2', '+5', '-0', '0x5', '5, 5', '05', '5\x0b', '5;', '1e1', '18446744073709551621', '\xb2'].map((value) =>
      post(`Content-Length: ${value}`),
    ),
  ))

it('two Content-Length fields are refused, alike, different or empty', () =>
  refusedEach([
    post('Content-Length: 5\r\nContent-Length: 5'),
    post('Content-Length: 0\r\ncontent-length: 60'),
    post('Content-Length:\r\nContent-Length: 60'),
  ]))

it('a field without a name, or with a NUL or control character anywhere, is refused', () =>
  refusedEach([
    post(': x\r\nContent-Length: 60'),
    post(':\r\nContent-Length: 60'),
    post('X: a\0b'),
    post('X\0: a'),
    post('X: a\x01b'),
    post('X: a\x7fb'),
    post('X\x80: a'),
  ]))

it('a name of any length hides no field behind it', async () => {
  // In HAProxy names of 256 and more wrapped round to a length that took a piece of the value along.
  for (const length of [255, 256, 257, 270, 511, 512, 4096]) {
    const name = 'Content-Length0'.padEnd(length, 'a')
    const bytes = `POST /open/x HTTP/1.1\r\n{host}\r\n${name}:\r\nContent-Length: 5\r\n\r\nhello${hidden}`
    const outcome = await watched.attempt(bytes, { responses: 2 })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([200, 403])
    expect(requests.map(({ content }) => content?.toString())).toEqual(['hello'])
  }
})

it('chunk sizes and chunk endings are read by the letter or refused', async () => {
  const chunked = (body: string): string => post('Transfer-Encoding: chunked', body)
  for (const body of [
    ...['5\nhello\r\n0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhelloXX0\r\n\r\n', '5\r\nhello!\r\n0\r\n\r\n'],
    ...[
      '0x5\r\nhello\r\n0\r\n\r\n',
      '+5\r\nhello\r\n0\r\n\r\n',
      '-5\r\nhello\r\n0\r\n\r\n',
      ' 5\r\nhello\r\n0\r\n\r\n',
    ],
    ...['10000000000000005\r\nhello\r\n0\r\n\r\n', '5;a\nb\r\nhello\r\n0\r\n\r\n', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ...['5;a="\n"\r\nhello\r\n0\r\n\r\n', '5_\r\nhello\r\n0\r\n\r\n', '\r\n5\r\nhello\r\n0\r\n\r\n'],
  ]) {
    const outcome = await watched.attempt(chunked(body + hidden))
    const { requests } = await watched.verify(outcome)
    expect({ body, statuses: outcome.responses.map(({ status }) => status) }).toEqual({ body, statuses: [400] })
    expect({ body, whole: requests.filter(({ content }) => content !== undefined).length }).toEqual({ body, whole: 0 })
  }
})

it('chunk extensions are dropped, and end somewhere', async () => {
  const head = 'POST /open/x HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n'
  const short = await watched.attempt(`${head}5;a=b;c="d e"\r\nhello\r\n0;z\r\n\r\n`)
  const { requests } = await watched.verify(short)
  expect(short.responses.map(({ status }) => status)).toEqual([200])
  expect(requests.map(({ content }) => content?.toString())).toEqual(['hello'])

  const long = await watched.attempt(`${head}5;${'a'.repeat(64 * 1024)}\r\nhello\r\n0\r\n\r\n`)
  expect(long.closed).toBeDefined()
  expect((await watched.verify(long)).requests.filter(({ content }) => content !== undefined)).toEqual([])
})

it('a request in the body of a refused one is never run', async () => {
  const inner = `GET /open/hidden HTTP/1.1\r\nHost: ${watched.gateway.host}\r\n\r\n`
  const next = 'GET /open/next HTTP/1.1\r\n{host}\r\n\r\n'
  for (const [target, fields, ...statuses] of [
    ['/x', '', 401, 200],
    ['/x', 'Authorization: Bearer nonsense\r\n', 401, 200],
    ['/admin/x', '{auth}\r\n', 403, 200],
    ['/x?access_token=1', '{auth}\r\n', 400, 200],
    ['/a/../x', '{auth}\r\n', 400],
  ] as const) {
    const head = `GET ${target} HTTP/1.1\r\n{host}\r\n${fields}Content-Length: ${inner.length}\r\n\r\n`
    const outcome = await watched.attempt(head + inner + next, { responses: statuses.length })
    const { requests } = await watched.verify(outcome)
    expect([target, ...outcome.responses.map(({ status }) => status)]).toEqual([target, ...statuses])
    expect(requests.map(({ target: seen }) => seen)).toEqual(statuses.length === 2 ? ['/open/next'] : [])
  }
})

it('a body that was announced and does not come ends in 408, whatever the method', async () => {
  const late = ['GET', 'POST', 'DELETE', 'OPTIONS'].map((method) =>
    watched.attempt(`${method} /x HTTP/1.1\r\n{host}\r\n{auth}\r\nContent-Length: 60\r\n\r\nhello`),
  )
  const outcomes = await Promise.all(late)
  const { requests } = await watched.verify(...outcomes)
  for (const { responses } of outcomes) expect(responses.map(({ status }) => status)).toEqual([408])
  expect(requests.filter(({ content }) => content !== undefined)).toEqual([])
})

it('the connection upstream of a request that broke off carries no other request', async () => {
  const before = watched.upstream.connections.length
  const broken = await watched.attempt('POST /open/x HTTP/1.1\r\n{host}\r\nContent-Length: 60\r\n\r\nhello', {
    toEnd: true,
  })
  const next = await watched.attempt('GET /open/next HTTP/1.1\r\n{host}\r\n\r\n'.repeat(5), { responses: 5 })
  expect(next.responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  await watched.verify(broken, next)
  for (const connection of watched.upstream.connections.slice(before)) {
    const text = connection.bytes().toString('latin1')
    expect(text.includes('POST /open/x') && text.includes('GET /open/next')).toBe(false)
  }
})

it('a request line with more than two spaces, or a target that has one, is refused', () =>
  refusedEach([
    'GET /open/x /admin/y HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n',
    'GET  /open/x HTTP/1.1\r\n{host}\r\n\r\n',
    'GET /open/x  HTTP/1.1\r\n{host}\r\n\r\n',
    'GET\t/open/x HTTP/1.1\r\n{host}\r\n\r\n',
    'GET /open/x\tHTTP/1.1\r\n{host}\r\n\r\n',
    'GET /open/x \0HTTP/1.1\r\n{host}\r\n\r\n',
  ]))

it('HTTP/2 is not spoken: neither its preface nor an upgrade to it goes any further', async () => {
  await expectRefused(watched, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'VERSION_NOT_SUPPORTED')
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n'
  const outcome = await watched.attempt(`GET /open/x HTTP/1.1\r\n{host}\r\n${upgrade}\r\n`)
  expect(outcome.responses.map(({ status }) => status)).toEqual([200])
  const { requests } = await watched.verify(outcome)
  expect(requests.map(({ head }) => /h2c|http2-settings/i.test(head))).toEqual([false])
})

it('CONNECT and TRACE reach no upstream, in any form', () =>
  refusedEach([
    'CONNECT 127.0.0.1:80 HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n',
    `CONNECT /open/x HTTP/1.1\r\n{host}\r\n\r\n${hidden}`,
    'CONNECT http://a/open/x HTTP/1.1\r\nHost: a\r\n\r\n',
    'TRACE /open/x HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n',
  ]))

it('names that every object has are fields, methods and parameters like any other', async () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '__defineGetter__', 'prototype']
  const fields = names.flatMap((name) => [`${name}: 1\r\n`, `${name}: 2\r\n`]).join('')
  const query = names.map((name) => `${name}[a]=1`).join('&')
  const outcome = await watched.attempt(`GET /open/__proto__/constructor?${query} HTTP/1.1\r\n{host}\r\n${fields}\r\n`)
  expect(outcome.responses.map(({ status }) => status)).toEqual([200])
  const { requests } = await watched.verify(outcome)
  for (const name of names) expect(requests[0]?.headerAll(name)).toEqual(['1', '2'])
})

it('thousands of small fields are refused for their number', () =>
  expectRefused(watched, `GET /open/x HTTP/1.1\r\n{host}\r\n${'a: b\r\n'.repeat(5000)}\r\n`, 431, 'HEADERS_TOO_LARGE'))

it('a request without Host is judged and logged where it may leave it out, and refused where it may not', async () => {
  await expectRefused(watched, 'GET /x HTTP/1.0\r\n\r\n', 401, 'INVALID_API_KEY')
  await refusedEach(['GET /open/x HTTP/1.1\r\n\r\n', 'GET /open/x HTTP/1.1\r\nHost:\r\n\r\n'])
})
