import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream({
    script: async ({ body, send }) => {
      await body(500)
      send(plainResponse())
    },
  })
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
auth_failures: { requests: 1000000, per: 1m }
routes: [{ path: /*, upstream: api }]
timeouts: { head: 200ms, body_idle: 200ms }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Ways to say how long a body is, many of them read differently by different parsers. */
const framings = [
  ...['Content-Length: 0', 'Content-Length: 5', 'Content-Length: 60', 'Content-Length: 05', 'Content-Length: +5'],
  ...['Content-Length: 5, 5', 'Content-Length : 5', 'content-length:5', 'Content-Length: 5 ', 'Content_Length: 5'],
  ...['Content-Length: 5\r\n ', 'Content-Length:\t0', 'Content-Length: \x0b5', 'Content-Length: 0x0'],
  ...[
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:chunked',
  ],
  ...['Transfer-Encoding: xchunked', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked, identity'],
  ...['Transfer-Encoding: identity, chunked', 'Transfer-Encoding:\x0bchunked', 'Transfer-Encoding: chunked\r\n\t'],
  ...[
    'Transfer_Encoding: chunked',
    'Transfer-Encoding\r\n: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rContent-Length: 0',
  ],
  ...['Transfer-Encoding: "chunked"', 'TE: chunked', 'Connection: Content-Length', 'Connection: Transfer-Encoding'],
  ...['Connection: close, Content-Length', 'Upgrade: websocket\r\nConnection: Upgrade', 'Expect: 100-continue'],
]
const bodies = [
  ...['', '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n', '5;x=y\r\nhello\r\n0\r\n\r\n', 'hello', '05\r\nhello\r\n0\r\n\r\n'],
  ...[
    '0\r\nX-Trailer: 1\r\n\r\n',
    '0\n\n',
    '00000000\r\n\r\n',
    '5\r\nhello\r\n0\r\n',
    '0\r\n\r',
    '3c\r\n',
    '+0\r\n\r\n',
    '0 \r\n\r\n',
  ],
]

it('no framing makes the upstream see a request that was hidden in another one and had no key', async () => {
  const message = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'),
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    fields: fc.array(fc.constantFrom(...framings), { minLength: 1, maxLength: 3 }),
    body: fc.constantFrom(...bodies),
  })
  const accepted = new Set<string>()
  await fc.assert(
    fc.asyncProperty(message, async ({ method, version, fields, body }) => {
      const head = [
        `${method} /outer HTTP/${version}`,
        `Host: ${gateway.host}`,
        `Authorization: Bearer ${key.raw}`,
        ...fields,
      ].join('\r\n')
      const hidden = `GET /hidden HTTP/1.1\r\nHost: ${gateway.host}\r\nX-Pad: `
      using client = await gateway.connect()
      await client.send(`${head}\r\n\r\n${body}${hidden}`)
      client.end()
      await client.closed(5000)
      if (/^HTTP\/1\.1 2/.test(client.unread.toString('latin1'))) accepted.add(fields.join())
    }),
    { numRuns: 1500 },
  )
  // Had the gateway and the upstream read one of them differently, the padding would have swallowed this request's head.
  for (let i = 0; i < 20; i += 1) expect((await gateway.request('GET', '/witness', { key })).status).toBe(200)
  expect(upstream.requests.map(({ target }) => target)).not.toContain('/hidden')
  expect(new Set(upstream.requests.map(({ target }) => target))).toEqual(new Set(['/outer', '/witness']))
  for (const request of upstream.requests) {
    const coding = request.headerAll('transfer-encoding')
    const lengths = request.headerAll('content-length')
    expect(coding.length + lengths.length).toBeLessThanOrEqual(1)
  }
  expect(accepted.size).toBeGreaterThan(0)
}, 60_000)
