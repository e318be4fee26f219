import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type CallOptions, expectProblem, type System, startSystem } from './system.ts'

/** Stands in for Aether365, along its document: seed 002_1b9ba02450a8a1e6.txt, from top to bottom. */
let system: System
let tenant: string
/** As the dashboard gives the first one out; every further key is made with it over the API. */
let token: string
const secrets: string[] = []

beforeAll(async () => {
  system = await startSystem('aether365')
  tenant = await system.createOrganization('Tenant')
  token = (await system.createKey(tenant, { name: 'First' })).raw
  secrets.push(token)
})
afterAll(() => system[Symbol.asyncDispose]())

interface ListedKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
}
interface Enveloped<T> {
  readonly success: boolean
  readonly data: T
  readonly error?: { readonly code: string; readonly message: string }
}
const path = '/tenants/me/api-keys'
const call = <T>(method: string, where: string, options?: CallOptions) =>
  system.call<Enveloped<T>>(method, where, options)

async function create(name: string, key = token): Promise<ListedKey & { readonly key: string }> {
  const answer = await call<ListedKey & { key: string }>('POST', path, { key, body: { name } })
  expect([answer.status, answer.body.success]).toEqual([201, true])
  secrets.push(answer.body.data.key)
  return answer.body.data
}
const list = async (key = token) => (await call<ListedKey[]>('GET', path, { key })).body.data
/** ISO 8601, UTC. */
const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)

describe('seed 002: what a key is', () => {
  it('authenticates a request to the API without anybody’s session', async () => {
    const { key } = await create('No session')
    expect((await call('GET', '/tenants/me/scans', { key })).body).toEqual({ success: true, data: [] })
    expectProblem((await system.call('GET', '/tenants/me/scans')) as never, 401, 'INVALID_API_KEY')
  })

  it('belongs to the tenant that made it: it sees all data of that one and nothing of another', async () => {
    const other = await system.createOrganization('Other tenant')
    const { raw: theirs } = await system.createKey(other)
    const { key: mine } = await create('Mine')
    const scan = await call<{ id: string }>('POST', '/tenants/me/scans', { key: mine, body: {} })
    expect(scan.status).toBe(201)
    expect((await call<unknown[]>('GET', '/tenants/me/scans', { key: token })).body.data).toEqual([scan.body.data])
    expect((await call<unknown[]>('GET', '/tenants/me/scans', { key: theirs })).body.data).toEqual([])
    expect((await list(theirs)).map(({ name }) => name)).toEqual(['A key'])
    const foreign = (await list())[0]?.id ?? ''
    const refused = await call('DELETE', `${path}/${foreign}`, { key: theirs })
    expect([refused.status, refused.body.error?.code]).toEqual([404, 'NOT_FOUND'])
  })

  it.each([
    ['PUT', '/tenants/me/scans/1'],
    ['PATCH', '/tenants/me/scans/1'],
    ['DELETE', '/tenants/me/scans/1'],
    ['GET', '/tenants/me/reports'],
  ])('has the access of a team member to all other data: %s %s reaches the API', async (method, where) => {
    const answer = await system.call(method, where, { key: token })
    // The API's own answer: the sample has no such thing.
    expect([answer.status, answer.body]).toEqual([404, { error: 'not found' }])
  })

  it.each([
    ['GET', '/tenants/me/billing'],
    ['GET', '/tenants/me/billing/invoices'],
    ['POST', '/tenants/me/billing/cards'],
    ['PUT', '/tenants/me/plan'],
    ['PATCH', '/tenants/me/plan/seats'],
  ])('can’t change billing or plan: %s %s is refused, whatever the key may do', async (method, where) => {
    expectProblem(await system.call(method, where, { key: token }), 403, 'ROUTE_DENIED')
  })
})

describe('seed 002: GET /tenants/me/api-keys', () => {
  it('returns all active keys of the tenant, with exactly the five fields of the document', async () => {
    const made = await create('CI pipeline')
    const answer = await call<ListedKey[]>('GET', path, { key: token })
    expect([answer.status, answer.body.success]).toEqual([200, true])
    expect(Object.keys(answer.body).sort()).toEqual(['data', 'success'])
    for (const key of answer.body.data) {
      expect(Object.keys(key).sort()).toEqual(['createdAt', 'id', 'lastUsedAt', 'name', 'prefix'])
    }
    expect(answer.body.data.find(({ id }) => id === made.id)).toEqual({
      ...{ id: made.id, name: 'CI pipeline', prefix: made.key.slice(0, 12), createdAt: timestamp, lastUsedAt: null },
    })
    expect(made.prefix).toMatch(/^ae_live_.{4}$/)
    expect(made.id).toMatch(/^key_/)
  })

  it('leaves out keys that are not active any more, whoever has ended them', async () => {
    const { id } = await create('Ended by the platform')
    expect((await list()).map((key) => key.id)).toContain(id)
    await system.api('POST', `/organizations/${tenant}/api-keys/${id}/revoke`, {})
    expect((await list()).map((key) => key.id)).not.toContain(id)
  })

  it.each(['GET', 'POST', 'DELETE'])('and all of %s, asks for a key first', async (method) => {
    const where = method === 'DELETE' ? `${path}/key_abc123` : path
    expectProblem((await system.call(method, where)) as never, 401, 'INVALID_API_KEY')
  })

  it('never returns the value of a key again, the platform itself can not', async () => {
    const { id, key } = await create('Secret')
    const reveal = await system.api('POST', `/organizations/${tenant}/api-keys/${id}/reveal`)
    expectProblem(reveal, 409, 'CONFLICT')
    const answer = await call('GET', path, { key: token })
    expect(JSON.stringify(answer.body)).not.toContain(key)
    expect(JSON.stringify(answer.body)).not.toContain(token)
  })

  it('tells when a key was last used, once it was', async () => {
    const { id, key } = await create('Used')
    const before = Date.now()
    await call('GET', '/tenants/me/scans', { key })
    const lastUsedAt = await eventually(
      'lastUsedAt',
      async () => (await list()).find((listed) => listed.id === id)?.lastUsedAt,
      // Each look takes one of the 120 requests that the key has in a minute.
      { everyMs: 250 },
    )
    expect(lastUsedAt).toEqual(timestamp)
    expect(Date.parse(lastUsedAt)).toBeGreaterThanOrEqual(before - 1000)
  })
})

describe('seed 002: POST /tenants/me/api-keys', () => {
  it('makes a key from a name, and returns its value this once', async () => {
    const answer = await call<ListedKey & { key: string }>('POST', path, { key: token, body: { name: 'CI pipeline' } })
    secrets.push(answer.body.data.key)
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      success: true,
      data: {
        ...{ id: expect.stringMatching(/^key_/), name: 'CI pipeline' },
        key: expect.stringMatching(/^ae_live_[0-9A-Za-z]{36}$/),
        ...{ prefix: answer.body.data.key.slice(0, 12), createdAt: timestamp, lastUsedAt: null },
      },
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it.each<[what: string, body: unknown]>([
    ['without a name', {}],
    ['with a name that is no text', { name: 1 }],
    ['with a field that there is not', { name: 'x', plan: 'free' }],
  ])('refuses a request %s, in the same envelope', async (_, body) => {
    const answer = await call('POST', path, { key: token, body })
    expect(answer.status).toBe(422)
    const error = { code: 'VALIDATION_FAILED', message: expect.stringMatching(/\S/) }
    expect(answer.body).toEqual({ success: false, error })
  })
})

describe('seed 002: DELETE /tenants/me/api-keys/{keyId}', () => {
  it('revokes for good: the very next request with that key is 401', async () => {
    const { id, key } = await create('Deleted')
    expect((await call('GET', '/tenants/me/scans', { key })).status).toBe(200)
    const answer = await call('DELETE', `${path}/${id}`, { key: token })
    expect([answer.status, answer.body]).toEqual([200, { success: true, data: null }])
    for (const where of ['/tenants/me/scans', path]) {
      expectProblem((await system.call('GET', where, { key })) as never, 401, 'INVALID_API_KEY')
    }
    expect((await list()).some((listed) => listed.id === id)).toBe(false)
    expect((await call('DELETE', `${path}/${id}`, { key: token })).status).toBe(404)
    // Nor does anybody else bring it back.
    const record = `/organizations/${tenant}/api-keys/${id}`
    expectProblem(await system.api('PATCH', record, { name: 'Back' }), 404, 'NOT_FOUND')
    expectProblem(await system.api('POST', `${record}/rotate`, {}), 409, 'CONFLICT')
  })
})

describe('seed 002: using a key', () => {
  it('works for all endpoints, those that manage keys among them, and does not expire', async () => {
    const { key } = await create('Everything')
    expect((await call('GET', '/tenants/me/scans', { key })).status).toBe(200)
    expect((await call('POST', '/tenants/me/scans', { key, body: {} })).status).toBe(201)
    expect((await call('GET', path, { key })).status).toBe(200)
    const me = await system.call<{ key: Record<string, unknown> }>('GET', '/api/v1/me', { key })
    expect(me.body.key.expires_at).toBeNull()
  })

  it('is written down with the key that made it and the key that ended it', async () => {
    const [maker, other] = [await create('Maker'), await create('Other')]
    const made = await create('Made', maker.key)
    await call('DELETE', `${path}/${made.id}`, { key: other.key })
    const { body } = await system.api<{ type: string; target: string; actor: { type: string; id: string } }[]>(
      'GET',
      `/organizations/${tenant}/events?limit=200`,
    )
    const told = body.filter(({ target }) => target === made.id).map(({ type, actor }) => [type, actor.type, actor.id])
    expect(told.reverse()).toEqual([
      ['api_key.created', 'api_key', maker.id],
      ['api_key.deleted', 'api_key', other.id],
    ])
  })

  it('is rotated by making a new key and deleting the old one with it, again and again', async () => {
    let current = await create('Generation 0')
    for (const generation of [1, 2]) {
      const next = await create(`Generation ${generation}`, current.key)
      expect((await call('DELETE', `${path}/${current.id}`, { key: next.key })).status).toBe(200)
      expectProblem((await system.call('GET', path, { key: current.key })) as never, 401, 'INVALID_API_KEY')
      current = next
    }
    expect((await call('GET', '/tenants/me/scans', { key: current.key })).status).toBe(200)
  })
})

describe('seed 002: rate limits', () => {
  it('lets each key make 120 requests a minute, key management included, then 429 with Retry-After', async () => {
    const [busy, calm] = [await create('Busy'), await create('Calm')]
    const statuses = new Set<number>()
    for (let index = 0; index < 120; index++) {
      const where = index % 10 === 0 ? path : '/tenants/me/scans'
      statuses.add((await call('GET', where, { key: busy.key })).status)
    }
    expect(statuses).toEqual(new Set([200]))
    const scans = await system.call('GET', '/tenants/me/scans', { key: busy.key })
    expectProblem(scans, 429, 'RATE_LIMITED')
    const keys = await call('GET', path, { key: busy.key })
    expect([keys.status, keys.body.error?.code]).toEqual([429, 'RATE_LIMITED'])
    for (const { headers } of [scans, keys]) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
    }
    expect((await call('GET', '/tenants/me/scans', { key: calm.key })).status).toBe(200)
  })

  it('has written no secret anywhere: store, log, metrics, audit trail', () => system.expectNowhere(secrets))
})
