import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { certificate, privateKey, writeCertificate } from '../helpers/certificate.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let second: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  second = await startRawUpstream()
  const dead = await startRawUpstream()
  await dead.close()
  gateway = await startGateway(`
upstreams:
  one: { targets: ['${upstream.url}'], response_timeout: 300ms, idle_timeout: 300ms }
  two: { targets: ['${upstream.url}', '${second.url}'] }
  half-dead: { targets: ['${dead.url}', '${upstream.url}'] }
  dead: { targets: ['${dead.url}'] }
  narrow: { targets: ['${upstream.url}'], max_connections: 2 }
routes:
  - { path: /one/*, upstream: one }
  - { path: /two/*, upstream: two }
  - { path: /half-dead/*, upstream: half-dead }
  - { path: /dead/*, upstream: dead }
  - { path: /narrow/*, upstream: narrow }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  second.forget()
  upstream.respond(plainResponse('first'))
  second.respond(plainResponse('second'))
})

describe('several targets', () => {
  it('share the load: the one with less in flight is taken', async () => {
    const release = Promise.withResolvers<void>()
    upstream.respond(async ({ send }) => {
      await release.promise
      send(plainResponse('first'))
    })
    second.respond(async ({ send }) => {
      await release.promise
      send(plainResponse('second'))
    })
    const answers = Array.from({ length: 10 }, () => gateway.request('GET', '/two/x', { key }))
    await eventually('all to be in flight', () => upstream.requests.length + second.requests.length === 10)
    expect([upstream.requests.length, second.requests.length]).toEqual([5, 5])
    release.resolve()
    expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true)
  })

  it('serve every request while one of them is dead', async () => {
    for (let i = 0; i < 10; i += 1) {
      const response = await gateway.request(i % 2 ? 'GET' : 'POST', '/half-dead/x', { key })
      expect([response.status, response.text()]).toEqual([200, 'first'])
    }
    expect(upstream.requests).toHaveLength(10)
  })
})

describe('an upstream that can not be reached', () => {
  it('is 502 UPSTREAM_UNAVAILABLE', async () => {
    expectProblem(await gateway.request('GET', '/dead/x', { key }), 502, 'UPSTREAM_UNAVAILABLE')
    expectProblem(await gateway.request('POST', '/dead/x', { key, body: 'x' }), 502, 'UPSTREAM_UNAVAILABLE')
  })

  it('serves again as soon as it is there again', async () => {
    const late = await startRawUpstream()
    const port = Number(new URL(late.url).port)
    await late.close()
    await using other = await startGateway(`
upstreams: { api: { targets: ['http://127.0.0.1:${port}'] } }
routes: [{ path: /api/*, upstream: api }]
`)
    const otherKey = await other.createKey()
    expect((await other.request('GET', '/api/x', { key: otherKey })).status).toBe(502)
    await using _ = await startRawUpstream({ port })
    await eventually('the upstream to be used again', async () => {
      return (await other.request('GET', '/api/x', { key: otherKey })).status === 200
    })
  })
})

describe('a request is sent once', () => {
  it.each(['GET', 'POST'])('%s is not repeated when the upstream hangs up after it came', async (method) => {
    upstream.respond(({ reset }) => reset())
    const response = await gateway.request(method, '/one/x', { key })
    expect(response.status).toBe(502)
    await gateway.request('GET', '/half-dead/witness', { key })
    expect(upstream.requests.filter(({ target }) => target === '/one/x')).toHaveLength(1)
  })

  it('also when the upstream has closed the idle connection meanwhile: the request takes a new one', async () => {
    upstream.respond(async ({ body, send, end }) => {
      await body()
      send(plainResponse('bye'))
      end()
    })
    for (let i = 0; i < 5; i += 1) {
      expect((await gateway.request('POST', '/one/x', { key, body: 'x' })).text()).toBe('bye')
      await eventually('the connection to be closed', () => upstream.last().connection.isClosed)
    }
    expect(upstream.requests).toHaveLength(5)
  })
})

describe('an upstream that is too slow', () => {
  it('is 504 when no head comes in time, and its connection is not used again', async () => {
    upstream.respond(() => {})
    expectProblem(await gateway.request('GET', '/one/x', { key }), 504, 'UPSTREAM_TIMEOUT')
    await eventually('the connection to be closed', () => upstream.last().connection.isClosed)
  })

  it('is 504 when the head does not come to its end', async () => {
    upstream.respond(({ send }) => send('HTTP/1.1 200 OK\r\nX-A: '))
    expectProblem(await gateway.request('GET', '/one/x', { key }), 504, 'UPSTREAM_TIMEOUT')
  })

  it('is cut off when it falls silent inside a body', async () => {
    using client = await gateway.connect()
    upstream.respond(({ send }) => send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'))
    await client.send(gateway.compose('GET', '/one/x', { key }))
    await client.until('half')
    await client.closed(3000)
    await eventually('the connection to be closed', () => upstream.last().connection.isClosed)
  })

  it('is not cut off as long as something comes', async () => {
    upstream.respond(({ request, send }) => {
      send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
      let sent = 0
      const timer = setInterval(() => {
        send('x')
        sent += 1
        if (sent === 10 || request.connection.isClosed) clearInterval(timer)
      }, 60)
    })
    expect((await gateway.request('GET', '/one/x', { key })).text()).toBe('x'.repeat(10))
  })
})

describe('an answer that is not valid HTTP is 502, and the connection is destroyed', () => {
  it.each([
    ['garbage', 'hello world\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['chunked twice', `HTTP/1.1 200 OK\r\n${'Transfer-Encoding: chunked\r\n'.repeat(2)}\r\n2\r\nok\r\n0\r\n\r\n`],
    ['two different lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['a status in words', 'HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['NUL in a header', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok'],
    ['a bare CR in a header', 'HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 2\r\n\r\nok'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 2\r\n\r\nok'],
    ['a head of a megabyte', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(1_000_000)}\r\nContent-Length: 2\r\n\r\nok`],
    ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('%s', async (_what, bytes) => {
    upstream.respond(bytes)
    expectProblem(await gateway.request('GET', '/one/x', { key }), 502, 'UPSTREAM_PROTOCOL_ERROR')
    await eventually('the connection to be closed', () => upstream.last().connection.isClosed)
  })

  it('an upstream that hangs up without a word is 502', async () => {
    upstream.respond(({ end }) => end())
    expect((await gateway.request('GET', '/one/x', { key })).status).toBe(502)
  })

  it('a second response to one request never reaches anybody', async () => {
    upstream.respond(`${plainResponse('mine')}${plainResponse('poison')}`)
    expect((await gateway.request('GET', '/one/x', { key })).text()).toBe('mine')
    upstream.respond(plainResponse('clean'))
    for (let i = 0; i < 5; i += 1) {
      expect((await gateway.request('GET', '/one/y', { key })).text()).toBe('clean')
    }
  })
})

it('beyond its connections an upstream is 503 OVERLOADED with Retry-After, and has room again afterwards', async () => {
  const release = Promise.withResolvers<void>()
  upstream.respond(async ({ send }) => {
    await release.promise
    send(plainResponse())
  })
  const held = [1, 2].map(() => gateway.request('GET', '/narrow/x', { key }))
  await eventually('both to be in flight', () => upstream.requests.length === 2)
  const refused = await gateway.request('GET', '/narrow/x', { key })
  expectProblem(refused, 503, 'OVERLOADED')
  expect(Number(refused.header('retry-after'))).toBeGreaterThan(0)
  release.resolve()
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
  expect((await gateway.request('GET', '/narrow/x', { key })).status).toBe(200)
})

describe('health checks', () => {
  it('keep requests from a target until it answers 2xx again', async () => {
    let healthy = true
    await using sick = await startRawUpstream({
      script: ({ request, send }) => {
        if (request.target !== '/healthz') send(plainResponse('sick'))
        else send(healthy ? plainResponse() : 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')
      },
    })
    await using checked = await startGateway(`
upstreams:
  api: { targets: ['${sick.url}', '${second.url}'], health: { path: /healthz, every: 50ms } }
routes: [{ path: /api/*, upstream: api }]
`)
    const checkedKey = await checked.createKey()
    const answers = async () => {
      const ask = () => checked.request('GET', '/api/x', { key: checkedKey })
      const responses = await Promise.all(Array.from({ length: 4 }, ask))
      return new Set(responses.map((response) => response.text()))
    }
    await eventually('both targets to be used', async () => (await answers()).size === 2)
    healthy = false
    await eventually('the sick target to be left out', async () => {
      const seen = await answers()
      return seen.size === 1 && seen.has('second')
    })
    sick.forget()
    for (let i = 0; i < 5; i += 1) await answers()
    expect(sick.requests.filter(({ target }) => target !== '/healthz')).toEqual([])
    healthy = true
    await eventually('the target to be used again', async () => (await answers()).size === 2)
  })

  it('carry no key and no identity', async () => {
    await using sick = await startRawUpstream()
    await using _ = await startGateway(`
upstreams: { api: { targets: ['${sick.url}'], health: { path: /healthz, every: 50ms } } }
routes: [{ path: /api/*, upstream: api }]
`)
    const check = await eventually('a health check', () => sick.requests[0])
    expect([check.method, check.target]).toEqual(['GET', '/healthz'])
    expect(check.head).not.toMatch(/^(authorization|x-org|x-key)/im)
  })
})

it('a target that is busy to its limit is not taken for ill by its health check', async () => {
  await using busy = await startRawUpstream({
    script: ({ request, send }) => {
      if (request.target === '/healthz') send(plainResponse())
      else send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n')
    },
  })
  await using own = await startGateway(`
upstreams:
  api: { targets: ['${busy.url}'], max_connections: 1, health: { path: /healthz, every: 100ms, timeout: 100ms } }
routes: [{ path: /*, upstream: api }]
`)
  const ownKey = await own.createKey()
  using streaming = await own.connect()
  await streaming.send(own.compose('GET', '/stream', { key: ownKey }))
  await streaming.head()
  const checks = () => busy.requests.filter(({ target }) => target === '/healthz').length
  const before = checks()
  await eventually('three more checks', () => checks() >= before + 3)
  expectProblem(await own.request('GET', '/x', { key: ownKey }), 503, 'OVERLOADED')
  expect(await own.metrics()).toMatch(/sallyport_upstream_up\{[^}]*\} 1/)
})

it('whose certificate is asked for does not depend on the caller’s Host', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-upstream-'))
  const { cert } = await writeCertificate(folder)
  const asked: string[] = []
  const server = createServer(
    {
      cert: certificate,
      key: privateKey,
      SNICallback(name, callback) {
        asked.push(name)
        callback(null)
      },
    },
    (request, response) => response.end(request.headers.host),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using own = await startGateway(`
upstreams: { api: { targets: ['https://127.0.0.1:${port}'], preserve_host: true, tls: { ca: '${cert}', server_name: localhost } } }
routes: [{ path: /*, upstream: api }]
`)
  const ownKey = await own.createKey()
  for (const host of ['localhost', 'evil.example', 'localhost', '127.0.0.1', 'other.example']) {
    const response = await own.request('GET', '/x', { key: ownKey, host })
    expect([response.status, response.text()]).toEqual([200, host])
  }
  expect(new Set(asked)).toEqual(new Set(['localhost']))
  // All of them went over the one connection.
  expect(asked.length).toBe(1)
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true })
})
