import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, within } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

/** Callers that send FIN behind their request: some read on, as nc does, and some are gone. */

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /*, upstream: api }]
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(plainResponse('answered'))
})

describe('a caller that sends FIN behind a whole request and reads on', () => {
  it('gets the answer of the API, which comes later, and then the end', async () => {
    const heard = Promise.withResolvers<void>()
    upstream.respond(async ({ body, send }) => {
      await body()
      await heard.promise
      send(plainResponse('answered'))
    })
    using client = await gateway.connect()
    const ended = once(await end(client, gateway.compose('POST', '/x', { key, body: 'all of it' })), 'end')
    await eventually('the request to arrive', () => upstream.requests[0]?.content?.toString() === 'all of it')
    // It has heard of the end before it hears of the answer.
    await eventually('the end to be heard', () => client.socket.writableFinished)
    heard.resolve()
    expect((await client.response()).text()).toBe('answered')
    await within(2000, 'the end', ended)
  })

  it('gets every byte of an answer that is long in coming, as long as something comes', async () => {
    upstream.respond(({ request, send }) => {
      send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n')
      let sent = 0
      const timer = setInterval(() => {
        if (sent++ < 8 && !request.connection.isClosed) send('x')
        else clearInterval(timer)
      }, 200)
    })
    using client = await gateway.connect()
    await end(client, gateway.compose('GET', '/slow', { key }))
    expect((await client.response()).text()).toBe('xxxxxxxx')
  })

  it('gets the answers to all that it has sent, in order', async () => {
    upstream.respond(({ request, send }) => send(plainResponse(request.target)))
    using client = await gateway.connect()
    const requests = ['/one', '/two', '/three'].map((target) => gateway.compose('GET', target, { key }))
    await end(client, Buffer.concat(requests))
    for (const target of ['/one', '/two', '/three']) expect((await client.response()).text()).toBe(target)
    await client.closed()
  })

  it('gets a refusal', async () => {
    using client = await gateway.connect()
    await end(client, gateway.compose('GET', '/x', { key: gateway.unknownKey() }))
    expectProblem(await client.response(), 401, 'INVALID_API_KEY')
    await client.closed()
  })
})

describe('a caller that leaves without a reset', () => {
  it.each([
    ['before the answer', ''],
    ['in a silence inside of it', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('%s ends the request upstream', async (_what, bytes) => {
    upstream.respond(({ send }) => send(bytes))
    const client = await gateway.connect()
    await client.send(gateway.compose('GET', '/left', { key }))
    await eventually('the request to arrive', () => upstream.requests.length === 1)
    if (bytes !== '') await client.until('half')
    client.socket.destroy()
    await within(3000, 'the request upstream to end', upstream.last().connection.closed)
    expect((await gateway.requestLog()).at(-1)).toMatchObject({ status: bytes === '' ? 0 : 200, code: null })
  })
})

/** Sends bytes and FIN. */
async function end(client: Awaited<ReturnType<Gateway['connect']>>, bytes: Buffer) {
  await client.send(bytes)
  return client.socket.end()
}
