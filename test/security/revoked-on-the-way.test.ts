import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
context: { sign: true }
scopes: { live:read: Read }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /*, upstream: api, scopes: [live:read] }]
`)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Keeps the threads busy that sign, so that a request waits in that step. */
const holdThreads = () =>
  Promise.all(Array.from({ length: 4 }, () => promisify(pbkdf2)('x', 'y', 1_500_000, 64, 'sha512')))

type Change = (store: Store, key: TestKey) => Promise<unknown>
const changes: [string, string, Change][] = [
  [
    'was revoked',
    'INVALID_API_KEY',
    (store, { record }) => store.revokeKey(record.organizationId, record.id, null, testActor),
  ],
  [
    'has lost its scope',
    'INSUFFICIENT_SCOPE',
    (store, { record }) => store.updateKey(record.organizationId, record.id, { scopes: [] }, testActor),
  ],
  [
    'has lost its address',
    'IP_NOT_ALLOWED',
    (store, { record }) => store.updateKey(record.organizationId, record.id, { allowedIps: ['10.0.0.1'] }, testActor),
  ],
]

it.each(changes)(
  'a request whose key %s while it waited in a later step does not reach the API',
  async (_what, code, change) => {
    const key = await gateway.createKey()
    upstream.forget()
    let held = true
    const holding = holdThreads().finally(() => {
      held = false
    })
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/x', { key }))
    await eventually('the request to be under way', async () =>
      (await gateway.metrics()).includes('sallyport_inflight_requests 1'),
    )
    await change(gateway.store, key)
    expect(held).toBe(true)
    await holding
    expectProblem(await client.response(), code === 'INVALID_API_KEY' ? 401 : 403, code)
    expect(upstream.requests).toEqual([])
  },
  20_000,
)

it('a request whose key is renamed while it waited goes on', async () => {
  const key = await gateway.createKey()
  const holding = holdThreads()
  using client = await gateway.connect()
  await client.send(gateway.compose('GET', '/x', { key }))
  await gateway.store.updateKey(key.record.organizationId, key.record.id, { name: 'Renamed' }, testActor)
  await holding
  expect((await client.response()).status).toBe(200)
}, 20_000)
