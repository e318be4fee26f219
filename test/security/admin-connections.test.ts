import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAdminServer } from '../../src/admin-api/server.ts'
import { createMetrics } from '../../src/metrics/registry.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { connectRaw, type RawClient } from '../helpers/raw-client.ts'

/** As many as the admin listener takes. */
const all = 1024

let gateway: AdminGateway
const held: Socket[] = []
// One for each: connections of the test before would not be gone at once.
beforeEach(async () => {
  gateway = await startAdmin()
})
afterEach(async () => {
  for (const socket of held.splice(0)) socket.destroy()
  await gateway[Symbol.asyncDispose]()
})

/** Opens connections that each send this and then nothing more. @param answered waits for the first byte of an answer to each. */
async function hold(url: string, text: string, { answered = false, count = all } = {}): Promise<void> {
  const { hostname, port } = new URL(url)
  const opened = Array.from({ length: count }, () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    held.push(socket)
    return new Promise<void>((resolve) => {
      socket.on('connect', () => {
        if (text !== '') socket.write(text)
        if (!answered) resolve()
      })
      socket.once('data', () => resolve())
      // One that is closed for another is what may happen.
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
    })
  })
  await Promise.all(opened)
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

describe('somebody who holds every connection of the admin listener', () => {
  it.each([
    ['without a byte', '', false],
    ['in the middle of a head', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', false],
    ['after an answer', get('/healthz'), true],
    [
      'in the middle of a body',
      'POST /platform/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
      false,
    ],
  ])('%s keeps nobody out', async (_, text, answered) => {
    await hold(gateway.adminUrl, text, { answered })
    for (const path of ['/healthz', '/readyz', '/metrics', '/platform/me']) {
      using client = await connectRaw(gateway.adminUrl)
      const credentials = `Authorization: Bearer ${gateway.adminToken}`
      await client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${credentials}\r\n\r\n`)
      expect([path, (await client.response()).status]).toEqual([path, 200])
    }
  })

  it('closes no request that is being answered, and no connection that was in use last', async () => {
    using stream = await connectRaw(gateway.adminUrl)
    const credentials = `Authorization: Bearer ${gateway.adminToken}`
    await stream.send(`GET /platform/requests/stream HTTP/1.1\r\nHost: localhost\r\n${credentials}\r\n\r\n`)
    expect((await stream.head()).status).toBe(200)
    using probe = await connectRaw(gateway.adminUrl)
    const ask = async (client: RawClient) => {
      await client.send(get('/healthz'))
      return (await client.response()).status
    }
    for (let wave = 0; wave < 4; wave++) {
      expect([wave, await ask(probe)]).toEqual([wave, 200])
      await hold(gateway.adminUrl, '', { count: all / 2 })
    }
    expect(await ask(probe)).toBe(200)
    const before = stream.bytesReceived
    await gateway.request('GET', '/projects/seen')
    await eventually('the stream to go on', () => stream.bytesReceived > before, { withinMs: 5000 })
  })
})

it('where every connection has a request that is being answered, one more is refused and those are not', async () => {
  const released = Promise.withResolvers<void>()
  let waiting = 0
  const server = createAdminServer({
    metrics: createMetrics({ version: '0' }),
    failedChecks: async () => ({}),
    events: { fault: () => undefined },
    plugins: [
      async (app) => {
        app.get('/wait', async () => {
          waiting++
          await released.promise
          return 'done'
        })
      },
    ],
  })
  try {
    const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 })
    const url = `http://${host}:${port}`
    const clients: RawClient[] = []
    for (let made = 0; made < all; made++) {
      const client = await connectRaw(url)
      clients.push(client)
      held.push(client.socket)
      await client.send(get('/wait'))
    }
    await eventually('all of them to wait', () => waiting === all, { withinMs: 10_000 })
    using more = await connectRaw(url)
    await more.closed()
    expect(more.bytesReceived).toBe(0)
    released.resolve()
    const answers = await Promise.all(clients.map(async (client) => (await client.response()).status))
    expect(answers.filter((status) => status === 200)).toHaveLength(all)
    // With room again.
    using next = await connectRaw(url)
    await next.send(get('/healthz'))
    expect((await next.response()).status).toBe(200)
  } finally {
    released.resolve()
    await server.close()
  }
}, 30_000)
