import { afterEach, expect, it } from 'vitest'
import { ConnectionShares } from '../../../src/proxy/connection-shares.ts'
import { testClock } from '../../helpers/clock.ts'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../../helpers/gateway.ts'
import { expectProblem } from '../../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
const clock = testClock()

async function start(connections: number): Promise<void> {
  upstream = await startRawUpstream()
  gateway = await startGateway(
    `
upstreams: { api: { targets: ['${upstream.url}'], max_connections: ${connections} } }
routes: [{ path: /api/*, upstream: api }, { path: /open/*, public: true, upstream: api }]
`,
    { clock },
  )
  key = await gateway.createKey()
}
afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
})

/** So many uploads that have begun. */
async function hold(count: number, path: string, withKey?: TestKey) {
  const before = upstream.requests.length
  const clients = await Promise.all(Array.from({ length: count }, () => gateway.connect()))
  const head = gateway.compose('POST', path, {
    headers: { 'Content-Length': '1000000' },
    ...(withKey && { key: withKey }),
  })
  // A head goes to the API with the first byte of the body.
  for (const client of clients) await client.send(Buffer.concat([head, Buffer.from('x')]))
  await eventually('them to arrive', () => upstream.requests.length === before + count)
  return clients
}

it('one organization has three quarters of an upstream at most, with as many keys as it likes; others have theirs', async () => {
  await start(100)
  upstream.respond(({ request, send }) => {
    if (request.method === 'GET') send(plainResponse())
  })
  const second = await gateway.createKey()
  const clients = [...(await hold(40, '/api/x', key)), ...(await hold(35, '/api/x', second))]
  for (const each of [key, second])
    expectProblem(await gateway.request('GET', '/api/x', { key: each }), 503, 'OVERLOADED')

  const other = await gateway.createKey({ organizationId: (await gateway.createOrg({ name: 'Other' })).id })
  expect((await gateway.request('GET', '/api/x', { key: other })).status).toBe(200)
  // Somebody without a key is somebody else: of one network.
  expect((await gateway.request('GET', '/open/x')).status).toBe(200)

  clients[0]?.[Symbol.dispose]()
  await eventually('its place to be free', async () => (await gateway.request('GET', '/api/x', { key })).status === 200)
  for (const client of clients) client[Symbol.dispose]()
})

it('of few connections anybody may have all', async () => {
  await start(5)
  upstream.respond(() => {})
  const clients = await hold(5, '/api/x', key)
  expectProblem(await gateway.request('GET', '/api/x', { key }), 503, 'OVERLOADED')
  for (const client of clients) client[Symbol.dispose]()
})

it('whoever comes later has three quarters of what is left, and what is given back is there for all', () => {
  const shares = new ConnectionShares(1024)
  const takeAll = (caller: string): number => {
    let taken = 0
    for (; shares.mayTake(caller); taken++) shares.take(caller)
    return taken
  }
  expect(['first', 'second', 'third', 'fourth', 'first'].map(takeAll)).toEqual([768, 192, 48, 12, 0])
  for (let each = 0; each < 252; each++) shares.giveBack('first')
  expect(takeAll('fifth')).toBe(192)
})

it('a body that only drips is 408 after half a minute, though it never is silent for long; one that comes steadily is not', async () => {
  await start(10)
  upstream.respond(async ({ body, send }) => {
    await body()
    send(plainResponse())
  })
  const [drip] = await hold(1, '/api/x', key)
  const [steady] = await hold(1, '/api/x', key)
  let left = 999_999
  for (let second = 0; second < 62; second++) {
    const bytes = upstream.bytesReceived()
    const piece = Math.min(left, 400)
    left -= piece
    if (drip?.isOpen) await drip.send('x')
    await steady?.send('x'.repeat(piece))
    await eventually('them to arrive', () => upstream.bytesReceived() >= bytes + piece)
    clock.advance(1000)
    // A turn of the sweep that looks at all of them.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expectProblem(await (drip as NonNullable<typeof drip>).response(), 408, 'REQUEST_TIMEOUT')
  await steady?.send('x'.repeat(left))
  expect((await steady?.response())?.status).toBe(200)
  drip?.[Symbol.dispose]()
  steady?.[Symbol.dispose]()
})
