import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { logInMember, type TestOperator } from '../helpers/operators.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'
import { expectProblem, type System, startSystem } from './system.ts'

/** Stands in for the rfk platform, along its document: seed 003_9d859b5865b66dbf.txt, from top to bottom. */
let system: System
let target: WebhookTarget
let organization: string
let webhookSecret: string
/** A member with a session and the permission member:manage, and one with the session alone. */
let manager: TestOperator
let viewer: TestOperator
const secrets: string[] = []

beforeAll(async () => {
  target = await startWebhookTarget()
  system = await startSystem('rfk', { ALLOW_PRIVATE_WEBHOOKS: 'true' })
  organization = await system.createOrganization('SOC')
  manager = await logInMember(system, organization, 'admin')
  viewer = await logInMember(system, organization, 'viewer')
  const hook = { url: target.url, events: ['api_key.created', 'api_key.rotated', 'api_key.revoked'] }
  const made = await system.api<{ secret: string }>('POST', `/organizations/${organization}/webhooks`, hook)
  expect(made.status).toBe(201)
  webhookSecret = made.body.secret
  for (const external_id of ['prj_01H', 'prj_02H']) {
    await system.api('POST', `/organizations/${organization}/workspaces`, { name: external_id, external_id })
  }
})
afterAll(async () => {
  await system[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

const inOrganization = (path: string, of = organization) => `/platform/organizations/${of}${path}`
const keyPath = (id: string, action = '') => inOrganization(`/api-keys/${id}${action}`)

interface CreatedResponse {
  readonly key: Record<string, unknown> & { readonly id: string }
  readonly raw_key: string
}

async function createKey(input: Record<string, unknown> = {}): Promise<CreatedResponse> {
  const body = { name: 'A key', scopes: ['analysis:run'], ...input }
  const answer = await manager.browser.send<CreatedResponse>('POST', inOrganization('/api-keys'), body)
  expect([answer.status, answer.body]).toEqual([201, expect.anything()])
  secrets.push(answer.body.raw_key)
  return answer.body
}

const text = expect.any(String)
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
const id = (prefix: string) => expect.stringMatching(new RegExp(`^${prefix}_[0-9a-zA-Z]+$`))

describe('seed 003: the table of endpoints', () => {
  const table: readonly (readonly [method: string, path: string, permission: 'member:manage' | 'Session'])[] = [
    ['POST', '/api-keys', 'member:manage'],
    ['GET', '/api-keys', 'Session'],
    ['GET', '/api-keys/KEY', 'Session'],
    ['PATCH', '/api-keys/KEY', 'member:manage'],
    ['POST', '/api-keys/KEY/revoke', 'member:manage'],
    ['POST', '/api-keys/KEY/rotate', 'member:manage'],
    ['GET', '/api-keys/KEY/usage', 'Session'],
    ['POST', '/service-accounts', 'member:manage'],
    ['GET', '/service-accounts', 'Session'],
    ['GET', '/service-accounts/SA', 'Session'],
    ['PATCH', '/service-accounts/SA', 'member:manage'],
    ['GET', '/jobs', 'Session'],
    ['GET', '/jobs/JOB', 'Session'],
  ]
  const bodies: Readonly<Record<string, unknown>> = {
    'POST /api-keys': { name: 'x', scopes: [] },
    'PATCH /api-keys/KEY': { name: 'x' },
    'POST /service-accounts': { name: 'x', role: 'viewer' },
    'PATCH /service-accounts/SA': { name: 'x' },
  }

  it.each(table)('%s …%s takes %s, and nothing less', async (method, path, permission) => {
    const { key } = await createKey()
    const account = await system.api<{ id: string }>('POST', `/organizations/${organization}/service-accounts`, {
      ...{ name: 'Bot', role: 'viewer' },
    })
    const job = await system.api<{ id: string }>('POST', `/organizations/${organization}/jobs`, { type: 'key_export' })
    const filled = path.replace('KEY', key.id).replace('SA', account.body.id).replace('JOB', job.body.id)
    const where = inOrganization(filled)
    const body = bodies[`${method} ${path}`] ?? (method === 'POST' ? {} : undefined)

    expect((await fetch(`${system.adminUrl}${where}`, { method })).status).toBe(401)
    const asViewer = await viewer.browser.send(method, where, body)
    if (permission === 'Session') expect(asViewer.status).toBe(200)
    else expect([asViewer.status, asViewer.body.code]).toEqual([403, 'FORBIDDEN'])
    const asManager = await manager.browser.send<CreatedResponse>(method, where, body)
    expect([200, 201]).toContain(asManager.status)
    if (asManager.body.raw_key !== undefined) secrets.push(asManager.body.raw_key)

    const elsewhere = await system.createOrganization('Elsewhere')
    const foreign = await manager.browser.send(method, inOrganization(filled, elsewhere), body)
    expect([foreign.status, foreign.body.code]).toEqual([404, 'NOT_FOUND'])
  })
})

const declared = [
  ...[
    'projects:read',
    'projects:write',
    'rulesets:read',
    'rulesets:write',
    'analysis:run',
    'cases:read',
    'cases:write',
  ],
  ...['reviews:read', 'reviews:write', 'versions:read', 'versions:write', 'admin:*'],
]

const apiKeyRecord = {
  ...{ id: id('key'), name: text, description: text, organization_id: id('org'), project_id: null },
  ...{ scopes: expect.any(Array), key_prefix: expect.stringMatching(/^rfk_.{8}$/), is_active: true },
  ...{ last_used_at: null, expires_at: null, created_by: id('usr'), created_at: time, updated_at: time },
}

describe('seed 003: POST …/api-keys', () => {
  it('creates a key with everything that the document shows, and the full value in this answer alone', async () => {
    const asked = {
      ...{ name: 'CI pipeline', description: 'SOC deploy pipeline', expires_in_days: 365, project_id: 'prj_01H' },
      scopes: ['analysis:run', 'projects:read', 'cases:write'],
    }
    const { key, raw_key: raw } = await createKey(asked)
    const { expires_in_days: _, ...kept } = asked
    expect(key).toMatchObject({ ...apiKeyRecord, ...kept, expires_at: time, created_by: manager.id })
    expect(raw).toMatch(/^rfk_[0-9A-Za-z]{36}$/)
    expect(key.key_prefix).toBe(raw.slice(0, 12))
    const days = (Date.parse(String(key.expires_at)) - Date.parse(String(key.created_at))) / 86_400_000
    expect(days).toBeCloseTo(365, 3)
    for (const path of [keyPath(key.id), inOrganization('/api-keys')]) {
      expect(JSON.stringify((await manager.browser.send('GET', path)).body)).not.toContain(raw)
    }
  })

  it('answers with the record and the value, and nothing else', async () => {
    const answer = await manager.browser.send<CreatedResponse>('POST', inOrganization('/api-keys'), {
      ...{ name: 'Two parts', scopes: ['analysis:run'], expires_in_days: 30, project_id: null },
    })
    secrets.push(answer.body.raw_key)
    expect(Object.keys(answer.body).sort()).toEqual(['key', 'raw_key'])
    expect(answer.headers['cache-control']).toContain('no-store')
    expect(answer.body.key).toMatchObject({ ...apiKeyRecord, expires_at: time, description: '' })
  })

  it.each<[what: string, body: Record<string, unknown>]>([
    ['no name', { scopes: ['analysis:run'] }],
    ['no scopes', { name: 'x' }],
    ['a field that the document does not have', { name: 'x', scopes: [], expires_in: 5 }],
  ])('refuses a request with %s', async (_, body) => {
    const refused = await manager.browser.send('POST', inOrganization('/api-keys'), body)
    expect([refused.status, refused.body.code]).toEqual([422, 'VALIDATION_FAILED'])
  })

  it('answers a project that is not there, or is another organization’s, with 404', async () => {
    const elsewhere = await system.createOrganization('Elsewhere')
    const theirs = { name: 'Theirs', external_id: 'prj_theirs' }
    await system.api('POST', `/organizations/${elsewhere}/workspaces`, theirs)
    for (const project_id of ['prj_theirs', 'prj_nothing']) {
      const body = { name: 'x', scopes: [], project_id }
      const refused = await manager.browser.send('POST', inOrganization('/api-keys'), body)
      expect([refused.status, refused.body.code]).toEqual([404, 'NOT_FOUND'])
    }
  })

  it('lets admin:* do what any scope that starts so allows, and no other key', async () => {
    const put = (key: string) => system.call('PUT', '/api/v1/settings/sso', { key, body: {} })
    const { raw_key: all } = await createKey({ scopes: ['admin:*'] })
    expect((await put(all)).status).toBe(200)
    expectProblem(await system.call('GET', '/api/v1/projects', { key: all }), 403, 'INSUFFICIENT_SCOPE')
    expectProblem(await put((await createKey()).raw_key), 403, 'INSUFFICIENT_SCOPE')
  })

  it.each([
    ['projects:read', 'GET', '/api/v1/projects'],
    ['projects:read', 'GET', '/api/v1/projects/prj_01H'],
    ['projects:write', 'POST', '/api/v1/projects'],
    ['rulesets:read', 'GET', '/api/v1/rulesets'],
    ['rulesets:write', 'PUT', '/api/v1/rulesets/1'],
    ['analysis:run', 'POST', '/api/v1/analysis/validate'],
    ['analysis:run', 'POST', '/api/v1/projects/prj_01H/analysis'],
    ['cases:read', 'GET', '/api/v1/projects/prj_01H/cases'],
    ['cases:write', 'POST', '/api/v1/projects/prj_01H/cases'],
    ['reviews:read', 'GET', '/api/v1/reviews/1'],
    ['reviews:write', 'PATCH', '/api/v1/reviews/1'],
    ['versions:read', 'GET', '/api/v1/versions'],
    ['versions:write', 'POST', '/api/v1/versions'],
  ])('asks for %s, and no more, for %s %s', async (scope, method, path) => {
    const body = method === 'GET' ? {} : { body: {} }
    const { raw_key: only } = await createKey({ scopes: [scope], workspace_ids: ['prj_01H'] })
    const passed = await system.call(method, path, { key: only, ...body })
    // Some of it the sample API does not have; the answer is its own.
    expect(passed.body).toEqual(
      passed.status === 404 ? { error: 'not found' } : expect.objectContaining({ caller: expect.anything() }),
    )
    const others = declared.filter((name) => name !== scope)
    const { raw_key: rest } = await createKey({ scopes: others, workspace_ids: ['prj_01H'] })
    const refused = await system.call(method, path, { key: rest, ...body })
    expectProblem(refused, 403, 'INSUFFICIENT_SCOPE')
    expect(refused.body.required_scopes).toEqual([scope])
  })

  it.each([
    ...['projects:read', 'projects:write', 'rulesets:read', 'rulesets:write', 'analysis:run', 'cases:read'],
    ...['cases:write', 'reviews:read', 'reviews:write', 'versions:read', 'versions:write', 'admin:*'],
  ])('accepts the scope %s', async (scope) => {
    expect((await createKey({ scopes: [scope] })).key.scopes).toEqual([scope])
  })

  it.each(['project:read', 'admin', 'reports:*', 'analysis:run ', 'ANALYSIS:RUN'])(
    'refuses the unknown scope %j with 422, and tells where it stands',
    async (scope) => {
      const body = { name: 'x', scopes: ['projects:read', scope] }
      const refused = await manager.browser.send('POST', inOrganization('/api-keys'), body)
      expect([refused.status, refused.body.code]).toEqual([422, 'UNKNOWN_SCOPE'])
      expect(refused.body.errors).toEqual([{ path: 'scopes.1', message: text }])
    },
  )

  it.each([0, 3651, -1, 1.5, '365'])('refuses %j days until expiry with 422', async (days) => {
    const body = { name: 'x', scopes: [], expires_in_days: days }
    const refused = await manager.browser.send('POST', inOrganization('/api-keys'), body)
    expect([refused.status, refused.body.code]).toEqual([422, 'VALIDATION_FAILED'])
  })

  it.each([1, 3650])('takes %d days until expiry', async (days) => {
    const { key } = await createKey({ expires_in_days: days })
    expect(key.expires_at).toEqual(time)
  })

  it('makes a key without expiry of null, and of nothing', async () => {
    expect((await createKey({ expires_in_days: null })).key.expires_at).toBeNull()
    expect((await createKey()).key).toMatchObject(apiKeyRecord)
  })

  it('lets a key with project_id work on that project only', async () => {
    const { raw_key: key } = await createKey({ scopes: ['projects:read', 'analysis:run'], project_id: 'prj_01H' })
    const own = await system.call('GET', '/api/v1/projects/prj_01H', { key })
    expect([own.status, own.body.caller]).toEqual([200, expect.objectContaining({ workspace_id: 'prj_01H' })])
    for (const path of ['/api/v1/projects/prj_02H', '/api/v1/projects/prj_nothing', '/api/v1/projects']) {
      expectProblem(await system.call('GET', path, { key }), 404, 'NOT_FOUND')
    }
    expectProblem(await system.call('POST', '/api/v1/analysis/validate', { key, body: {} }), 404, 'NOT_FOUND')
  })

  it('tells the webhook api_key.created, signed, without the secret', async () => {
    const { key, raw_key: raw } = await createKey({ name: 'Announced' })
    const told = await eventually('the webhook', () =>
      target.ofType('api_key.created').find(({ text }) => text.includes(key.id)),
    )
    new Webhook(webhookSecret).verify(told.text, told.headers)
    expect(told.text).not.toContain(raw)
    expect(told.body).toEqual({ type: 'api_key.created', timestamp: key.created_at, data: key })
  })
})

describe('seed 003: reading and changing keys', () => {
  it('lists the keys of the organization as an array of records without raw_key', async () => {
    const { key } = await createKey()
    const { status, body } = await viewer.browser.send<Record<string, unknown>[]>('GET', inOrganization('/api-keys'))
    expect([status, Array.isArray(body)]).toEqual([200, true])
    expect(body.find((one) => one.id === key.id)).toEqual(key)
    for (const record of body) {
      expect(Object.keys(record)).toEqual(expect.arrayContaining(Object.keys(apiKeyRecord)))
      expect(record).not.toHaveProperty('raw_key')
    }
  })

  it('fetches a specific key', async () => {
    const { key } = await createKey({ name: 'One' })
    const answer = await viewer.browser.send('GET', keyPath(key.id))
    expect([answer.status, answer.body]).toEqual([200, key])
  })

  it('changes name, description and scopes, with effect at once, and never the value', async () => {
    const { key, raw_key: raw } = await createKey()
    expect((await system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })).status).toBe(200)
    const renamed = await manager.browser.send('PATCH', keyPath(key.id), { name: 'Only this' })
    expect(renamed.body).toEqual({
      ...key,
      name: 'Only this',
      last_used_at: renamed.body.last_used_at,
      updated_at: time,
      secrets: renamed.body.secrets,
    })
    const change = { name: 'New', description: 'Newer', scopes: ['projects:read'] }
    const changed = await manager.browser.send('PATCH', keyPath(key.id), change)
    expect([changed.status, changed.body]).toEqual([
      200,
      expect.objectContaining({ ...change, key_prefix: key.key_prefix }),
    ])
    const refused = await system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })
    expectProblem(refused, 403, 'INSUFFICIENT_SCOPE')
    expect((await system.call('GET', '/api/v1/projects', { key: raw })).status).toBe(200)
    for (const body of [{ raw_key: raw }, { key_prefix: 'rfk_00000000' }, { is_active: false }, { scopes: ['nope'] }]) {
      expect((await manager.browser.send('PATCH', keyPath(key.id), body)).status).toBe(422)
    }
  })
})

describe('seed 003: POST …/revoke', () => {
  it('revokes immediately and for good: inactive in the answer, 401 from the next request on', async () => {
    const { key, raw_key: raw } = await createKey()
    expect((await system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })).status).toBe(200)
    const reason = 'Manually rotated after leak'
    const revoked = await manager.browser.send('POST', keyPath(key.id, '/revoke'), { reason })
    expect([revoked.status, revoked.body]).toEqual([
      200,
      expect.objectContaining({ id: key.id, is_active: false, revoked_reason: reason }),
    ])
    const refused = await system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })
    expectProblem(refused, 401, 'INVALID_API_KEY')

    const again = await manager.browser.send('POST', keyPath(key.id, '/revoke'), { reason: 'Another' })
    expect([again.status, again.body.revoked_reason]).toEqual([200, reason])
    expect((await manager.browser.send('POST', keyPath(key.id, '/rotate'), {})).status).toBe(409)
    expect((await manager.browser.send('PATCH', keyPath(key.id), { is_active: true })).status).toBe(422)
    const told = await eventually('the webhook', () =>
      target.ofType('api_key.revoked').find(({ text }) => text.includes(key.id)),
    )
    new Webhook(webhookSecret).verify(told.text, told.headers)
    expect(told.body.data).toMatchObject({ id: key.id, is_active: false, revoked_reason: reason })
  })
})

describe('seed 003: POST …/rotate', () => {
  it('makes a new value for the same id and scopes; the old one is not accepted any more', async () => {
    const { key, raw_key: old } = await createKey()
    const rotated = await manager.browser.send<CreatedResponse>('POST', keyPath(key.id, '/rotate'))
    expect(rotated.status).toBe(200)
    const { raw_key: fresh, key: record } = rotated.body
    secrets.push(fresh)
    expect(record).toMatchObject({ id: key.id, scopes: key.scopes, is_active: true, key_prefix: fresh.slice(0, 12) })
    expect(fresh).not.toBe(old)
    const validate = (raw: string) => system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })
    expectProblem(await validate(old), 401, 'INVALID_API_KEY')
    expect((await validate(fresh)).status).toBe(200)
    expect(Object.keys(rotated.body).sort()).toEqual(['key', 'raw_key'])
  })

  it('keeps the project of the key and its expiry; the secret is shown at no other moment', async () => {
    const { key } = await createKey({ project_id: 'prj_01H', expires_in_days: 10, scopes: ['projects:read'] })
    const rotated = await manager.browser.send<CreatedResponse>('POST', keyPath(key.id, '/rotate'), {})
    secrets.push(rotated.body.raw_key)
    expect(rotated.body.key).toMatchObject({ project_id: 'prj_01H', expires_at: key.expires_at })
    const call = (path: string) => system.call('GET', path, { key: rotated.body.raw_key })
    expect((await call('/api/v1/projects/prj_01H')).status).toBe(200)
    expectProblem(await call('/api/v1/projects/prj_02H'), 404, 'NOT_FOUND')
    expectProblem(await system.api('POST', `/organizations/${organization}/api-keys/${key.id}/reveal`), 409, 'CONFLICT')
  })
})

describe('seed 003: GET …/usage', () => {
  it('tells the last calls of a key, newest first, with all fields of the record', async () => {
    const { key, raw_key: raw } = await createKey()
    const headers = { 'user-agent': 'curl/8.4', 'x-request-id': 'usage-1' }
    await system.call('POST', '/api/v1/analysis/validate?secret=1', { key: raw, body: {}, headers })
    await system.call('GET', '/api/v1/projects', { key: raw })
    const usage = await eventually('the usage to be written', async () => {
      const { body } = await viewer.browser.send<Record<string, unknown>[]>('GET', keyPath(key.id, '/usage'))
      return body.length === 2 && body
    })
    expect(usage[1]).toEqual({
      ...{
        id: expect.stringMatching(/^usage_/),
        key_id: key.id,
        endpoint: '/api/v1/analysis/validate',
        method: 'POST',
      },
      ...{ status_code: 200, duration_ms: expect.any(Number), request_id: 'usage-1', ip_address: '127.0.0.1' },
      ...{ user_agent: 'curl/8.4', created_at: time },
    })
    expect(usage[0]).toMatchObject({ endpoint: '/api/v1/projects', method: 'GET', status_code: 403 })
    const last = await viewer.browser.send<unknown[]>('GET', keyPath(key.id, '/usage?limit=1'))
    expect(last.body).toEqual([usage[0]])
  })
})

describe('seed 003: service accounts', () => {
  const create = (body: Record<string, unknown>) =>
    manager.browser.send<Record<string, unknown> & { id: string }>('POST', inOrganization('/service-accounts'), body)

  it('makes an identity for a system, with a slug and a role, and lists it', async () => {
    const body = { name: 'CI Bot', description: 'Robot that publishes versions from Git', role: 'engineer' }
    const made = await create(body)
    expect([made.status, made.body]).toEqual([
      201,
      expect.objectContaining({
        ...body,
        id: id('sa'),
        slug: 'ci-bot',
        is_active: true,
        created_at: time,
        updated_at: time,
      }),
    ])
    const list = await viewer.browser.send<unknown[]>('GET', inOrganization('/service-accounts'))
    expect(list.body).toContainEqual(made.body)
    const one = await viewer.browser.send('GET', inOrganization(`/service-accounts/${made.body.id}`))
    expect(one.body).toEqual(made.body)
  })

  it.each<[what: string, body: Record<string, unknown>]>([
    ['without a name', { role: 'engineer' }],
    ['with a role that there is not', { name: 'Bot', role: 'robot' }],
    ['that makes it root', { name: 'Bot', role: 'root' }],
  ])('refuses one %s', async (_, body) => {
    const refused = await create(body as never)
    expect([refused.status, refused.body.code]).toEqual([422, 'VALIDATION_FAILED'])
  })

  it('owns keys, so that the API and the request log know which system has called', async () => {
    const { body: account } = await create({ name: 'Publisher', role: 'engineer' })
    const { key, raw_key: raw } = await createKey({ service_account_id: account.id })
    expect(key.service_account_id).toBe(account.id)
    const answer = await system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })
    expect(answer.body.caller).toMatchObject({ service_account_id: account.id, organization_id: organization })
    const owned = await viewer.browser.send<{ id: string }[]>('GET', inOrganization(`/api-keys?owner=${account.id}`))
    expect(owned.body.map((one) => one.id)).toEqual([key.id])
    const rows = await eventually('the call in the request log', async () => {
      const log = inOrganization(`/requests?key_id=${key.id}`)
      const { body } = await viewer.browser.send<Record<string, unknown>[]>('GET', log)
      return body.length > 0 && body
    })
    expect(rows).toEqual([
      expect.objectContaining({ key_id: key.id, path: '/api/v1/analysis/validate', status_code: 200 }),
    ])
  })

  it('changes name, description, role and is_active; keys of an inactive one are refused until it is active again', async () => {
    const { body: account } = await create({ name: 'Old', role: 'viewer' })
    const { raw_key: raw } = await createKey({ service_account_id: account.id })
    const path = inOrganization(`/service-accounts/${account.id}`)
    const change = { name: 'New', description: 'Changed', role: 'engineer', is_active: false }
    const changed = await manager.browser.send('PATCH', path, change)
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(change)])
    const validate = () => system.call('POST', '/api/v1/analysis/validate', { key: raw, body: {} })
    expectProblem(await validate(), 401, 'INVALID_API_KEY')
    await manager.browser.send('PATCH', path, { is_active: true })
    expect((await validate()).status).toBe(200)
  })
})

describe('seed 003: asynchronous jobs', () => {
  interface Job extends Record<string, unknown> {
    readonly id: string
    readonly status: string
  }
  const jobRecord = {
    ...{ id: id('job'), organization_id: id('org'), project_id: null, type: text, status: text },
    ...{ progress: expect.any(Number), created_at: time, updated_at: time, error_message: null },
  }
  const order = async (body: Record<string, unknown>): Promise<Job> => {
    const answer = await manager.browser.send<Job>('POST', inOrganization('/jobs'), body)
    expect([answer.status, answer.body]).toEqual([
      202,
      expect.objectContaining({ ...jobRecord, created_by: manager.id }),
    ])
    return answer.body
  }
  /** As the document recommends: ask again until it is completed, failed or cancelled. */
  const finished = (jobId: string): Promise<Job> =>
    eventually(
      'the job to end',
      async () => {
        const { body } = await viewer.browser.send<Job>('GET', inOrganization(`/jobs/${jobId}`))
        return ['completed', 'failed', 'cancelled'].includes(body.status) && body
      },
      { withinMs: 15_000, everyMs: 50 },
    )

  it('runs long work in the background; the client asks for its state until it is completed, and then has a result', async () => {
    const { id: jobId } = await order({ type: 'key_export' })
    const done = await finished(jobId)
    expect(done).toMatchObject({ ...jobRecord, status: 'completed', started_at: time, completed_at: time })
    expect([done.progress, done.result]).toEqual([done.total, expect.any(Object)])
    const { result: _, ...record } = done
    const list = await viewer.browser.send<Job[]>('GET', inOrganization('/jobs'))
    expect(list.status).toBe(200)
    expect(list.body.find((job) => job.id === jobId)).toEqual(record)
    expect(Object.keys(record).sort()).toEqual(
      [
        ...['id', 'organization_id', 'project_id', 'type', 'status', 'progress', 'total', 'created_by', 'started_at'],
        ...['completed_at', 'error_message', 'created_at', 'updated_at'],
      ].sort(),
    )
  })

  it('can be cancelled on its way', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) =>
      JSON.stringify({
        name: `Imported ${index}`,
        scopes: [],
        sha256: index.toString(16).padStart(64, '0'),
        key_prefix: 'old',
      }),
    )
    const { id: jobId } = await order({ type: 'key_import', params: { format: 'jsonl', data: lines.join('\n') } })
    const cancelled = await manager.browser.send<Job>('POST', inOrganization(`/jobs/${jobId}/cancel`))
    expect(cancelled.status).toBe(200)
    const ended = await finished(jobId)
    expect(ended).toMatchObject({ status: 'cancelled', completed_at: time })
    expect(Number(ended.progress)).toBeLessThan(20_000)
  })

  it('has a result when it is fetched alone, also one that was cancelled; the list has none', async () => {
    const { body: list } = await viewer.browser.send<Job[]>('GET', inOrganization('/jobs'))
    const cancelled = list.find(({ status }) => status === 'cancelled')
    expect(cancelled).toBeDefined()
    expect(list.every((job) => !('result' in job))).toBe(true)
    const one = await viewer.browser.send<Job>('GET', inOrganization(`/jobs/${cancelled?.id}`))
    expect(one.body).toEqual({ ...cancelled, result: expect.any(Object) })
  })

  it.each(['batch_regression', 'git_sync', ''])(
    'leaves jobs of the API to the API: the type %j is 422',
    async (type) => {
      const refused = await manager.browser.send('POST', inOrganization('/jobs'), { type })
      expect([refused.status, refused.body.code]).toEqual([422, 'VALIDATION_FAILED'])
    },
  )

  it('has written no secret anywhere: store, log, metrics, audit trail, webhooks', async () => {
    await system.expectNowhere(secrets)
    const told = target.received.map(({ text, headers }) => text + JSON.stringify(headers)).join()
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
  })
})
