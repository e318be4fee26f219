import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'

interface Workspace {
  id: string
  name: string
  external_id: string | null
}
interface Created {
  key: { id: string; workspaces_total: number; workspaces_preview: object[] }
  raw_key: string
}

let gateway: AdminGateway
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let base: string
beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => {
    response.end(JSON.stringify({ workspace: request.headers['x-workspace-id'] ?? null }))
  })
  gateway = await startAdmin(`
scopes: { "runs:write": Start audits }
upstreams: { api: { targets: ["${upstream.url}"] } }
routes:
  - { path: /projects/:project_id/runs, methods: [POST], scopes: ["runs:write"], workspace: ":project_id", upstream: api }
  - { path: /anything, upstream: api }
`)
  base = `/organizations/${gateway.organization.id}`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const make = async (body: object): Promise<Workspace> => {
  const { status, body: made } = await gateway.api<Workspace>('POST', `${base}/workspaces`, body)
  expect([status, made]).toEqual([201, expect.anything()])
  return made
}
const makeKey = async (body: object = {}): Promise<Created> =>
  (await gateway.api<Created>('POST', `${base}/api-keys`, { name: 'Key', ...body })).body
const run = async (raw: string, workspace: string): Promise<number | undefined> =>
  (await gateway.request('POST', `/projects/${workspace}/runs`, { key: raw })).status

describe('workspaces', () => {
  it('are made, read, changed and deleted', async () => {
    const { api } = gateway
    const made = await make({ name: 'Website', external_id: 'prj_42' })
    expect(made).toEqual({
      id: expect.stringMatching(/^ws_/),
      organization_id: gateway.organization.id,
      name: 'Website',
      external_id: 'prj_42',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const path = `${base}/workspaces/${made.id}`
    expect((await api('GET', path)).body).toEqual(made)
    expect((await api<Workspace[]>('GET', `${base}/workspaces`)).body[0]).toEqual(made)
    // An external id is no name of the object: it can pass from one workspace to another.
    expect((await api('GET', `${base}/workspaces/prj_42`)).status).toBe(404)
    const changed = await api<Workspace>('PATCH', path, { name: 'Shop', external_id: null })
    expect([changed.status, changed.body]).toMatchObject([200, { name: 'Shop', external_id: null }])
    expect((await api('DELETE', path)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await api(method, path)).status).toBe(404)
    expect((await api('PATCH', path, { name: 'x' })).status).toBe(404)
  })

  it('have an external id that is unique in the organization, and is nobody else’s id', async () => {
    const { api } = gateway
    const first = await make({ name: 'First', external_id: 'twice' })
    const second = await make({ name: 'Second' })
    for (const taken of ['twice', first.id]) {
      const answer = await api('POST', `${base}/workspaces`, { name: 'x', external_id: taken })
      expect([answer.status, answer.body.code]).toEqual([409, 'CONFLICT'])
      expect((await api('PATCH', `${base}/workspaces/${second.id}`, { external_id: taken })).status).toBe(409)
    }
    const stranger = await gateway.createOrg({ name: 'Stranger' })
    const elsewhere = await api('POST', `/organizations/${stranger.id}/workspaces`, { name: 'x', external_id: 'twice' })
    expect(elsewhere.status).toBe(201)
  })

  it.each([
    {},
    { name: '' },
    { name: 'x', external_id: 'a/b' },
    { name: 'x', external_id: 'a b' },
    { name: 'x', external_id: 'ä' },
    { name: 'x', external_id: '' },
    { name: 'x', external_id: 5 },
    { name: 'x', id: 'ws_mine' },
  ])('refuse %j with 422', async (body) => {
    expect((await gateway.api('POST', `${base}/workspaces`, body)).status).toBe(422)
  })
})

describe('grants', () => {
  it('let a key reach a workspace by its id and its external id, and no longer', async () => {
    const { api } = gateway
    const workspace = await make({ name: 'W', external_id: 'prj_7' })
    const { key, raw_key } = await makeKey()
    const grant = `${base}/api-keys/${key.id}/workspaces/${workspace.id}`
    expect(await run(raw_key, 'prj_7')).toBe(404)

    const granted = await api<Workspace>('PUT', grant)
    expect([granted.status, granted.body]).toEqual([200, workspace])
    expect((await api('PUT', grant)).status).toBe(200)
    expect([await run(raw_key, 'prj_7'), await run(raw_key, workspace.id)]).toEqual([200, 200])
    expect((await api('GET', `${base}/api-keys/${key.id}`)).body).toMatchObject({
      workspaces_total: 1,
      workspaces_preview: [{ id: workspace.id, external_id: 'prj_7' }],
    })

    const gone = await api('DELETE', grant)
    expect([gone.status, gone.body]).toEqual([204, null])
    expect([await run(raw_key, 'prj_7'), await run(raw_key, workspace.id)]).toEqual([404, 404])
    expect((await api('DELETE', grant)).status).toBe(204)
    expect((await gateway.request('GET', '/anything', { key: raw_key })).status).toBe(200)
  })

  it('end with the workspace', async () => {
    const workspace = await make({ name: 'W', external_id: 'prj_8' })
    const { raw_key } = await makeKey({ workspace_ids: [workspace.id] })
    expect(await run(raw_key, 'prj_8')).toBe(200)
    await gateway.api('DELETE', `${base}/workspaces/${workspace.id}`)
    expect(await run(raw_key, 'prj_8')).toBe(404)
  })

  it('are listed newest workspace first, in pages, with a preview of five on the key', async () => {
    const { api } = gateway
    const ids: string[] = []
    for (let number = 1; number <= 7; number++) ids.unshift((await make({ name: `W${number}` })).id)
    const { key } = await makeKey({ workspace_ids: ids })
    expect([key.workspaces_total, key.workspaces_preview.length]).toEqual([7, 5])
    const path = `${base}/api-keys/${key.id}/workspaces`
    const first = await api<Workspace[]>('GET', `${path}?limit=4`)
    const next = /<(.+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await api<Workspace[]>('GET', next.replace('/platform', ''))
    expect([...first.body, ...second.body].map(({ id }) => id)).toEqual(ids)
  })

  it('know nothing of workspaces and keys of other organizations', async () => {
    const { api } = gateway
    const stranger = await gateway.createOrg({ name: 'Stranger' })
    const theirs = await api<Workspace>('POST', `/organizations/${stranger.id}/workspaces`, { name: 'Theirs' })
    const ours = await make({ name: 'Ours' })
    const { key } = await makeKey()
    const paths = [
      `${base}/api-keys/${key.id}/workspaces/${theirs.body.id}`,
      `/organizations/${stranger.id}/api-keys/${key.id}/workspaces/${theirs.body.id}`,
      `${base}/api-keys/key_00000000000000000000000000/workspaces/${ours.id}`,
      `${base}/api-keys/${key.id}/workspaces/ws_00000000000000000000000000`,
    ]
    for (const path of paths) {
      for (const method of ['PUT', 'DELETE']) {
        expect([path, method, (await api(method, path)).status]).toEqual([path, method, 404])
      }
    }
  })
})
