import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, within } from '../helpers/eventually.ts'
import { startGateway, testActor } from '../helpers/gateway.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
/** What requests to /api/slow wait for. */
let release = Promise.withResolvers<void>()

const config = (timeouts: string) => `
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
timeouts: ${timeouts}
`

beforeAll(async () => {
  upstream = await startRawUpstream({
    script: async ({ request, body, send }) => {
      await body()
      if (request.target === '/api/slow') await release.promise
      send(plainResponse('served'))
    },
  })
})
afterAll(() => upstream[Symbol.asyncDispose]())

const readiness = async (url: string) => (await fetch(`${url}/readyz`)).status
const isRefused = (url: string) =>
  connectRaw(url).then(
    (client) => {
      client[Symbol.dispose]()
      return false
    },
    () => true,
  )

describe('a drain', () => {
  it('is over with the last request, whatever its connection promised and whoever has only connected', async () => {
    await using gateway = await startGateway(config('{ drain_timeout: 30s }'))
    const key = await gateway.createKey()
    const last = Promise.withResolvers<void>()
    await using streaming = await startRawUpstream({
      script: async ({ send }) => {
        send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
        await last.promise
        send('4\r\nlast\r\n0\r\n\r\n')
      },
    })
    await gateway.writeConfig(config('{ drain_timeout: 30s }').replace(upstream.url, streaming.url))
    await gateway.app.reload()
    using silent = await gateway.connect()
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/api/x', { key }))
    const head = await client.head()
    expect(head.headerAll('connection')).not.toContain('close')
    const drained = gateway.app.drain()
    await silent.closed()
    last.resolve()
    expect((await client.body(head)).content.toString()).toBe('firstlast')
    await within(2000, 'the end of the drain', drained)
  })

  it('answers who had connected a moment before, and had only not sent the request yet', async () => {
    await using gateway = await startGateway(config('{ drain_timeout: 30s }'))
    const key = await gateway.createKey()
    using fresh = await gateway.connect()
    // Accepted in turn: when a later one is answered, this one has been.
    expect((await gateway.request('GET', '/api/x', { key })).status).toBe(200)
    const drained = gateway.app.drain()
    await eventually('nobody to be taken any more', () =>
      gateway.connect().then(
        (client) => client[Symbol.dispose](),
        () => true,
      ),
    )
    await fresh.send(gateway.compose('GET', '/api/x', { key }))
    const { status, header } = await fresh.response()
    expect([status, header('connection')]).toEqual([200, 'close'])
    await within(2000, 'the end of the drain', drained)
  })

  it('turns readiness off first, still serves for drain_delay, and then closes the door', async () => {
    await using gateway = await startGateway(config('{ drain_delay: 600ms, drain_timeout: 5s }'))
    const key = await gateway.createKey()
    await eventually('the gateway to be ready', async () => (await readiness(gateway.adminUrl)) === 200)
    using idle = await gateway.connect()
    await idle.send(gateway.compose('GET', '/api/x', { key }))
    expect((await idle.response()).headerAll('connection')).not.toContain('close')

    const drained = gateway.app.drain()
    const ready = await fetch(`${gateway.adminUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(ready.headers.get('content-type')).toMatch(/json/)
    const response = await gateway.request('GET', '/api/x', { key })
    expect([response.status, response.header('connection')]).toEqual([200, 'close'])
    await idle.send(gateway.compose('GET', '/api/x', { key }))
    const last = await idle.response()
    expect([last.status, last.header('connection')]).toEqual([200, 'close'])
    await idle.closed()

    await within(3000, 'the drain to end', drained)
    expect(await isRefused(gateway.dataUrl)).toBe(true)
  })

  it('answers what busy callers send while the door closes', async () => {
    await using gateway = await startGateway(config('{ drain_timeout: 5s }'))
    const key = await gateway.createKey()
    const answers: (string | undefined)[] = []
    // Each sends its next request as soon as it has an answer, until one says that it is the last.
    const call = async (): Promise<void> => {
      using client = await gateway.connect()
      for (;;) {
        await client.send(gateway.compose('GET', '/api/x', { key }))
        const response = await client.response()
        answers.push(response.header('connection'))
        if (response.header('connection') === 'close') return
      }
    }
    const callers = Array.from({ length: 20 }, call)
    await eventually('everybody to be busy', () => answers.length > 100)
    await gateway.app.drain()
    await Promise.all(callers)
    expect(answers.filter((connection) => connection === 'close')).toHaveLength(20)
  })

  it('lets requests in flight finish', async () => {
    release = Promise.withResolvers()
    await using gateway = await startGateway(config('{ drain_timeout: 5s }'))
    const key = await gateway.createKey()
    using client = await gateway.connect()
    upstream.forget()
    await client.send(gateway.compose('GET', '/api/slow', { key }))
    await eventually('the request to be in flight', () => upstream.requests.length === 1)
    const drained = gateway.app.drain()
    await eventually('the listener to be closed', () => isRefused(gateway.dataUrl))
    release.resolve()
    expect((await client.response()).text()).toBe('served')
    await client.closed()
    await within(2000, 'the drain to end', drained)
  })

  it('aborts at drain_timeout what has not finished, idle connections not waited for', async () => {
    release = Promise.withResolvers()
    await using gateway = await startGateway(config('{ drain_timeout: 300ms }'))
    const key = await gateway.createKey()
    using client = await gateway.connect()
    using idle = await gateway.connect()
    await idle.send(gateway.compose('GET', '/api/x', { key }))
    await idle.response()
    upstream.forget()
    await client.send(gateway.compose('GET', '/api/slow', { key }))
    await eventually('the request to be in flight', () => upstream.requests.length === 1)
    await within(2000, 'the drain to end', gateway.app.drain())
    await client.closed(1000)
    await idle.closed(1000)
    expect(client.unread.toString()).not.toContain('served')
    release.resolve()
  })

  it('of a gateway with nothing to do is quick', async () => {
    await using gateway = await startGateway(config('{ drain_timeout: 10s }'))
    await within(1000, 'the drain to end', gateway.app.drain())
  })
})

describe('the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s finishes what is in flight, writes its logs and exits 0',
    async (signal) => {
      release = Promise.withResolvers()
      await using gateway = await startGateway(config('{ drain_timeout: 5s }'))
      const key = await gateway.createKey()
      await using process = await spawnGateway(gateway.configFile)
      using client = await connectRaw(process.dataUrl)
      upstream.forget()
      await client.send(gateway.compose('GET', '/api/slow', { key, headers: { 'X-Request-Id': `last-${signal}` } }))
      await eventually('the request to be in flight', () => upstream.requests.length === 1)
      process.child.kill(signal)
      await eventually('the listener to be closed', () => isRefused(process.dataUrl))
      release.resolve()
      expect((await client.response()).text()).toBe('served')
      expect(await within(5000, 'the process to end', process.exited)).toEqual([0, null])
      const { rows } = await gateway.store.listRequests({ keyId: key.record.id })
      expect(rows).toMatchObject([{ requestId: `last-${signal}`, status: 200, path: '/api/slow' }])
    },
  )

  it('exits at once on a second signal', async () => {
    release = Promise.withResolvers()
    await using gateway = await startGateway(config('{ drain_timeout: 60s }'))
    const key = await gateway.createKey()
    await using process = await spawnGateway(gateway.configFile)
    using client = await connectRaw(process.dataUrl)
    upstream.forget()
    await client.send(gateway.compose('GET', '/api/slow', { key }))
    await eventually('the request to be in flight', () => upstream.requests.length === 1)
    process.child.kill('SIGTERM')
    await eventually('the listener to be closed', () => isRefused(process.dataUrl))
    process.child.kill('SIGTERM')
    await within(2000, 'the process to end', process.exited)
    release.resolve()
  })

  it('reads its file again on SIGHUP', async () => {
    await using gateway = await startGateway(config('{ drain_timeout: 5s }'))
    const key = await gateway.createKey()
    await using process = await spawnGateway(gateway.configFile)
    const status = async () => {
      using client = await connectRaw(process.dataUrl)
      await client.send(gateway.compose('GET', '/added/x', { key }))
      return (await client.response()).status
    }
    expect(await status()).toBe(404)
    await gateway.writeConfig(
      `upstreams: { api: { targets: ['${upstream.url}'] } }\nroutes: [{ path: /added/*, upstream: api }]`,
    )
    process.child.kill('SIGHUP')
    await eventually('the new file to be used', async () => (await status()) === 200)
    await gateway.store.revokeKey(gateway.organization.id, key.record.id, null, testActor)
    await eventually('a change by another process to be noticed', async () => (await status()) === 401, {
      withinMs: 1000,
    })
  })
})
