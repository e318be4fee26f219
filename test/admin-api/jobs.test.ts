import { hash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { start } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { newId } from '../../src/ids.ts'
import type { ClaimedJob } from '../../src/store/jobs-store.ts'
import { type AdminApi, type AdminGateway, adminApi, adminConfig, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { type JobAnswer, jobEnd, jsonLines, outputOf, runToEnd } from '../helpers/jobs.ts'

const accept = 'keys: { accept: [{ prefix: old_, length: 24 }] }\n'
const oldKey = () => `old_${randomBytes(10).toString('hex')}`
const sha256 = (text: string) => hash('sha256', text, 'hex')

let gateway: AdminGateway
let jobs: string
beforeAll(async () => {
  gateway = await startAdmin(accept + adminConfig)
  jobs = `/organizations/${gateway.organization.id}/jobs`
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('a job', () => {
  it('is answered 202 with its record, and can be followed to its result', async () => {
    const ordered = await gateway.api<JobAnswer>('POST', jobs, { type: 'key_export' })
    expect(ordered.status).toBe(202)
    expect(Object.keys(ordered.body).sort()).toEqual(recordFields)
    const end = await jobEnd(gateway.api, gateway.organization.id, ordered.body.id)
    expect(Object.keys(end).sort()).toEqual([...recordFields, 'result'].sort())
    expect(end).toMatchObject({ status: 'completed', error_message: null, project_id: null })
    expect(end.progress).toBe(end.total)
  })

  it('is listed newest first, page by page', async () => {
    const ids = []
    for (let made = 0; made < 3; made++) ids.unshift((await runToEnd(gateway, 'key_export')).id)
    const first = await gateway.api<JobAnswer[]>('GET', `${jobs}?limit=2`)
    expect(first.body.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const next = /<\/platform(.+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await gateway.api<JobAnswer[]>('GET', next)
    expect(second.body[0]?.id).toBe(ids[2])
  })

  it('is found by its type and status', async () => {
    const { id } = await runToEnd(gateway, 'request_export')
    const find = async (query: string) =>
      (await gateway.api<JobAnswer[]>('GET', `${jobs}?${query}`)).body.map((job) => job.id)
    expect(await find('type=request_export&status=completed')).toContain(id)
    expect(await find('type=key_export')).not.toContain(id)
    expect(await find('type=request_export&status=failed')).toEqual([])
    for (const query of ['type=bitcoin', 'status=lost']) {
      expect((await gateway.api('GET', `${jobs}?${query}`)).status).toBe(422)
    }
  })

  it('is made once for one Idempotency-Key', async () => {
    const send = () => gateway.api<JobAnswer>('POST', jobs, { type: 'key_export' }, { 'Idempotency-Key': 'export-1' })
    const [first, second] = [await send(), await send()]
    expect([first.status, second.status, second.body.id]).toEqual([202, 202, first.body.id])
  })

  it('of another organization is 404 in every method', async () => {
    const { id } = await runToEnd(gateway, 'key_export')
    const other = await gateway.createOrg({ name: 'Other' })
    for (const [method, path] of [
      ['GET', `/${id}`],
      ['GET', `/${id}/output`],
      ['POST', `/${id}/cancel`],
    ] as const) {
      const answer = await gateway.api(method, `/organizations/${other.id}/jobs${path}`)
      expect([method, path, answer.status]).toEqual([method, path, 404])
    }
  })

  it('goes with its organization, also while it waits', async () => {
    const gone = await gateway.createOrg({ name: 'Gone' })
    await gateway.api('POST', `/organizations/${gone.id}/jobs`, { type: 'key_export' })
    const deleted = await gateway.api('DELETE', `/organizations/${gone.id}`, { confirm: gone.slug })
    expect(deleted.status).toBe(204)
  })

  it.each([
    ['no filter', { type: 'bulk_revoke', params: {} }],
    ['an unknown type', { type: 'mine_bitcoin' }],
    ['an unknown field', { type: 'key_export', params: { colour: 'blue' } }],
    ['nothing to import', { type: 'key_import', params: { format: 'jsonl', data: '\n\n' } }],
    ['a CSV without its first line', { type: 'key_import', params: { format: 'csv', data: 'CI,projects:read\n' } }],
  ])('is refused with 422: %s', async (_, body) => {
    const answer = await gateway.api<{ errors: unknown[] }>('POST', jobs, body)
    expect([answer.status, answer.body.errors.length > 0]).toEqual([422, true])
  })

  it('is 404 when its body names what is another organization’s, as for what does not exist', async () => {
    const other = await gateway.createOrg({ name: 'Body' })
    const { record } = await gateway.createKey({ organizationId: other.id })
    const foreign = await gateway.api('POST', jobs, { type: 'bulk_revoke', params: { ids: [record.id] } })
    const unknown = await gateway.api('POST', jobs, { type: 'bulk_revoke', params: { ids: ['key_none'] } })
    expect([foreign.status, unknown.status]).toEqual([404, 404])
    const owner = await gateway.api('POST', jobs, { type: 'key_export', params: { owner: 'sa_none' } })
    const key = await gateway.api('POST', jobs, { type: 'request_export', params: { key_id: record.id } })
    expect([owner.status, key.status]).toEqual([404, 404])
  })
})

describe('key_import', () => {
  it('lets callers keep the keys of another system, by their hashes', async () => {
    const [first, second] = [oldKey(), oldKey()]
    const data = [
      {
        name: 'By hash',
        scopes: ['projects:read'],
        sha256: sha256(first),
        key_prefix: first.slice(0, 12),
        key_suffix: first.slice(-4),
      },
      { name: 'By key', raw_key: second, expires_in_days: 30, metadata: { from: 'old' } },
    ]
    const end = await runToEnd(gateway, 'key_import', {
      format: 'jsonl',
      data: data.map((line) => JSON.stringify(line)).join('\n'),
    })
    expect(end).toMatchObject({ status: 'completed', progress: 2, total: 2 })
    expect(end.result).toMatchObject({ lines: 2, created: 2, skipped: 0, failed: 0, errors: [] })
    for (const key of [first, second]) {
      expect((await gateway.request('GET', '/api/v1/me', { key })).status).toBe(200)
    }
    const [newest] = await gateway.store.listKeys(gateway.organization.id, { q: 'By key' })
    expect(newest).toMatchObject({ metadata: { from: 'old' }, secrets: [{ keyPrefix: second.slice(0, 12) }] })
  })

  it('takes CSV, with lists as words and quotes as in RFC 4180', async () => {
    const key = oldKey()
    const data = `name,scopes,rate_limit,allowed_ips,metadata,raw_key\r\n"Says ""hi"", twice",projects:read projects:write,100/1m,10.0.0.0/8,"{""team"":""a""}",${key}\r\n`
    const end = await runToEnd(gateway, 'key_import', { format: 'csv', data })
    expect(end.result).toMatchObject({ created: 1, failed: 0 })
    const [made] = await gateway.store.listKeys(gateway.organization.id, { q: 'Says "hi"' })
    expect(made).toMatchObject({
      name: 'Says "hi", twice',
      scopes: ['projects:read', 'projects:write'],
      rateLimit: { requests: 100, perMs: 60_000 },
      allowedIps: ['10.0.0.0/8'],
      metadata: { team: 'a' },
    })
  })

  it('says of each bad line what is wrong with it, and creates the others', async () => {
    const other = await gateway.createOrg({ name: 'Neighbour' })
    const workspace = await gateway.store.createWorkspace({ organizationId: other.id, name: 'Theirs' }, testActor)
    const good = oldKey()
    const lines = [
      JSON.stringify({ name: 'Good', raw_key: good }),
      'not json',
      JSON.stringify({ name: 'Scope', scopes: ['projects:raed'], raw_key: oldKey() }),
      JSON.stringify({ name: 'Theirs', workspace_ids: [workspace.id], raw_key: oldKey() }),
      JSON.stringify({ name: 'Format', raw_key: 'new_0123456789' }),
      JSON.stringify({ name: 'No secret' }),
      JSON.stringify({ name: 'Prefix', sha256: sha256('x'), key_prefix: 'zzz_' }),
      JSON.stringify({ name: `holds ${oldKey()}`, raw_key: oldKey() }),
      JSON.stringify({ name: 'Past', expires_at: '2001-01-01T00:00:00Z', raw_key: oldKey() }),
      `{"name":"One","name":"Two","raw_key":"${oldKey()}"}`,
    ]
    const end = await runToEnd(gateway, 'key_import', { format: 'jsonl', data: lines.join('\n') })
    expect(end.result).toMatchObject({ lines: 10, created: 1, failed: 9 })
    expect(end.result?.errors).toMatchObject([
      { line: 2, path: '', message: 'is not JSON' },
      { line: 3, path: 'scopes.0', message: expect.stringContaining('did you mean "projects:read"') },
      { line: 4, path: 'workspace_ids', message: 'is not in this organization' },
      { line: 5, path: 'raw_key', message: expect.stringContaining('keys.accept') },
      { line: 6, path: 'sha256', message: expect.stringContaining('keys.reveal') },
      { line: 7, path: 'key_prefix', message: expect.stringContaining('keys.accept') },
      { line: 8, path: 'name', message: expect.stringContaining('shaped like a key') },
      { line: 9, path: 'expires_at', message: 'is over already' },
      { line: 10, path: '', message: 'has a name twice' },
    ])
    const { text } = await outputOf(gateway, end.id)
    expect(jsonLines(text).map(({ line, status }) => `${line} ${status}`)).toEqual([
      '1 created',
      ...[2, 3, 4, 5, 6, 7, 8, 9, 10].map((line) => `${line} failed`),
    ])
  })

  it('skips what is there already, so that the same file can be sent again', async () => {
    const data = JSON.stringify({ name: 'Twice', raw_key: oldKey() })
    const first = await runToEnd(gateway, 'key_import', { format: 'jsonl', data: `${data}\n${data}` })
    const second = await runToEnd(gateway, 'key_import', { format: 'jsonl', data })
    expect([first.result, second.result]).toMatchObject([
      { created: 1, skipped: 1 },
      { created: 0, skipped: 1 },
    ])
  })

  it('takes no hash that another organization has, and says no more than that', async () => {
    const key = oldKey()
    const other = await gateway.createOrg({ name: 'First' })
    const secret = { sha256: Buffer.from(sha256(key), 'hex'), keyPrefix: key.slice(0, 12), keySuffix: key.slice(-4) }
    await gateway.store.createKey(
      { organizationId: other.id, name: 'Theirs', scopes: [], environment: 'live', secret },
      testActor,
    )
    const end = await runToEnd(gateway, 'key_import', {
      format: 'jsonl',
      data: JSON.stringify({ name: 'Mine', raw_key: key }),
    })
    expect(end.result).toMatchObject({ created: 0, failed: 1, errors: [{ line: 1, path: 'sha256' }] })
  })

  it('leaves no raw key in any file of the data folder', async () => {
    const keys = Array.from({ length: 60 }, oldKey)
    const wrong = oldKey().slice(0, -1)
    const lines = [...keys, wrong].map((raw_key, index) => JSON.stringify({ name: `Left ${index}`, raw_key }))
    await runToEnd(gateway, 'key_import', { format: 'jsonl', data: lines.join('\n') })
    const folder = dirname(gateway.storeFile)
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'latin1')))
    expect(files.some((text) => text.includes('Left 59'))).toBe(true)
    for (const key of [...keys, wrong]) expect(files.some((text) => text.includes(key))).toBe(false)
  })
})

describe('exports', () => {
  it('key_export writes what the admin API shows, as JSON lines or CSV, and neither secrets nor hashes', async () => {
    const { organization, api } = gateway
    const made = await gateway.createKey({ name: '=HYPERLINK("x")', metadata: { a: 1 } })
    const json = await runToEnd(gateway, 'key_export', { q: '=HYPER' })
    const { text, contentType } = await outputOf(gateway, json.id)
    const shown = await api('GET', `/organizations/${organization.id}/api-keys/${made.record.id}`)
    expect([jsonLines(text), contentType]).toEqual([[shown.body], 'application/x-ndjson; charset=utf-8'])
    expect(json.result).toMatchObject({
      format: 'jsonl',
      rows: 1,
      truncated: false,
      output: { url: `/platform${jobs}/${json.id}/output`, bytes: Buffer.byteLength(text) },
    })
    const csv = await runToEnd(gateway, 'key_export', { q: '=HYPER', format: 'csv' })
    const table = await outputOf(gateway, csv.id)
    expect(table.contentType).toBe('text/csv; charset=utf-8')
    expect(table.text.split('\r\n')[0]).toMatch(/^id,name,description,environment,status/)
    // Not a formula to a spreadsheet.
    expect(table.text).toContain(`${made.record.id},"'=HYPERLINK(""x"")"`)
    expect(text + table.text).not.toContain(sha256(made.raw))
  })

  it('key_export writes every key once, over many pages', async () => {
    const many = await gateway.createOrg({ name: 'Many' })
    const ids: string[] = []
    for (let made = 0; made < 230; made++) {
      ids.push((await gateway.createKey({ organizationId: many.id, name: `Key ${made}` })).record.id)
    }
    const end = await runToEnd({ api: gateway.api, organization: many }, 'key_export')
    const { text } = await outputOf({ ...gateway, organization: many }, end.id)
    expect(jsonLines(text).map(({ id }) => id)).toEqual(ids.reverse())
    expect(end).toMatchObject({ progress: 230, total: 230 })
  })

  it('request_export writes rows of the request log by filter', async () => {
    const { raw, record } = await gateway.createKey({ name: 'Caller' })
    await gateway.request('GET', '/api/v1/me', { key: raw })
    await gateway.request('GET', '/nowhere', { key: raw })
    await gateway.requestLog()
    const end = await runToEnd(gateway, 'request_export', { key_id: record.id, status: 404 })
    const { text } = await outputOf(gateway, end.id)
    expect(jsonLines(text)).toMatchObject([{ path: '/nowhere', status_code: 404, key_id: record.id }])
    const csv = await runToEnd(gateway, 'request_export', { key_id: record.id, format: 'csv' })
    expect((await outputOf(gateway, csv.id)).text.split('\r\n')).toHaveLength(4)
  })
})

describe('bulk_revoke', () => {
  it('revokes the keys of a filter on this node before it is completed, and no others', async () => {
    const bulk = []
    for (let made = 0; made < 60; made++) bulk.push(await gateway.createKey({ name: `Bulk ${made}` }))
    const kept = await gateway.createKey({ name: 'Kept' })
    const system = await gateway.createKey({ name: 'Bulk system', system: true })
    for (const { raw } of bulk.slice(0, 5)) await gateway.request('GET', '/api/v1/me', { key: raw })

    const end = await runToEnd(gateway, 'bulk_revoke', { q: 'bulk', reason: 'leaked' })
    expect(end).toMatchObject({ status: 'completed', progress: 61, total: 61, result: { revoked: 60, skipped: 1 } })
    for (const { raw } of bulk) expect((await gateway.request('GET', '/api/v1/me', { key: raw })).status).toBe(401)
    for (const { raw } of [kept, system]) {
      expect((await gateway.request('GET', '/api/v1/me', { key: raw })).status).toBe(200)
    }
    const { text } = await outputOf(gateway, end.id)
    expect(jsonLines(text).find(({ key_id }) => key_id === system.record.id)).toMatchObject({
      status: 'skipped',
      reason: 'system',
    })
    const [event] = (await gateway.store.listEvents({ organizationId: gateway.organization.id })).rows
    expect(event).toMatchObject({ type: 'job.completed', target: end.id })
  })

  it('revokes by ids', async () => {
    const [first, second] = [await gateway.createKey({ name: 'Same' }), await gateway.createKey({ name: 'Same' })]
    const end = await runToEnd(gateway, 'bulk_revoke', { ids: [first.record.id] })
    expect(end.result).toMatchObject({ revoked: 1 })
    expect((await gateway.request('GET', '/api/v1/me', { key: second })).status).toBe(200)
  })
})

describe('rights', () => {
  it('an admin orders jobs, an engineer does not, and secret_rotation is root’s alone', async () => {
    const [admin, engineer] = [await gateway.member('admin'), await gateway.member('engineer')]
    const order = (api: AdminApi, type: string) => api('POST', jobs, { type })
    expect((await order(admin, 'key_export')).status).toBe(202)
    expect((await order(engineer, 'key_export')).status).toBe(403)
    expect((await order(admin, 'secret_rotation')).status).toBe(403)
    expect((await order(gateway.api, 'secret_rotation')).status).toBe(202)
  })

  it('an admin imports no key for a service account above admin', async () => {
    const admin = await gateway.member('admin')
    const made = []
    for (const role of ['owner', 'admin'] as const) {
      const input = { organizationId: gateway.organization.id, name: `An ${role}`, role }
      made.push(await gateway.store.createServiceAccount(input, testActor))
    }
    const lines = made.map(({ id }) => JSON.stringify({ name: 'For', service_account_id: id, raw_key: oldKey() }))
    const params = { format: 'jsonl', data: lines.join('\n') }
    const { body } = await admin<JobAnswer>('POST', jobs, { type: 'key_import', params })
    const end = await jobEnd(gateway.api, gateway.organization.id, body.id)
    expect(end.result).toMatchObject({ created: 1, errors: [{ line: 1, path: 'service_account_id' }] })
  })

  it('is written down as done by whoever ordered it', async () => {
    const admin = await gateway.member('admin')
    const { record } = await gateway.createKey({ name: 'Ordered' })
    const { body } = await admin<JobAnswer>('POST', jobs, { type: 'bulk_revoke', params: { ids: [record.id] } })
    await jobEnd(gateway.api, gateway.organization.id, body.id)
    const events = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 3 })).rows
    expect(events.map(({ type, actor }) => [type, actor.id])).toEqual(
      ['job.completed', 'api_key.revoked', 'job.created'].map((type) => [type, admin.operatorId]),
    )
  })

  it('bulk_rotate without keys.reveal is 409: nobody could ever see the new secrets', async () => {
    const params = { all: true, grace_period_seconds: 60 }
    const answer = await gateway.api<{ errors: { message: string }[] }>('POST', jobs, { type: 'bulk_rotate', params })
    expect([answer.status, answer.body.errors[0]?.message]).toEqual([409, expect.stringContaining('keys.reveal')])
  })
})

describe('with keys.reveal', () => {
  let revealing: AdminGateway
  beforeAll(async () => {
    revealing = await startAdmin(`keys: { reveal: true, accept: [{ prefix: old_, length: 24 }] }\n${adminConfig}`)
  })
  afterAll(() => revealing[Symbol.asyncDispose]())
  const reveal = async (id: string): Promise<string> => {
    const path = `/organizations/${revealing.organization.id}/api-keys/${id}/reveal`
    return (await revealing.api<{ raw_key: string }>('POST', path)).body.raw_key
  }
  const statusOf = async (key: string) => (await revealing.request('GET', '/api/v1/me', { key })).status

  it('bulk_rotate gives every active key a new secret, seen by reveal and nowhere in the job; the old one has its grace', async () => {
    const kept = await revealing.createKey({ name: 'Turn kept' })
    const revoked = await revealing.createKey({ name: 'Turn revoked' })
    await revealing.store.revokeKey(revealing.organization.id, revoked.record.id, null, testActor)
    await revealing.createKey({ name: 'Turn system', system: true })
    const end = await runToEnd(revealing, 'bulk_rotate', { q: 'turn', grace_period_seconds: 3600 })
    expect(end).toMatchObject({ status: 'completed', result: { rotated: 1, skipped: 2 } })
    const fresh = await reveal(kept.record.id)
    expect(fresh).not.toBe(kept.raw)
    expect([await statusOf(fresh), await statusOf(kept.raw)]).toEqual([200, 200])
    expect(JSON.stringify(end) + (await outputOf(revealing, end.id)).text).not.toContain(fresh.slice(12))
    await runToEnd(revealing, 'bulk_rotate', { ids: [kept.record.id], grace_period_seconds: 0 })
    expect([await statusOf(fresh), await statusOf(await reveal(kept.record.id))]).toEqual([401, 200])
  })

  it('key_import makes a new secret for a line without one', async () => {
    const end = await runToEnd(revealing, 'key_import', { format: 'csv', data: 'name,environment\nFresh,test\n' })
    expect(end.result).toMatchObject({ created: 1 })
    const [line] = jsonLines((await outputOf(revealing, end.id)).text)
    const raw = await reveal(String(line?.key_id))
    expect([raw.slice(0, 8), await statusOf(raw)]).toEqual(['sk_test_', 200])
  })

  it('secret_rotation encrypts every secret with the master key of now', async () => {
    await using old = await startAdmin(`keys: { reveal: true }\n${adminConfig}`, { env: masterKeys(1) })
    const made = await old.api<{ key: { id: string }; raw_key: string }>(
      'POST',
      `/organizations/${old.organization.id}/api-keys`,
      { name: 'CI' },
    )
    const before = await old.store.masterKeysInUse()
    const config = await loadConfig(old.configFile, {})
    if (!config.ok) throw new Error('the configuration is wrong')
    const env = { ...masterKeys(2, 1), SALLYPORT_ADMIN_TOKEN: old.adminToken }
    await using next = await start({ config, env })
    const api = adminApi(next.adminUrl, old.adminToken)
    const end = await runToEnd({ api, organization: old.organization }, 'secret_rotation')
    expect(end).toMatchObject({
      status: 'completed',
      progress: 1,
      total: 1,
      result: { total: 1, changed: 1, unreadable: 0 },
    })
    expect(await next.store.masterKeysInUse()).not.toEqual(before)
    const shown = await api('POST', `/organizations/${old.organization.id}/api-keys/${made.body.key.id}/reveal`)
    expect(shown.body).toEqual({ raw_key: made.body.raw_key })
  })

  it('of secret_rotation an organization sees how it ended; the counts are the instance’s, and for root', async () => {
    await using old = await startAdmin(`keys: { reveal: true }\n${adminConfig}`, { env: masterKeys(1) })
    const { id } = old.organization
    const another = await old.createOrg({ name: 'Another' })
    for (const organization of [id, another.id, another.id]) {
      expect((await old.api('POST', `/organizations/${organization}/api-keys`, { name: 'CI' })).status).toBe(201)
    }
    const { token } = await old.member('owner', id)
    const config = await loadConfig(old.configFile, {})
    if (!config.ok) throw new Error('the configuration is wrong')
    // The second gateway has lost the key that the first one has encrypted with.
    for (const [keys, seen] of [
      [masterKeys(2, 1), { status: 'completed', progress: 3, total: 3, error_message: null }],
      [masterKeys(3), { status: 'failed', progress: 3, total: 3, error_message: expect.stringContaining('3 secrets') }],
    ] as const) {
      await using next = await start({ config, env: { ...keys, SALLYPORT_ADMIN_TOKEN: old.adminToken } })
      const [root, owner] = [adminApi(next.adminUrl, old.adminToken), adminApi(next.adminUrl, token)]
      const end = await runToEnd({ api: root, organization: old.organization }, 'secret_rotation')
      expect(end).toMatchObject({ ...seen, result: { total: 3 } })

      const hidden = { status: seen.status, progress: 0, total: null }
      const error_message = seen.error_message === null ? null : 'Ask who runs this gateway.'
      const job = `/organizations/${id}/jobs`
      expect((await owner<JobAnswer>('GET', `${job}/${end.id}`)).body).toMatchObject({
        ...hidden,
        error_message,
        result: null,
      })
      expect((await owner<JobAnswer[]>('GET', job)).body[0]).toMatchObject({ ...hidden, error_message })
      const events = async (api: AdminApi) =>
        (await api<{ target: string; after: object }[]>('GET', `/organizations/${id}/events`)).body.find(
          ({ target }) => target === end.id,
        )?.after
      expect(await events(root)).toMatchObject({ status: seen.status, progress: 3, total: 3 })
      expect(await events(owner)).toEqual({ type: 'secret_rotation', status: seen.status })
    }
  })
})

/** The first is the one of now. */
const masterKeys = (current: number, old?: number): Record<string, string> => ({
  SALLYPORT_MASTER_KEY: Buffer.alloc(32, current).toString('base64'),
  ...(old !== undefined && { SALLYPORT_MASTER_KEY_OLD: Buffer.alloc(32, old).toString('base64') }),
})

describe('the queue', () => {
  it('holds 20 unfinished jobs of an organization, then 429; a cancelled one makes room', async () => {
    const { store, api } = gateway
    const full = await gateway.createOrg({ name: 'Full' })
    const path = `/organizations/${full.id}/jobs`
    // The test is the one that runs a job of this organization: then none of its others is begun.
    const held = await holdJob(full.id)
    const waiting: string[] = []
    for (let left = await store.countUnfinishedJobs(full.id); left < 20; left++) {
      const { status, body } = await api<JobAnswer>('POST', path, { type: 'key_export' })
      expect([status, body.status]).toEqual([202, 'pending'])
      waiting.push(body.id)
    }
    const refused = await api('POST', path, { type: 'key_export' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30'])
    const importing = { type: 'key_import', params: { format: 'jsonl', data: '{"name":"x"}' } }
    expect((await api('POST', path, importing)).status).toBe(429)

    const cancel = (id: string) => api<JobAnswer>('POST', `${path}/${id}/cancel`)
    const [cancelled, again] = [await cancel(waiting[0] ?? ''), await cancel(waiting[0] ?? '')]
    expect([cancelled.body.status, again.status, again.body.status]).toEqual(['cancelled', 200, 'cancelled'])
    expect((await api('POST', path, { type: 'key_export' })).status).toBe(202)

    await store.releaseJob(held.lease)
    const done = await jobEnd(api, full.id, waiting[1] ?? '')
    expect([done.status, (await cancel(done.id)).status]).toEqual(['completed', 409])
  })

  it('gives no output of a job that is not finished', async () => {
    const { store, api } = gateway
    const busy = await gateway.createOrg({ name: 'Busy' })
    const held = await holdJob(busy.id)
    const answer = await api('GET', `/organizations/${busy.id}/jobs/${held.id}/output`)
    expect(answer.status).toBe(409)
    await store.releaseJob(held.lease)
  })
})

/** Makes a job and takes it, past the gateway's own runner, which looks once a second. */
const holdJob = (organizationId: string): Promise<ClaimedJob> =>
  eventually('the test to be the first at a job', async () => {
    const { store } = gateway
    const id = newId('job', Date.now())
    const params = { format: 'jsonl' }
    await store.createJob({ id, organizationId, type: 'key_export', params, total: null }, 20, testActor)
    const claimed = await store.claimJob({ leaseMs: 60_000, runningMax: 100 })
    return claimed?.organizationId === organizationId && claimed
  })

const recordFields = [
  'completed_at',
  'created_at',
  'created_by',
  'error_message',
  'id',
  'organization_id',
  'progress',
  'project_id',
  'started_at',
  'status',
  'total',
  'type',
  'updated_at',
]
