import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const clock = testClock()
let upstream: RawUpstream
let gateway: Gateway

const config = (more = '') => `
upstreams: { api: { targets: ['${upstream.url}'] } }
limits: { minute: { by: key, requests: 10, per: 1m } }
routes: [{ path: /*, upstream: api, limits: [minute] }]
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(), { clock })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('GET /api/v1/me', () => {
  it('tells any valid key who it is, without a scope and without the upstream', async () => {
    const { store, organization } = gateway
    const workspace = await store.createWorkspace(
      { organizationId: organization.id, name: 'One', externalId: 'one' },
      testActor,
    )
    const key = await gateway.createKey({
      name: 'Mine',
      scopes: [],
      workspaceIds: [workspace.id],
      expiresAt: clock.now() + 86_400_000,
      rateLimit: { requests: 5, perMs: 60_000 },
    })
    const response = await gateway.request('GET', '/api/v1/me', { key })
    expect([response.status, response.header('content-type')]).toEqual([
      200,
      expect.stringMatching(/^application\/json\b/),
    ])
    expect(response.json()).toEqual({
      organization: { id: organization.id, name: 'Acme', slug: organization.slug, status: 'active' },
      key: {
        id: key.record.id,
        name: 'Mine',
        key_prefix: key.raw.slice(0, 12),
        environment: 'live',
        created_at: new Date(key.record.createdAt).toISOString(),
        expires_at: new Date(clock.now() + 86_400_000).toISOString(),
        last_used_at: null,
      },
      scopes: [],
      workspaces: expect.arrayContaining([expect.anything()]),
      rate_limits: [
        { name: 'minute', limit: 10, remaining: 10, reset_seconds: 60 },
        { name: 'key', limit: 5, remaining: 4, reset_seconds: 60 },
      ],
      contract_version: '1',
    })
    expect(JSON.stringify(response.json().workspaces)).toContain(workspace.id)
    expect(response.text()).not.toContain(key.raw)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('tells when the key was used last', async () => {
    const key = await gateway.createKey()
    const usedAt = clock.now()
    await gateway.request('GET', '/x', { key })
    await eventually(
      'last_used_at to be written',
      async () => (await gateway.store.findKey(gateway.organization.id, key.record.id))?.lastUsedAt === usedAt,
    )
    clock.advance(31_000)
    await eventually('last_used_at to be shown', async () => {
      const body = (await gateway.request('GET', '/api/v1/me', { key })).json()
      return (body.key as Record<string, unknown>).last_used_at !== null
    })
  })

  it('carries the headers of every answer, and is in the request log', async () => {
    const key = await gateway.createKey({ rateLimit: { requests: 5, perMs: 60_000 } })
    const response = await gateway.request('GET', '/api/v1/me', { key, headers: { 'X-Request-Id': 'me-1' } })
    expect(response.header('x-request-id')).toBe('me-1')
    expect(response.header('ratelimit')).toBe('"key";r=4;t=60')
    const row = (await gateway.requestLog()).find(({ requestId }) => requestId === 'me-1')
    expect(row).toMatchObject({ path: '/api/v1/me', status: 200, keyId: key.record.id, code: null })
  })

  it('refuses what every route refuses', async () => {
    const key = await gateway.createKey()
    expectProblem(await gateway.request('GET', '/api/v1/me'), 401, 'INVALID_API_KEY')
    expectProblem(await gateway.request('GET', '/api/v1/me', { key: gateway.unknownKey() }), 401, 'INVALID_API_KEY')
    expectProblem(await gateway.request('GET', '/api/v1/me?api_key=1', { key }), 400, 'QUERY_TOKEN_REJECTED')
    const other = await gateway.request('POST', '/api/v1/me', { key })
    expectProblem(other, 405, 'METHOD_NOT_ALLOWED')
    expect(other.header('allow')).toContain('GET')
  })

  it('answers HEAD without a body', async () => {
    const key = await gateway.createKey()
    using client = await gateway.connect()
    await client.send(gateway.compose('HEAD', '/api/v1/me', { key }))
    expect((await client.response({ to: 'HEAD' })).status).toBe(200)
    await client.send(gateway.compose('GET', '/api/v1/me', { key }))
    expect((await client.response()).json()).toMatchObject({ key: { id: key.record.id } })
  })

  it('stands at the path that the configuration names, and the usual one is a route then', async () => {
    await using other = await startGateway(config('me: { path: /who, contract_version: "7" }'))
    const key = await other.createKey()
    expect((await other.request('GET', '/who', { key })).json()).toMatchObject({ contract_version: '7' })
    upstream.forget()
    await other.request('GET', '/api/v1/me', { key })
    expect(upstream.last().target).toBe('/api/v1/me')
  })
})
