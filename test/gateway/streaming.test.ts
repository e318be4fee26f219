import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, settled, within } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { peakOfBuffers } from '../helpers/memory.ts'
import type { RawClient } from '../helpers/raw-client.ts'

const chunk = randomBytes(65_536)
const chunks = 1600
const totalBytes = chunk.length * chunks
const totalHash = createHash('sha256')
for (let i = 0; i < chunks; i += 1) totalHash.update(chunk)
const expectedHash = totalHash.digest('hex')
/** More than the kernel's socket buffers on all four ends, far less than what is on its way. */
const stallBytesMax = 60_000_000
/** Chunks in passage and what Node keeps in reserve, at most half of the body even when the machine is busy. */
const heldBytesMax = totalBytes / 2

let upstream: HttpUpstream
let gateway: Gateway
let key: TestKey
/** What the upstream does with a request to `/api/<name>`. */
const handlers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
const feeds = new Set<ServerResponse>()

beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => {
    const handler = handlers.get((request.url ?? '').slice('/api/'.length))
    if (handler) handler(request, response)
    else response.writeHead(404).end()
  })
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

/** Sends chunks for as long as there is someone who takes them. @returns how many bytes were taken. */
function pour(client: RawClient, count: number): { taken: () => number; done: Promise<void> } {
  let taken = 0
  const run = async () => {
    for (let i = 0; i < count && client.isOpen && client.socket.writable; i += 1) {
      await client.send(chunk)
      taken += chunk.length
    }
  }
  return { taken: () => taken, done: run() }
}

const uploadHead = (name: string, bytes = totalBytes, options = { key }) =>
  gateway.compose('POST', `/api/${name}`, { ...options, headers: { 'Content-Length': String(bytes) } })

describe('a body of 100 MB', () => {
  it('goes up whole, and is never held in memory', async () => {
    handlers.set('hash', (request, response) => {
      const hash = createHash('sha256')
      request.on('data', (bytes) => hash.update(bytes)).on('end', () => response.end(hash.digest('hex')))
    })
    using client = await gateway.connect()
    const peak = await peakOfBuffers(async () => {
      await client.send(uploadHead('hash'))
      await pour(client, chunks).done
      expect((await client.response({ withinMs: 60_000 })).text()).toBe(expectedHash)
    })
    expect(peak).toBeLessThan(heldBytesMax)
  }, 60_000)

  it('comes down whole, and is never held in memory', async () => {
    handlers.set('download', async (_request, response) => {
      response.writeHead(200, { 'Content-Length': totalBytes })
      for (let i = 0; i < chunks; i += 1) if (!response.write(chunk)) await once(response, 'drain')
      response.end()
    })
    const hash = createHash('sha256')
    const peak = await peakOfBuffers(async () => {
      const headers = { Authorization: `Bearer ${key.raw}` }
      const [response] = (await once(
        httpGet(`${gateway.dataUrl}/api/download`, { headers, agent: false }),
        'response',
      )) as [IncomingMessage]
      for await (const bytes of response) hash.update(bytes as Buffer)
      expect(response.complete).toBe(true)
    })
    expect(hash.digest('hex')).toBe(expectedHash)
    expect(peak).toBeLessThan(heldBytesMax)
  }, 60_000)
})

describe('back-pressure', () => {
  it('of an upstream that does not read reaches the client, and all arrives when it reads on', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>()
    handlers.set('stall', (request, response) => {
      request.on('end', () => response.end('done'))
      arrived.resolve(request)
    })
    using client = await gateway.connect()
    await client.send(uploadHead('stall'))
    const upload = pour(client, chunks)
    const request = await arrived.promise
    expect(await settled('the upload', upload.taken)).toBeLessThan(stallBytesMax)
    let received = 0
    request.on('data', (bytes: Buffer) => {
      received += bytes.length
    })
    await within(15_000, 'the rest of the upload', upload.done)
    expect((await client.response({ withinMs: 10_000 })).text()).toBe('done')
    expect(received).toBe(totalBytes)
  })

  it('of a client that does not read reaches the upstream, and all arrives when it reads on', async () => {
    let written = 0
    handlers.set('flood', async (_request, response) => {
      response.writeHead(200, { 'Content-Length': totalBytes })
      for (let i = 0; i < chunks; i += 1) {
        written += chunk.length
        if (!response.write(chunk)) await once(response, 'drain')
      }
      response.end()
    })
    const headers = { Authorization: `Bearer ${key.raw}` }
    const [response] = (await once(httpGet(`${gateway.dataUrl}/api/flood`, { headers, agent: false }), 'response')) as [
      IncomingMessage,
    ]
    expect(await settled('the download', () => written)).toBeLessThan(stallBytesMax)
    const hash = createHash('sha256')
    for await (const bytes of response) hash.update(bytes as Buffer)
    expect(hash.digest('hex')).toBe(expectedHash)
  })
})

describe('a refused upload', () => {
  it('of a gigabyte is answered 401 at once and not read', async () => {
    using client = await gateway.connect()
    const bytes = 2 ** 30
    await client.send(`POST /api/hash HTTP/1.1\r\nHost: ${gateway.host}\r\nContent-Length: ${bytes}\r\n\r\n`)
    const upload = pour(client, bytes / chunk.length)
    expect((await client.response()).status).toBe(401)
    expect(await settled('the upload', upload.taken)).toBeLessThan(stallBytesMax)
    await client.closed(10_000)
  })

  it('that waits for 100 Continue is never told to go on', async () => {
    let called = false
    handlers.set('continue', (_request, response) => {
      called = true
      response.end('got it')
    })
    const expecting = { headers: { Expect: '100-continue', 'Content-Length': '5' } }
    using refused = await gateway.connect()
    await refused.send(gateway.compose('POST', '/api/continue', { ...expecting, key: gateway.unknownKey() }))
    const response = await refused.response()
    expect([response.status, response.interim.length, called]).toEqual([401, 0, false])

    using accepted = await gateway.connect()
    await accepted.send(gateway.compose('POST', '/api/continue', { ...expecting, key }))
    expect((await accepted.interimOrFinalHead()).status).toBe(100)
    await accepted.send('hello')
    expect((await accepted.response()).text()).toBe('got it')
  })
})

describe('server-sent events', () => {
  beforeAll(() => {
    handlers.set('feed', (_request, response) => {
      feeds.add(response)
      response.on('close', () => feeds.delete(response))
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: hello\n\n')
    })
  })

  it('arrive one by one, each before the next is sent', async () => {
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/api/feed', { key }))
    expect((await client.head()).header('content-type')).toBe('text/event-stream')
    await client.until('data: hello')
    for (let i = 0; i < 20; i += 1) {
      for (const feed of feeds) feed.write(`data: event-${i}\n\n`)
      await client.until(`data: event-${i}\n\n`, 500)
    }
  })

  it('stream to 500 clients at once, and a client that leaves frees its stream upstream at once', async () => {
    await eventually('earlier feeds to end', () => feeds.size === 0)
    const clients = await Promise.all(Array.from({ length: 500 }, () => gateway.connect()))
    const request = gateway.compose('GET', '/api/feed', { key })
    await Promise.all(
      clients.map(async (client) => {
        await client.send(request)
        expect((await client.head({ withinMs: 15_000 })).status).toBe(200)
      }),
    )
    expect(feeds.size).toBe(500)
    for (const feed of feeds) feed.write('data: to all\n\n')
    await Promise.all(clients.map((client) => client.until('data: to all\n\n', 10_000)))
    for (const client of clients) client[Symbol.dispose]()
    await eventually('the streams to end upstream', () => feeds.size === 0, { withinMs: 5000 })
  })
})

describe('a client that goes away', () => {
  it.each(['with RST', 'with FIN on both halves'])(
    '%s in the middle of a download ends the request upstream',
    async (how) => {
      const closed = Promise.withResolvers<boolean>()
      handlers.set('endless', (_request, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write(chunk.subarray(0, 100)), 5)
        response.on('close', () => {
          clearInterval(timer)
          closed.resolve(response.writableFinished)
        })
      })
      using client = await gateway.connect()
      await client.send(gateway.compose('GET', '/api/endless', { key }))
      await client.head()
      if (how === 'with RST') client.reset()
      else client.socket.destroy()
      expect(await within(1000, 'the upstream request to end', closed.promise)).toBe(false)
    },
  )

  it('before the answer ends the request upstream', async () => {
    const arrived = Promise.withResolvers<ServerResponse>()
    handlers.set('never', (_request, response) => arrived.resolve(response))
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/api/never', { key }))
    const closed = once(await arrived.promise, 'close')
    client.reset()
    await within(1000, 'the upstream request to end', closed)
  })

  it('in the middle of an upload aborts the request upstream, which never looks whole', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>()
    handlers.set('partial', (request) => arrived.resolve(request.resume()))
    using client = await gateway.connect()
    await client.send(uploadHead('partial', 100_000))
    await client.send(chunk.subarray(0, 1000))
    const request = await arrived.promise
    const closed = Promise.withResolvers<void>()
    request.on('close', () => closed.resolve()).on('error', () => {})
    client.reset()
    await within(1000, 'the upstream request to end', closed.promise)
    expect(request.complete).toBe(false)
  })
})
