import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import type { RawClient } from '../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway
/** As the command line has it: another handle on the same file. */
let outside: Store

beforeAll(async () => {
  upstream = await startRawUpstream({
    script: async ({ request, body, send }) => {
      await body()
      if (request.header('upgrade') !== undefined) {
        send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      } else if (request.target.startsWith('/projects/') || request.target.endsWith('/feed')) {
        send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\n')
      } else send(plainResponse())
    },
  })
  gateway = await startGateway(
    `
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { live:read: Read }
auth_failures: { requests: 100000, per: 1m }
denials: { requests: 100000, per: 1m }
routes:
  - { path: /plain, upstream: api, scopes: [live:read] }
  - { path: /feed, upstream: api, scopes: [live:read] }
  - { path: '/projects/:id', upstream: api, workspace: ':id' }
  - { path: /open/*, upstream: api, public: true }
`,
    { clock },
  )
  outside = await gateway.openSecondStore()
})
afterAll(async () => {
  await outside.close()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface Subject {
  readonly key: TestKey
  readonly organizationId: string
  readonly serviceAccountId: string
  readonly workspaceId: string
}

async function subject(): Promise<Subject> {
  const { id: organizationId } = await gateway.createOrg()
  const account = await gateway.store.createServiceAccount({ organizationId, name: 'CI', role: 'engineer' }, testActor)
  const workspace = await gateway.store.createWorkspace({ organizationId, name: 'One', externalId: 'one' }, testActor)
  const key = await gateway.createKey({
    organizationId,
    scopes: ['live:read'],
    serviceAccountId: account.id,
    workspaceIds: [workspace.id],
  })
  return { key, organizationId, serviceAccountId: account.id, workspaceId: workspace.id }
}

type Change = (store: Store, subject: Subject) => Promise<unknown>
/** Every way to lose what let a key in: the path that is lost with it, and the answer afterwards. */
const changes: [what: string, path: string, status: number, change: Change][] = [
  [
    'revoked',
    '/plain',
    401,
    (store, { key, organizationId }) => store.revokeKey(organizationId, key.record.id, null, testActor),
  ],
  [
    'deleted',
    '/plain',
    401,
    (store, { key, organizationId }) => store.deleteKey(organizationId, key.record.id, testActor),
  ],
  [
    'rotated away',
    '/plain',
    401,
    (store, { key, organizationId }) => {
      const secret = { sha256: Buffer.alloc(32, key.raw), keyPrefix: 'sk_live_abcd', keySuffix: 'wxyz' }
      return store.rotateKey(organizationId, key.record.id, secret, null, testActor)
    },
  ],
  [
    'suspended with its organization',
    '/plain',
    403,
    (store, { organizationId }) => store.updateOrganization(organizationId, { status: 'suspended' }, testActor),
  ],
  [
    'left without its scope',
    '/plain',
    403,
    (store, { key, organizationId }) => store.updateKey(organizationId, key.record.id, { scopes: [] }, testActor),
  ],
  [
    'kept to other addresses',
    '/plain',
    403,
    (store, { key, organizationId }) =>
      store.updateKey(organizationId, key.record.id, { allowedIps: ['192.0.2.1'] }, testActor),
  ],
  [
    'left without its workspace',
    '/projects/one',
    404,
    (store, { key, organizationId, workspaceId }) =>
      store.ungrantWorkspace(organizationId, key.record.id, workspaceId, testActor),
  ],
  [
    'owned by a service account that is switched off',
    '/plain',
    401,
    (store, { organizationId, serviceAccountId }) =>
      store.updateServiceAccount(organizationId, serviceAccountId, { isActive: false }, testActor),
  ],
]

async function statusOf(key: TestKey, path: string): Promise<number> {
  using client = await gateway.connect()
  await client.send(gateway.compose('GET', path, { key }))
  return (await client.head()).status
}

async function openFeed(key: TestKey, path = '/feed'): Promise<RawClient> {
  const client = await gateway.connect()
  await client.send(gateway.compose('GET', path, { key }))
  expect((await client.head()).status).toBe(200)
  return client
}

async function openSocket(key: TestKey, path = '/feed'): Promise<RawClient> {
  const client = await gateway.connect()
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'eA==',
  }
  await client.send(gateway.compose('GET', path, { key, headers }))
  expect((await client.head()).status).toBe(101)
  return client
}

describe('a key that is changed in the gateway itself', () => {
  it.each(changes)('%s is refused from the very next request', async (_what, path, status, change) => {
    const it = await subject()
    for (let i = 0; i < 2; i += 1) expect(await statusOf(it.key, path)).toBe(200)
    await change(gateway.store, it)
    for (let i = 0; i < 3; i += 1) expect(await statusOf(it.key, path)).toBe(status)
  })

  it('is refused from then on, however many requests race with the change: 0 are accepted afterwards', async () => {
    const { key, organizationId } = await subject()
    const bytes = gateway.compose('GET', '/plain', { key })
    let revokedAt = Number.POSITIVE_INFINITY
    const accepted: number[] = []
    const statuses = new Set<number>()
    const hammer = async () => {
      using client = await gateway.connect()
      while (performance.now() < revokedAt + 100) {
        const startedAt = performance.now()
        await client.send(bytes)
        const { status } = await client.response()
        statuses.add(status)
        if (status === 200) accepted.push(startedAt)
      }
    }
    const hammers = Array.from({ length: 8 }, hammer)
    await eventually('requests to pass', () => accepted.length > 50)
    await gateway.store.revokeKey(organizationId, key.record.id, null, testActor)
    revokedAt = performance.now()
    await Promise.all(hammers)
    expect(accepted.filter((startedAt) => startedAt > revokedAt)).toEqual([])
    expect(statuses).toEqual(new Set([200, 401]))
  })
})

describe('a key that is changed from outside, as the command line does', () => {
  it.each(changes)('%s is refused within a second', async (_what, path, status, change) => {
    const it = await subject()
    expect(await statusOf(it.key, path)).toBe(200)
    await change(outside, it)
    await eventually('the change to be noticed', async () => (await statusOf(it.key, path)) === status, {
      withinMs: 1000,
    })
  })

  it('that was made a moment ago is known at once', async () => {
    const { key } = await subject()
    expect(await statusOf(key, '/plain')).toBe(200)
  })
})

describe('a stream', () => {
  it.each(changes)('and a WebSocket of a key that is %s end within a second', async (_what, plain, _status, change) => {
    const path = plain === '/plain' ? '/feed' : plain
    const it = await subject()
    const bystander = await subject()
    using feed = await openFeed(it.key, path)
    using socket = await openSocket(it.key, path)
    using other = await openFeed(bystander.key, path)
    await change(gateway.store, it)
    await Promise.all([feed.closed(1000), socket.closed(1000)])
    expect(feed.unread.toString('latin1')).not.toContain('0\r\n\r\n')
    expect(other.isOpen).toBe(true)
  })

  it('ends within a second of a revocation from outside, upstream too', async () => {
    const { key, organizationId } = await subject()
    using feed = await openFeed(key)
    const { connection } = upstream.last()
    await outside.revokeKey(organizationId, key.record.id, null, testActor)
    await feed.closed(1000)
    await within(1000, 'the stream to end upstream', connection.closed)
  })

  it('ends within a second of the expiry of its key', async () => {
    const key = await gateway.createKey({ scopes: ['live:read'], expiresAt: clock.now() + 5000 })
    using feed = await openFeed(key)
    using socket = await openSocket(key)
    clock.advance(4999)
    expect(await statusOf(key, '/plain')).toBe(200)
    expect([feed.isOpen, socket.isOpen]).toEqual([true, true])
    clock.advance(1)
    await Promise.all([feed.closed(1000), socket.closed(1000)])
  })

  it('ends within a second of the end of the grace period of its secret; that of the new secret goes on', async () => {
    const key = await gateway.createKey({ scopes: ['live:read'] })
    const fresh = await gateway.rotateKey(key, clock.now() + 5000)
    using old = await openFeed(key)
    using renewed = await openFeed({ ...key, raw: fresh })
    clock.advance(5000)
    await old.closed(1000)
    expect(renewed.isOpen).toBe(true)
  })

  it('outlives a change that takes nothing from it', async () => {
    const { key, organizationId } = await subject()
    using feed = await openFeed(key)
    const { connection } = upstream.last()
    await gateway.store.updateKey(organizationId, key.record.id, { name: 'Another name', scopes: ['*'] }, testActor)
    const { key: revoked, organizationId: other } = await subject()
    using ending = await openFeed(revoked)
    await gateway.store.revokeKey(other, revoked.record.id, null, testActor)
    await ending.closed(1000)
    connection.socket.write('5\r\nstill\r\n')
    await feed.until('still')
  })

  it('of a public route is nobody’s: it goes on, whatever becomes of the key that was sent along', async () => {
    const { key, organizationId } = await subject()
    using open = await openFeed(key, '/open/feed')
    const { connection } = upstream.last()
    using ending = await openFeed(key)
    await gateway.store.revokeKey(organizationId, key.record.id, null, testActor)
    await ending.closed(1000)
    connection.socket.write('5\r\nstill\r\n')
    await open.until('still')
  })
})

it('a key that comes back with its organization is accepted again', async () => {
  const { key, organizationId } = await subject()
  await gateway.store.updateOrganization(organizationId, { status: 'suspended' }, testActor)
  expectProblem(await gateway.request('GET', '/plain', { key }), 403, 'ORGANIZATION_SUSPENDED')
  await gateway.store.updateOrganization(organizationId, { status: 'active' }, testActor)
  expect(await statusOf(key, '/plain')).toBe(200)
})
