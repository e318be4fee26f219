import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('a response goes through as it is', () => {
  it.each([200, 201, 202, 207, 226, 301, 302, 307, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599])(
    'status %i',
    async (status) => {
      upstream.respond(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 4\r\n\r\nbody`)
      const response = await gateway.request('GET', '/api/x', { key })
      expect([response.status, response.text()]).toEqual([status, 'body'])
    },
  )

  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', false],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', false],
    ['to the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhello', true],
    ['of 1.0, to the end of the connection', 'HTTP/1.0 200 OK\r\n\r\nhello', true],
  ])('a body %s', async (_what, bytes, closes) => {
    upstream.respond(async ({ body, send, end }) => {
      await body()
      send(bytes)
      if (closes) end()
    })
    expect((await gateway.request('GET', '/api/x', { key })).text()).toBe('hello')
  })

  it('a compressed body, untouched', async () => {
    const zipped = gzipSync('hello '.repeat(1000))
    upstream.respond(async ({ body, send }) => {
      await body()
      send(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${zipped.length}\r\n\r\n`)
      send(zipped)
    })
    const response = await gateway.request('GET', '/api/x', { key })
    expect(response.header('content-encoding')).toBe('gzip')
    expect(response.content.equals(zipped)).toBe(true)
  })

  it('trailers', async () => {
    upstream.respond(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n2\r\nhi\r\n0\r\nX-Checksum: abc\r\n\r\n',
    )
    const response = await gateway.request('GET', '/api/x', { key, headers: { TE: 'trailers' } })
    expect(response.text()).toBe('hi')
    expect(response.trailers.map(([name, value]) => [name.toLowerCase(), value])).toEqual([['x-checksum', 'abc']])
  })
})

describe('a response that has no body', () => {
  it.each([
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200],
    ['to HEAD, in chunks', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 200],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', 304],
    ['204 with a length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 204],
    ['304 with the length of what it stands for', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 304],
  ])('%s leaves the connection in order for the next one', async (_what, method, bytes, status) => {
    upstream.respond(bytes)
    using client = await gateway.connect()
    await client.send(gateway.compose(method, '/api/x', { key }))
    expect((await client.response({ to: method })).status).toBe(status)
    upstream.respond(plainResponse('next'))
    await client.send(gateway.compose('GET', '/api/y', { key }))
    expect((await client.response()).text()).toBe('next')
  })

  it('to HEAD keeps the length that GET would have', async () => {
    upstream.respond('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n')
    expect((await gateway.request('HEAD', '/api/x', { key })).header('content-length')).toBe('12345')
  })
})

describe('interim responses of the upstream', () => {
  it.each([
    ['103', 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'],
    ['102', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['several', 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('(%s) do not disturb the final one', async (_what, interim) => {
    upstream.respond(interim + plainResponse('final'))
    const response = await gateway.request('GET', '/api/x', { key })
    expect([response.status, response.text()]).toEqual([200, 'final'])
    expect(response.header('x-request-id')).toBeDefined()
  })
})

describe('an upstream that dies in the middle of a body', () => {
  const heads = {
    'of known length': 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf',
    'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'inside a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf',
    'of known length, on a connection that closes':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nhalf',
    'in chunks, on a connection that closes':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'inside a chunk, on a connection that closes':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf',
    'in its last chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n',
  }
  const cases = Object.entries(heads).flatMap(([what, bytes]) =>
    (['FIN', 'RST'] as const).map((how) => [what, how, bytes] as const),
  )

  it.each(cases)('(%s, with %s) aborts the client, whose response never looks whole', async (_what, how, bytes) => {
    using client = await gateway.connect()
    upstream.respond(async ({ body, send, end, reset }) => {
      await body()
      send(bytes)
      await client.until('half')
      if (how === 'FIN') end()
      else reset()
    })
    await client.send(gateway.compose('GET', '/api/x', { key }))
    await client.closed(2000)
    expect(client.unread.toString('latin1')).not.toContain('0\r\n\r\n')
  })

  it('aborts a client of 1.0, to whom an orderly end would mean a whole body', async () => {
    using client = await gateway.connect()
    upstream.respond(async ({ body, send, reset }) => {
      await body()
      send(heads['in chunks'])
      await client.until('half')
      reset()
    })
    await client.send(`GET /api/x HTTP/1.0\r\nHost: ${gateway.host}\r\nAuthorization: Bearer ${key.raw}\r\n\r\n`)
    expect(await client.closed(2000)).toBe('reset')
  })

  it('by RST, with a body that ends with the connection, aborts the client', async () => {
    using client = await gateway.connect()
    upstream.respond(async ({ body, send, reset }) => {
      await body()
      send('HTTP/1.1 200 OK\r\n\r\nhalf')
      await client.until('half')
      reset()
    })
    await client.send(gateway.compose('GET', '/api/x', { key }))
    await client.closed(2000)
    expect(client.unread.toString('latin1')).not.toContain('0\r\n\r\n')
  })
})
