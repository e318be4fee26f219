import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, within } from '../helpers/eventually.ts'
import { type Gateway, type RequestOptions, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import type { RawClient } from '../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream, type UpstreamRequest } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

beforeAll(async () => {
  upstream = await startRawUpstream()
  const dead = await startRawUpstream()
  await dead.close()
  gateway = await startGateway(`
upstreams:
  api: { targets: ['${upstream.url}'] }
  dead: { targets: ['${dead.url}'] }
scopes: { live:read: Live }
limits: { two: { by: key, requests: 2, per: 1m } }
routes:
  - { path: /ws, upstream: api, scopes: [live:read] }
  - { path: /limited, upstream: api, limits: [two] }
  - { path: /dead, upstream: dead }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(({ send }) => send(accepted))
})

const handshake = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

async function upgrade(target = '/ws', options: RequestOptions = { key }): Promise<RawClient> {
  const client = await gateway.connect()
  await client.send(gateway.compose('GET', target, { ...options, headers: handshake }))
  return client
}

async function open(): Promise<{ client: RawClient; request: UpstreamRequest }> {
  const client = await upgrade()
  expect((await client.head()).status).toBe(101)
  return { client, request: upstream.last() }
}

describe('an accepted upgrade', () => {
  it('passes the handshake and tells the upstream who is calling', async () => {
    using client = await upgrade()
    const head = await client.head()
    expect([head.status, head.header('sec-websocket-accept'), head.header('upgrade')]).toEqual([
      101,
      's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'websocket',
    ])
    expect(head.header('connection')?.toLowerCase()).toBe('upgrade')
    const request = upstream.last()
    expect(request.header('connection')?.toLowerCase()).toBe('upgrade')
    expect(request.header('upgrade')).toBe('websocket')
    expect(request.header('sec-websocket-key')).toBe(handshake['Sec-WebSocket-Key'])
    expect(request.header('x-key-id')).toBe(key.record.id)
    expect(request.header('x-request-id')).toBe(head.header('x-request-id'))
    expect(request.headerAll('authorization')).toEqual([])
  })

  it('carries raw bytes both ways', async () => {
    const { client, request } = await open()
    using _ = client
    const up = randomBytes(300_000)
    await client.send(up)
    await eventually('the bytes to arrive upstream', () => request.connection.unread().length >= up.length)
    expect(request.connection.unread().equals(up)).toBe(true)
    const down = randomBytes(300_000)
    request.connection.socket.write(down)
    await eventually('the bytes to arrive at the client', () => client.unread.length >= down.length)
    expect(client.unread.equals(down)).toBe(true)
  })

  it('carries bytes that come in one packet with the 101', async () => {
    upstream.respond(({ send }) => send(`${accepted}first frame`))
    using client = await upgrade()
    expect((await client.head()).status).toBe(101)
    await client.until('first frame')
  })

  it('does not read what is in the tunnel as a request', async () => {
    const { client, request } = await open()
    using _ = client
    const inner = gateway.compose('GET', '/nowhere')
    await client.send(inner)
    await eventually('the bytes to arrive upstream', () => request.connection.unread().length >= inner.length)
    expect(request.connection.unread().equals(inner)).toBe(true)
    expect(client.unread.length).toBe(0)
  })

  it('ends upstream when the client ends it', async () => {
    const { client, request } = await open()
    client[Symbol.dispose]()
    await within(1000, 'the tunnel to end upstream', request.connection.closed)
  })

  it('ends at the client when the upstream ends it, after the last byte', async () => {
    const { client, request } = await open()
    using _ = client
    request.connection.socket.end('last words')
    await client.closed(1000)
    expect(client.unread.toString()).toBe('last words')
  })

  it('is one row in the request log when it has ended', async () => {
    using client = await upgrade()
    const id = (await client.head()).header('x-request-id')
    client[Symbol.dispose]()
    await eventually('the row', async () => {
      const rows = (await gateway.requestLog()).filter(({ requestId }) => requestId === id)
      return rows.length === 1 && rows[0]?.status === 101
    })
  })
})

describe('the client gets 101', () => {
  it('only after the upstream has sent it', async () => {
    const release = Promise.withResolvers<void>()
    upstream.respond(async ({ send }) => {
      await release.promise
      send(accepted)
    })
    using client = await upgrade()
    await eventually('the handshake to arrive', () => upstream.requests.length === 1)
    await gateway.request('GET', '/api/v1/me', { key })
    expect(client.bytesReceived).toBe(0)
    release.resolve()
    expect((await client.head()).status).toBe(101)
  })

  it.each([200, 400, 403, 426, 503])('not when the upstream answers %i, which goes through', async (status) => {
    upstream.respond(({ send, end }) => {
      send(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno`)
      end()
    })
    using client = await upgrade()
    const response = await client.response()
    expect([response.status, response.text()]).toEqual([status, 'no'])
  })

  it('not when the upstream is not there', async () => {
    using client = await upgrade('/dead')
    expectProblem(await client.response(), 502, 'UPSTREAM_UNAVAILABLE')
  })

  it('not when the upstream hangs up', async () => {
    upstream.respond(({ reset }) => reset())
    using client = await upgrade()
    expect((await client.response()).status).toBe(502)
  })
})

describe('a refused upgrade never reaches the upstream', () => {
  it.each<[string, string, number, string, () => RequestOptions]>([
    ['without a key', '/ws', 401, 'INVALID_API_KEY', () => ({})],
    ['with an unknown key', '/ws', 401, 'INVALID_API_KEY', () => ({ key: gateway.unknownKey() })],
    ['with a key in the query', '/ws?access_token=x', 400, 'QUERY_TOKEN_REJECTED', () => ({ key })],
    ['to no route', '/nowhere', 404, 'NOT_FOUND', () => ({ key })],
  ])('%s', async (_what, target, status, code, options) => {
    using client = await upgrade(target, options())
    expectProblem(await client.response(), status, code)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('for want of a scope, or beyond a limit', async () => {
    const powerless = await gateway.createKey({ scopes: [] })
    using client = await upgrade('/ws', { key: powerless })
    expectProblem(await client.response(), 403, 'INSUFFICIENT_SCOPE')
    for (let i = 0; i < 2; i += 1) {
      using admitted = await upgrade('/limited', { key: powerless })
      expect((await admitted.head()).status).toBe(101)
    }
    upstream.forget()
    using limited = await upgrade('/limited', { key: powerless })
    expectProblem(await limited.response(), 429, 'RATE_LIMITED')
    expect(upstream.bytesReceived()).toBe(0)
  })
})

it('an upgrade to h2c is not passed on, since nobody would judge the requests inside', async () => {
  upstream.respond(plainResponse())
  using client = await gateway.connect()
  const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }
  await client.send(gateway.compose('GET', '/ws', { key, headers }))
  const response = await client.response()
  expect(response.status).not.toBe(101)
  expect(upstream.requests.flatMap((request) => request.headerAll('upgrade'))).toEqual([])
})

it.each([
  ['refused', 'GET', '/ws', 'INVALID_API_KEY'],
  ['that is CONNECT', 'CONNECT', 'a:1', 'BAD_REQUEST'],
])('a request to upgrade %s is accounted for like any other', async (_what, method, target, code) => {
  using client = await gateway.connect()
  await client.send(gateway.compose(method, target, { headers: handshake }))
  await client.closed()
  const rows = await gateway.requestLog()
  expect([rows.at(-1)?.method, rows.at(-1)?.code]).toEqual([method, code])
  expect(await gateway.metrics()).toContain('sallyport_inflight_requests 0')
})

it('an answer other than 101 says that the connection ends with it', async () => {
  upstream.respond(plainResponse('no'))
  const client = await upgrade()
  const response = await client.response()
  expect([response.text(), response.header('connection')]).toEqual(['no', 'close'])
  await client.closed()
})
