import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logInMember } from '../helpers/operators.ts'
import { expectProblem, type System, startSystem } from './system.ts'

/** Stands in for the op_live classification API, along its document: seed 001_104230f3beeae492.txt, from top to bottom. */
let system: System
let organization: string
const secrets: string[] = []

beforeAll(async () => {
  system = await startSystem('op-live')
  organization = await system.createOrganization('Acme')
})
afterAll(() => system[Symbol.asyncDispose]())

const keys = (of = organization) => `/organizations/${of}/api-keys`
async function createKey(scopes: readonly string[], input: Record<string, unknown> = {}, of = organization) {
  const key = await system.createKey(of, { scopes, ...input })
  secrets.push(key.raw)
  return key
}

const permissions = ['classify:create', 'scan:create', 'jobs:read', 'results:read', 'credits:read', 'webhooks:write']

describe('seed 001: how to authenticate', () => {
  it('takes a bearer token in the Authorization header', async () => {
    const { raw } = await createKey(['credits:read'])
    expect(raw).toMatch(/^op_live_/)
    const answer = await system.call('GET', '/v1/credits', { key: raw })
    expect([answer.status, answer.body]).toEqual([200, { balance: 1000 }])
  })

  it.each([
    ['POST', '/v1/classify'],
    ['POST', '/v1/scan'],
    ['POST', '/v1/deep-scan'],
    ['GET', '/v1/jobs/job_1'],
    ['GET', '/v1/jobs/job_1/results'],
    ['GET', '/v1/credits'],
    ['POST', '/v1/webhooks'],
    ['POST', '/v1/webhooks/wh_1/test'],
  ])('asks for one with every request: %s %s without is 401', async (method, path) => {
    expectProblem(await system.call(method, path), 401, 'INVALID_API_KEY')
  })

  it.each<[what: string, headers: Record<string, string>]>([
    ['no key', {}],
    ['another scheme', { authorization: 'Basic b3A6bGl2ZQ==' }],
    ['the placeholder of the document', { authorization: 'Bearer op_live_your_key_here' }],
  ])('answers %s with 401 INVALID_API_KEY', async (_, headers) => {
    expectProblem(await system.call('GET', '/v1/credits', { headers }), 401, 'INVALID_API_KEY')
  })

  it('answers a suspended organization with 403 ORGANIZATION_SUSPENDED at once, until it is resumed', async () => {
    const id = await system.createOrganization('Late payer')
    const { raw: key } = await createKey(['credits:read'], {}, id)
    expect((await system.call('GET', '/v1/credits', { key })).status).toBe(200)
    const suspend = { status: 'suspended', reason: 'Unpaid' }
    expect((await system.api('PATCH', `/organizations/${id}`, suspend)).status).toBe(200)
    expectProblem(await system.call('GET', '/v1/credits', { key }), 403, 'ORGANIZATION_SUSPENDED')
    expectProblem(await system.call('GET', '/v1/nowhere', { key }), 403, 'ORGANIZATION_SUSPENDED')
    await system.api('PATCH', `/organizations/${id}`, { status: 'active' })
    expect((await system.call('GET', '/v1/credits', { key })).status).toBe(200)
  })
})

describe('seed 001: creating keys', () => {
  it('shows the full key once, at creation: no list, no look-up and no later request has it', async () => {
    const { raw, record } = await createKey(['jobs:read'])
    const one = await system.api('GET', `${keys()}/${record.id}`)
    const all = await system.api('GET', keys())
    expect(JSON.stringify([one.body, all.body])).not.toContain(raw)
    expect(one.body).not.toHaveProperty('raw_key')
    expectProblem(await system.api('POST', `${keys()}/${record.id}/reveal`), 409, 'CONFLICT')
  })

  it('makes several keys with different permissions for different integrations', async () => {
    const [classifier, reader] = [await createKey(['classify:create']), await createKey(['jobs:read', 'results:read'])]
    const job = await system.call<{ id: string }>('POST', '/v1/classify', { key: classifier.raw, body: { text: 'x' } })
    expect(job.status).toBe(202)
    const path = `/v1/jobs/${job.body.id}`
    expect((await system.call('GET', path, { key: reader.raw })).status).toBe(200)
    expectProblem(await system.call('GET', path, { key: classifier.raw }), 403, 'INSUFFICIENT_SCOPE')
    expectProblem(await system.call('POST', '/v1/classify', { key: reader.raw, body: {} }), 403, 'INSUFFICIENT_SCOPE')
  })

  it('is done in a session of somebody who manages keys; broader access is a further key, or a change of this one', async () => {
    const { browser } = await logInMember(system, organization, 'admin')
    const create = async (scopes: readonly string[]) => {
      const made = await browser.send<{ key: { id: string; scopes: string[] }; raw_key: string }>(
        'POST',
        `/platform${keys()}`,
        { name: 'Integration', scopes },
      )
      expect(made.status).toBe(201)
      secrets.push(made.body.raw_key)
      return made.body
    }
    const narrow = await create(['jobs:read'])
    const broad = await create(['jobs:read', 'credits:read'])
    expect([narrow.key.scopes, broad.key.scopes]).toEqual([['jobs:read'], ['jobs:read', 'credits:read']])
    const credits = (key: string) => system.call('GET', '/v1/credits', { key })
    expect([(await credits(narrow.raw_key)).status, (await credits(broad.raw_key)).status]).toEqual([403, 200])
    const change = { scopes: ['jobs:read', 'credits:read'] }
    expect((await browser.send('PATCH', `/platform${keys()}/${narrow.key.id}`, change)).status).toBe(200)
    expect((await credits(narrow.raw_key)).status).toBe(200)
  })

  it('asks whoever makes a key to select its permissions, among those that there are', async () => {
    const none = await system.api<{ errors: { path: string }[] }>('POST', keys(), { name: 'x' })
    expectProblem(none as never, 422, 'VALIDATION_FAILED')
    expect(none.body.errors.map(({ path }) => path)).toEqual(['scopes'])
    const unknown = await system.api<{ errors: { path: string; message: string }[] }>('POST', keys(), {
      name: 'x',
      scopes: ['jobs:read', 'result:read'],
    })
    expectProblem(unknown as never, 422, 'UNKNOWN_SCOPE')
    expect(unknown.body.errors).toEqual([{ path: 'scopes.1', message: expect.stringContaining('results:read') }])
  })
})

describe('seed 001: keys are scoped to an organization', () => {
  it('counts jobs, credits and rate limits for the organization, not for the key', async () => {
    const id = await system.createOrganization()
    const one = await createKey(permissions, {}, id)
    const other = await createKey(permissions, {}, id)
    const job = await system.call<{ id: string }>('POST', '/v1/deep-scan', { key: one.raw, body: {} })
    const seen = await system.call('GET', `/v1/jobs/${job.body.id}`, { key: other.raw })
    expect(seen.body).toMatchObject({ id: job.body.id, created_by_key: one.record.id })
    const credits = await system.call('GET', '/v1/credits', { key: other.raw })
    expect(credits.body).toEqual({ balance: 980 })
    const limits = await system.call('GET', '/v1/credits', { key: one.raw })
    expect(credits.headers.get('ratelimit')).toMatch(/^"org-minute";r=297;/)
    expect(limits.headers.get('ratelimit')).toMatch(/^"org-minute";r=296;/)
  })

  it('refuses both keys of an organization when it has used up its minute, and says when to retry', async () => {
    const id = await system.createOrganization()
    const [one, other] = [await createKey(['credits:read'], {}, id), await createKey(['credits:read'], {}, id)]
    let last = 0
    for (let call = 0; call < 300; call++) {
      last = (await system.call('GET', '/v1/credits', { key: call % 2 === 0 ? one.raw : other.raw })).status
    }
    expect(last).toBe(200)
    for (const { raw: key } of [one, other]) {
      const refused = await system.call('GET', '/v1/credits', { key })
      expectProblem(refused, 429, 'RATE_LIMITED')
      expect(refused.body.violated_policies).toEqual(['org-minute'])
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    }
  })

  it('needs a key of its own for each organization: one never reaches what another has', async () => {
    const other = await system.createOrganization('Other')
    const [mine, theirs] = [await createKey(permissions), await createKey(permissions, {}, other)]
    const job = await system.call<{ id: string }>('POST', '/v1/scan', { key: theirs.raw, body: {} })
    expect((await system.call('GET', `/v1/jobs/${job.body.id}`, { key: mine.raw })).status).toBe(404)
    expectProblem(await system.api('GET', `${keys()}/${theirs.record.id}`), 404, 'NOT_FOUND')
  })
})

describe('seed 001: permissions', () => {
  it.each([
    ['classify:create', 'POST', '/v1/classify', 202],
    ['scan:create', 'POST', '/v1/scan', 202],
    ['scan:create', 'POST', '/v1/deep-scan', 202],
    ['jobs:read', 'GET', '/v1/jobs/JOB', 200],
    ['results:read', 'GET', '/v1/jobs/JOB/results', 200],
    ['credits:read', 'GET', '/v1/credits', 200],
    ['webhooks:write', 'POST', '/v1/webhooks', 201],
    ['webhooks:write', 'POST', '/v1/webhooks/wh_1/test', 200],
  ])('%s alone opens %s %s; every other permission together does not', async (scope, method, template, status) => {
    const maker = await createKey(['classify:create'])
    const job = await system.call<{ id: string }>('POST', '/v1/classify', { key: maker.raw, body: {} })
    const path = template.replace('JOB', job.body.id)
    const body = method === 'POST' ? { body: {} } : {}
    const only = await createKey([scope])
    expect((await system.call(method, path, { key: only.raw, ...body })).status).toBe(status)
    const others = await createKey(permissions.filter((name) => name !== scope))
    const refused = await system.call(method, path, { key: others.raw, ...body })
    expectProblem(refused, 403, 'INSUFFICIENT_SCOPE')
    expect(refused.body.required_scopes).toEqual([scope])
  })
})

describe('seed 001: good practice', () => {
  it('rotates an exposed key immediately: the old one is dead, id and permissions stay', async () => {
    const { raw, record } = await createKey(['credits:read'])
    expectProblem(await system.call('GET', `/v1/credits?token=${raw}`), 400, 'QUERY_TOKEN_REJECTED')
    const rotated = await system.api<{ key: Record<string, unknown>; raw_key: string }>(
      'POST',
      `${keys()}/${record.id}/rotate`,
    )
    secrets.push(rotated.body.raw_key)
    expect(rotated.body.key).toMatchObject({ id: record.id, scopes: ['credits:read'] })
    expectProblem(await system.call('GET', '/v1/credits', { key: raw }), 401, 'INVALID_API_KEY')
    expect((await system.call('GET', '/v1/credits', { key: rotated.body.raw_key })).status).toBe(200)
  })

  it('lets a read-only integration have just its three permissions', async () => {
    const { raw: key } = await createKey(['jobs:read', 'results:read', 'credits:read'])
    expect((await system.call('GET', '/v1/credits', { key })).status).toBe(200)
    for (const path of ['/v1/classify', '/v1/scan', '/v1/deep-scan', '/v1/webhooks']) {
      expectProblem(await system.call('POST', path, { key, body: {} }), 403, 'INSUFFICIENT_SCOPE')
    }
  })

  it('deletes an active key at any time', async () => {
    const { raw, record } = await createKey(['credits:read'])
    expect((await system.call('GET', '/v1/credits', { key: raw })).status).toBe(200)
    expect((await system.api('DELETE', `${keys()}/${record.id}`)).status).toBe(204)
    expectProblem(await system.call('GET', '/v1/credits', { key: raw }), 401, 'INVALID_API_KEY')
    expect(JSON.stringify((await system.api('GET', keys())).body)).not.toContain(record.id)
  })

  it('finds the keys that a team member who leaves has made, so that they can be replaced; the session is over', async () => {
    const id = await system.createOrganization()
    const leaver = await logInMember(system, id, 'admin')
    const make = { name: 'Theirs', scopes: ['credits:read'] }
    const made = await leaver.browser.send<{ key: { id: string }; raw_key: string }>(
      'POST',
      `/platform${keys(id)}`,
      make,
    )
    const { raw: other } = await createKey(['credits:read'], {}, id)
    secrets.push(made.body.raw_key)
    expect((await system.api('DELETE', `/organizations/${id}/members/${leaver.id}`)).status).toBe(204)
    expect((await leaver.browser.send('GET', `/platform${keys(id)}`)).status).toBe(404)

    const theirs = await system.api<{ id: string; created_by: string }[]>('GET', `${keys(id)}?owner=${leaver.id}`)
    expect(theirs.body.map(({ id, created_by }) => [id, created_by])).toEqual([[made.body.key.id, leaver.id]])
    await system.api('POST', `${keys(id)}/${made.body.key.id}/revoke`, { reason: 'Has left' })
    expectProblem(await system.call('GET', '/v1/credits', { key: made.body.raw_key }), 401, 'INVALID_API_KEY')
    expect((await system.call('GET', '/v1/credits', { key: other })).status).toBe(200)
  })

  it('has a key for each environment, revoked independently', async () => {
    const [live, staging] = [
      await createKey(['credits:read']),
      await createKey(['credits:read'], { environment: 'staging' }),
    ]
    expect([live.raw, staging.raw]).toEqual([expect.stringMatching(/^op_live_/), expect.stringMatching(/^op_staging_/)])
    await system.api('POST', `${keys()}/${staging.record.id}/revoke`, { reason: 'Someone has left' })
    expectProblem(await system.call('GET', '/v1/credits', { key: staging.raw }), 401, 'INVALID_API_KEY')
    expect((await system.call('GET', '/v1/credits', { key: live.raw })).status).toBe(200)
  })

  it('has written no secret anywhere: store, log, metrics, audit trail', () => system.expectNowhere(secrets))
})
