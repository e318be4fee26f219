import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logInMember } from '../helpers/operators.ts'
import { expectProblem, type System, startSystem } from './system.ts'

/**
 * Stands in for account keys with workspaces, along its document: seed 004_00fd2344584c1067.txt, from top to bottom. Its
 * account is our organization, its permissions are scopes, its token is `raw_key`; docs/systems.md has the whole table.
 */
let system: System
let account: string
const secrets: string[] = []

beforeAll(async () => {
  system = await startSystem('account-keys')
  account = await system.createOrganization('Account')
})
afterAll(() => system[Symbol.asyncDispose]())

const keys = (id = '') => `/organizations/${account}/api-keys${id === '' ? '' : `/${id}`}`
const permissions = ['account:read', 'documents:read', 'documents:write']

async function createKey(input: Record<string, unknown> = {}) {
  const key = await system.createKey(account, { scopes: permissions, ...input })
  secrets.push(key.raw)
  return key
}
async function createWorkspace(name: string, externalId?: string, of = account): Promise<string> {
  const body = { name, ...(externalId !== undefined && { external_id: externalId }) }
  const answer = await system.api<{ id: string }>('POST', `/organizations/${of}/workspaces`, body)
  expect(answer.status).toBe(201)
  return answer.body.id
}
const documents = (workspace: string) => `/v1/workspaces/${workspace}/documents`

describe('seed 004: an API key for the account', () => {
  it('has metadata, spec and info: id, account, name; description, permissions, system; creator and workspaces', async () => {
    const { id: creator, browser } = await logInMember(system, account, 'admin')
    const body = { name: 'Key', description: 'What for', scopes: ['account:read'] }
    const made = await browser.send<{ key: unknown; raw_key: string }>('POST', `/platform${keys()}`, body)
    expect(made.status).toBe(201)
    secrets.push(made.body.raw_key)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(made.body.key).toMatchObject({
      ...{
        id: expect.stringMatching(/^key_/),
        organization_id: account,
        name: 'Key',
        created_at: time,
        updated_at: time,
      },
      ...{ description: 'What for', scopes: ['account:read'], system: false },
      ...{ created_by: creator, workspaces_preview: [], workspaces_total: 0 },
    })
  })

  it('is created by the person or the machine whose credentials were used', async () => {
    const { record } = await createKey()
    expect(record.created_by).toBe('admin_token')
    const { id, browser } = await logInMember(system, account, 'admin')
    const token = await browser.send<{ raw_token: string }>('POST', '/platform/tokens', {
      ...{ name: 'Terraform', role: 'admin' },
    })
    expect(token.status).toBe(201)
    secrets.push(token.body.raw_token)
    const made = await fetch(`${system.adminUrl}/platform${keys()}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.body.raw_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'By machine', scopes: [] }),
    })
    const body = (await made.json()) as { key: { created_by: string }; raw_key: string }
    secrets.push(body.raw_key)
    expect(body.key.created_by).toBe(id)
  })

  it('returns the token at creation and rotation only; every later read leaves it out', async () => {
    const { raw, record } = await createKey()
    expect(raw).toMatch(/^ak_[0-9A-Za-z]{36}$/)
    const rotated = await system.api<{ raw_key: string }>('POST', `${keys(record.id)}/rotate`)
    expect(rotated.status).toBe(200)
    secrets.push(rotated.body.raw_key)
    const reads = [
      await system.api('GET', keys(record.id)),
      await system.api('GET', keys()),
      await system.api('PATCH', keys(record.id), { description: 'Read' }),
      await system.api('GET', `${keys(record.id)}/workspaces`),
    ]
    expect(reads[1]?.body).not.toEqual([])
    for (const { status, body } of reads) {
      expect(status).toBe(200)
      for (const secret of [raw, rotated.body.raw_key]) expect(JSON.stringify(body)).not.toContain(secret)
      expect(JSON.stringify(body)).not.toContain('raw_key')
    }
  })

  it('is issued, rotated and revoked, each with effect from the next request on', async () => {
    const { raw, record } = await createKey()
    expect((await system.call('GET', '/v1/account', { key: raw })).body).toEqual({ id: account })
    const rotated = await system.api<{ raw_key: string }>('POST', `${keys(record.id)}/rotate`)
    secrets.push(rotated.body.raw_key)
    expectProblem(await system.call('GET', '/v1/account', { key: raw }), 401, 'INVALID_API_KEY')
    expect((await system.call('GET', '/v1/account', { key: rotated.body.raw_key })).status).toBe(200)
    await system.api('POST', `${keys(record.id)}/revoke`)
    expectProblem(await system.call('GET', '/v1/account', { key: rotated.body.raw_key }), 401, 'INVALID_API_KEY')
  })

  it('names the person or the service account that stands behind a key', async () => {
    const made = await system.api<{ id: string }>('POST', `/organizations/${account}/service-accounts`, {
      ...{ name: 'Deployer', role: 'engineer' },
    })
    const { raw, record } = await createKey({ service_account_id: made.body.id })
    expect(record.service_account_id).toBe(made.body.id)
    expect((await system.call('GET', '/v1/account', { key: raw })).status).toBe(200)
  })

  it('is out of reach of its tenant when the platform has made it a system key', async () => {
    const { raw: key, record } = await createKey()
    const marked = await system.api('PATCH', keys(record.id), { system: true })
    expect([marked.status, marked.body.system]).toEqual([200, true])
    const { browser } = await logInMember(system, account, 'owner')
    expect((await browser.send('GET', `/platform${keys(record.id)}`)).body.system).toBe(true)
    for (const [method, path, body] of [
      ['PATCH', keys(record.id), { name: 'Mine' }],
      ['DELETE', keys(record.id), undefined],
      ['POST', `${keys(record.id)}/revoke`, {}],
      ['POST', `${keys(record.id)}/rotate`, {}],
    ] as const) {
      expect((await browser.send(method, `/platform${path}`, body)).status).toBe(403)
    }
    expect((await system.call('GET', '/v1/account', { key })).status).toBe(200)
  })
})

describe('seed 004: access to workspaces', () => {
  it('leaves a key without workspaces valid, but none of what is in a workspace is there for it', async () => {
    const workspace = await createWorkspace('One')
    const { raw: key } = await createKey()
    expect((await system.call('GET', '/v1/account', { key })).status).toBe(200)
    const existing = await system.call('GET', documents(workspace), { key })
    const missing = await system.call('GET', documents('ws_nothing'), { key })
    expectProblem(existing, 404, 'NOT_FOUND')
    const { instance: _, request_id: __, ...same } = existing.body
    expect(missing.body).toMatchObject(same)
    expectProblem(await system.call('POST', documents(workspace), { key, body: {} }), 404, 'NOT_FOUND')
  })

  it('grants a key access to single workspaces and takes it away, from the next request on', async () => {
    const [one, two] = [await createWorkspace('One'), await createWorkspace('Two')]
    const { raw: key, record } = await createKey()
    const grant = `${keys(record.id)}/workspaces/${one}`
    expect((await system.call('GET', documents(one), { key })).status).toBe(404)
    expect((await system.api('PUT', grant)).status).toBe(200)
    expect((await system.call('GET', documents(one), { key })).body).toEqual({ workspace: one, documents: [] })
    expect((await system.call('POST', documents(one), { key, body: {} })).status).toBe(201)
    expectProblem(await system.call('GET', documents(two), { key }), 404, 'NOT_FOUND')
    expect((await system.api('DELETE', grant)).status).toBe(204)
    expectProblem(await system.call('GET', documents(one), { key }), 404, 'NOT_FOUND')
    expect((await system.call('GET', '/v1/account', { key })).status).toBe(200)
  })

  it('keeps what a key was granted when it is rotated', async () => {
    const [one, two] = [await createWorkspace('One'), await createWorkspace('Two')]
    const { record } = await createKey({ workspace_ids: [one] })
    const rotated = await system.api<{ raw_key: string }>('POST', `${keys(record.id)}/rotate`)
    const { raw_key: key } = rotated.body
    secrets.push(key)
    expect((await system.call('GET', documents(one), { key })).status).toBe(200)
    expectProblem(await system.call('GET', documents(two), { key }), 404, 'NOT_FOUND')
  })

  it('takes whoever manages keys to grant and to take away; who reads may look', async () => {
    const workspace = await createWorkspace('Guarded')
    const { record } = await createKey()
    const { browser: reader } = await logInMember(system, account, 'viewer')
    const { browser: manager } = await logInMember(system, account, 'admin')
    const grant = `/platform${keys(record.id)}/workspaces/${workspace}`
    expect((await reader.send('PUT', grant)).status).toBe(403)
    expect((await manager.send('PUT', grant)).status).toBe(200)
    expect((await reader.send('DELETE', grant)).status).toBe(403)
    const seen = await reader.send<{ id: string }[]>('GET', `/platform${keys(record.id)}/workspaces`)
    expect(seen.body.map(({ id }) => id)).toEqual([workspace])
    expect((await manager.send('DELETE', grant)).status).toBe(204)
  })

  it('shows with a key that has many workspaces their number, and the first few as a preview', async () => {
    const ids = await Promise.all(Array.from({ length: 7 }, (_, index) => createWorkspace(`Many ${index}`)))
    const { record } = await createKey({ workspace_ids: ids })
    expect(record.workspaces_total).toBe(7)
    const preview = record.workspaces_preview as { id: string }[]
    expect(preview).toHaveLength(5)
    expect(preview.every(({ id }) => ids.includes(id))).toBe(true)
    const all = await system.api<{ id: string }[]>('GET', `${keys(record.id)}/workspaces`)
    expect(all.body.map(({ id }) => id).sort()).toEqual(ids.sort())
  })

  it('shows with the key how many workspaces it has, and some of them', async () => {
    const { record } = await createKey()
    const granted: string[] = []
    for (const name of ['One', 'Two', 'Three']) {
      const id = await createWorkspace(name)
      granted.push(id)
      // Once more changes nothing.
      for (let time = 0; time < 2; time++) await system.api('PUT', `${keys(record.id)}/workspaces/${id}`)
    }
    const read = await system.api<{ workspaces_total: number; workspaces_preview: { id: string }[] }>(
      'GET',
      keys(record.id),
    )
    expect(read.body.workspaces_total).toBe(3)
    expect(read.body.workspaces_preview.map(({ id }) => id).sort()).toEqual(granted.sort())
    const all = await system.api<{ id: string }[]>('GET', `${keys(record.id)}/workspaces`)
    expect(all.body.map(({ id }) => id).sort()).toEqual(granted)
  })

  it('takes grants at creation as well, by the id that the API has for a workspace', async () => {
    await createWorkspace('Named', 'wsp-77')
    const { raw: key, record } = await createKey({ workspace_ids: ['wsp-77'] })
    expect(record.workspaces_total).toBe(1)
    expect((await system.call('GET', documents('wsp-77'), { key })).body).toEqual({
      workspace: 'wsp-77',
      documents: [],
    })
    expect((await system.call('GET', '/v1/account', { key })).status).toBe(200)
  })

  it('still asks for the permission inside a workspace that a key has', async () => {
    const workspace = await createWorkspace('Read only')
    const { raw: key } = await createKey({ scopes: ['documents:read'], workspace_ids: [workspace] })
    expect((await system.call('GET', documents(workspace), { key })).status).toBe(200)
    expectProblem(await system.call('POST', documents(workspace), { key, body: {} }), 403, 'INSUFFICIENT_SCOPE')
  })

  it('never grants a workspace of another account', async () => {
    const elsewhere = await system.createOrganization('Elsewhere')
    const theirs = await createWorkspace('Theirs', undefined, elsewhere)
    const { raw: key, record } = await createKey()
    expectProblem(await system.api('PUT', `${keys(record.id)}/workspaces/${theirs}`), 404, 'NOT_FOUND')
    const body = { name: 'x', scopes: permissions, workspace_ids: [theirs] }
    expectProblem(await system.api('POST', keys(), body), 404, 'NOT_FOUND')
    expectProblem(await system.call('GET', documents(theirs), { key }), 404, 'NOT_FOUND')
  })

  it('has written no secret anywhere: store, log, metrics, audit trail', () => system.expectNowhere(secrets))
})
