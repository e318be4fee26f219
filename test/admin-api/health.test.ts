import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyPluginAsync } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { createReadiness } from '../../src/admin-api/readiness.ts'
import { type AdminServer, type AdminServerOptions, createAdminServer } from '../../src/admin-api/server.ts'
import { createMetrics } from '../../src/metrics/registry.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { expectProblem } from '../helpers/problem.ts'
import { connectRaw, type RawResponse } from '../helpers/raw-client.ts'

const open: AdminServer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

describe('health', () => {
  it('/healthz is 200 while the process lives, whatever the checks say', async () => {
    const { get } = await start({ ready: () => ({ store: false }), draining: () => true })
    const answer = await get('/healthz')
    expect([answer.status, answer.json()]).toEqual([200, { status: 'ok' }])
  })

  it('/readyz is 200 when every check is ok', async () => {
    const { get } = await start({ ready: () => ({ config: true, store: Promise.resolve(true) }) })
    const answer = await get('/readyz')
    expect([answer.status, answer.json()]).toEqual([200, { status: 'ready' }])
  })

  it('/readyz is 503 and names each check that failed, and why, as JSON', async () => {
    const { get } = await start({
      ready: () => ({
        config: true,
        listener: false,
        disk: 'is full',
        store: Promise.reject(new StoreUnavailable('user:password@host refused')),
      }),
    })
    const answer = await get('/readyz')
    expect(answer.status).toBe(503)
    expect(answer.header('content-type')).toMatch(/^application\/json/)
    expect(answer.json()).toEqual({
      status: 'not_ready',
      checks: { listener: 'failed', disk: 'is full', store: 'failed: StoreUnavailable' },
    })
  })

  it('/readyz takes a check that has not answered within a second as failed', async () => {
    const { get } = await start({ ready: () => ({ store: new Promise<never>(() => {}) }) })
    const startedAt = performance.now()
    const answer = await get('/readyz')
    expect([answer.status, answer.json().checks]).toEqual([503, { store: 'no answer within 1000 ms' }])
    expect(performance.now() - startedAt).toBeGreaterThan(900)
  })

  it('/readyz is 503 when the checks themselves can’t be asked', async () => {
    const failing = await start({ ready: () => Promise.reject(new TypeError('no')) })
    expect((await failing.get('/readyz')).json().checks).toEqual({ readiness: 'failed: TypeError' })
  })

  it('/readyz is 503 from the first moment of a drain, also when it was ready just now', async () => {
    let draining = false
    const { get } = await start({ ready: () => ({ store: true }), draining: () => draining })
    expect((await get('/readyz')).status).toBe(200)
    draining = true
    expect((await get('/readyz')).status).toBe(503)
  })

  it('/readyz asks once for a storm of probes, and again a moment later', async () => {
    let asked = 0
    let well = true
    const { get } = await start({
      ready: () => {
        asked++
        return { store: wait(20).then(() => well) }
      },
    })
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('/readyz')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(asked).toBe(1)
    well = false
    await eventually('the change to be seen', async () => (await get('/readyz')).status === 503)
    expect(asked).toBe(2)
  })
})

describe('/metrics', () => {
  it('is what the registry says, in the Prometheus text format', async () => {
    const { get, metrics } = await start()
    metrics.rateLimited('key-minute')
    const answer = await get('/metrics')
    expect(answer.status).toBe(200)
    expect(answer.header('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(answer.text()).toContain('\nsallyport_rate_limited_total{limit="key-minute"} 1\n')
  })

  it('is made once for those who ask at the same time', async () => {
    let made = 0
    const { get } = await start({
      metrics: {
        contentType: 'text/plain',
        text: async () => {
          made++
          await wait(50)
          return 'x 1\n'
        },
      },
    })
    const answers = await Promise.all([1, 2, 3].map(() => get('/metrics')))
    expect(answers.map((answer) => answer.text())).toEqual(['x 1\n', 'x 1\n', 'x 1\n'])
    expect(made).toBe(1)
    await get('/metrics')
    expect(made).toBe(2)
  })

  it('is 500 without a word of the reason when it can’t be made, and the fault is reported', async () => {
    const faults: unknown[] = []
    const { get } = await start({
      metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('inner detail')) },
      events: { fault: (where, error) => faults.push([where, String(error)]) },
    })
    const answer = await get('/metrics')
    expectProblem(answer, 500, 'INTERNAL')
    expect(answer.text()).not.toContain('inner')
    expect(faults).toEqual([['admin listener', 'Error: inner detail']])
  })
})

describe('/.well-known/jwks.json', () => {
  it('shows the keys where context is signed, and is not there otherwise', async () => {
    const signed = await start({ jwks: () => ({ keys: [{ kty: 'OKP' }] }) })
    expect((await signed.get('/.well-known/jwks.json')).json()).toEqual({ keys: [{ kty: 'OKP' }] })
    const plain = await start()
    expectProblem(await plain.get('/.well-known/jwks.json'), 404, 'NOT_FOUND')
  })
})

describe('every answer', () => {
  it.each([
    ['a page', 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a failed check', 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a path that is not there', 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method that is not there', 'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'],
    ['a broken path', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['broken HTTP', 'GET / nonsense\r\n\r\n'],
    ['a missing Host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ])('to %s has a request id, is not cached and gives a browser nothing to work with', async (_what, request) => {
    const { raw } = await start({ ready: () => ({ store: false }) })
    const answer = await raw(request)
    expect(answer.header('x-request-id')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
    expect(answer.header('cache-control')).toBe('no-store')
    expect(answer.header('x-content-type-options')).toBe('nosniff')
    expect(answer.header('x-frame-options')).toBe('DENY')
    expect(answer.header('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(answer.header('referrer-policy')).toBe('no-referrer')
    expect(answer.header('server')).toBeUndefined()
    expect(answer.header('x-powered-by')).toBeUndefined()
  })

  it('has a request id of its own: one from the caller is not repeated', async () => {
    const { raw } = await start()
    const answer = await raw('GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: sk_live_mine\r\n\r\n')
    expect(answer.head).not.toContain('mine')
  })
})

describe('what is wrong is a problem of the catalogue', () => {
  it.each<[string, string, number, string]>([
    ['an unknown path', 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'NOT_FOUND'],
    ['a path in other letters', 'GET /Healthz HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'NOT_FOUND'],
    ['broken percent-encoding', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'BAD_REQUEST_TARGET'],
    ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'BAD_REQUEST'],
    ['two Hosts', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'BAD_REQUEST'],
    ['no HTTP', 'hello\r\n\r\n', 400, 'BAD_REQUEST'],
    [
      'two lengths',
      'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
    ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [
      'a body for a path that is not there, unread',
      'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1000000000\r\n\r\n',
      404,
      'NOT_FOUND',
    ],
    ['JSON that is none', post('/platform/things', '{"a":'), 400, 'BAD_REQUEST'],
    ['another type of body', post('/platform/things', '<a/>', 'text/xml'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'a body beyond a megabyte',
      'POST /platform/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n',
      413,
      'BODY_TOO_LARGE',
    ],
    ['a store that is down', post('/platform/down', '{}'), 503, 'KEY_STORE_UNAVAILABLE'],
    ['an exception', post('/platform/fault', '{}'), 500, 'INTERNAL'],
    ['an expectation that is not known', 'GET /nothing HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 404, 'NOT_FOUND'],
  ])('%s', async (_what, request, status, code) => {
    const { raw } = await start({ plugins: [things] })
    const answer = await raw(request)
    expectProblem(answer, status, code)
    expect(answer.text()).not.toContain('inner detail')
  })

  it.each([
    ['POST', '/healthz', 'GET, HEAD'],
    ['DELETE', '/metrics?x=1', 'GET, HEAD'],
    ['PROPFIND', '/readyz', 'GET, HEAD'],
    ['PUT', '/platform/things', 'POST'],
    ['POST', '/platform/things/7', 'DELETE, GET, HEAD'],
    ['GET', '/platform/files/a/b', 'PUT'],
  ])('%s %s is 405 and names the methods that there are', async (method, target, allow) => {
    const { raw } = await start({ plugins: [things] })
    const answer = await raw(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
    expectProblem(answer, 405, 'METHOD_NOT_ALLOWED')
    expect(answer.header('allow')).toBe(allow)
  })

  it('HEAD is answered like GET, without a body', async () => {
    const { raw } = await start()
    const answer = await raw('HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD')
    expect([answer.status, answer.content.length]).toEqual([200, 0])
  })
})

describe('the listener', () => {
  it('tells the port that it was given, and lets go of it when closed', async () => {
    const { server, url } = await start()
    expect(Number(new URL(url).port)).toBeGreaterThan(0)
    await server.close()
    await expect(connectRaw(url)).rejects.toThrow('ECONNREFUSED')
  })

  it('says why it can’t have an address', async () => {
    const { url } = await start()
    const other = makeServer({})
    await expect(other.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })).rejects.toThrow('EADDRINUSE')
  })

  it('closes within seconds though somebody is waiting for an answer that does not come', async () => {
    const { server, url } = await start({ metrics: { contentType: 'text/plain', text: () => new Promise(() => {}) } })
    using client = await connectRaw(url)
    await client.send('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
    const startedAt = performance.now()
    await server.close()
    expect(performance.now() - startedAt).toBeLessThan(4000)
  })
})

const things: FastifyPluginAsync = async (app) => {
  app.post('/platform/things', async () => ({}))
  app.get('/platform/things/:id', async () => ({}))
  app.delete('/platform/things/:id', async () => ({}))
  app.put('/platform/files/*', async () => ({}))
  app.post('/platform/down', () => Promise.reject(new StoreUnavailable('inner detail')))
  app.post('/platform/fault', () => Promise.reject(new Error('inner detail')))
}

function post(path: string, body: string, type = 'application/json'): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

type TestOptions = Partial<AdminServerOptions> & { readonly ready?: Parameters<typeof createReadiness>[0] }

function makeServer({ ready = () => ({}), ...options }: TestOptions): AdminServer {
  const server = createAdminServer({
    metrics: createMetrics({ version: '0', nodeDefaults: false }),
    failedChecks: createReadiness(ready),
    events: { fault: () => {} },
    ...options,
  })
  open.push(server)
  return server
}

async function start(options: TestOptions = {}) {
  const metrics = createMetrics({ version: '0', nodeDefaults: false })
  const server = makeServer({ metrics, ...options })
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://${host}:${port}`
  const raw = async (bytes: string, to = 'GET'): Promise<RawResponse> => {
    using client = await connectRaw(url)
    await client.send(bytes)
    return await client.response({ to, withinMs: 3000 })
  }
  const get = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  return { server, url, metrics, raw, get }
}
