import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Workspace } from '../../src/store/store.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../helpers/gateway.ts'
import { expectProblem, fingerprint } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let granted: Workspace
let ungranted: Workspace
let foreign: Workspace
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /projects, upstream: api }
  - { path: /projects/:project_id, upstream: api, workspace: ':project_id' }
  - { path: '/projects/:project_id/*', upstream: api, workspace: ':project_id' }
  - { path: /teams/:team/projects/:id, upstream: api, workspace: ':id' }
`)
  const { store, organization } = gateway
  const other = await gateway.createOrg({ name: 'Other' })
  const create = (name: string, organizationId = organization.id) =>
    store.createWorkspace({ organizationId, name, externalId: name }, testActor)
  granted = await create('proj-granted')
  ungranted = await create('proj-ungranted')
  foreign = await create('proj-foreign', other.id)
  key = await gateway.createKey({ workspaceIds: [granted.id] })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('a grant', () => {
  it('is found by the id and by the external id, and the upstream is told what stood in the path', async () => {
    for (const id of [granted.id, 'proj-granted']) {
      expect((await gateway.request('GET', `/projects/${id}`, { key })).status).toBe(200)
      expect(upstream.last().header('x-workspace-id')).toBe(id)
    }
    expect((await gateway.request('GET', '/projects/%70roj-granted/runs', { key })).status).toBe(200)
    expect(upstream.last().header('x-workspace-id')).toBe('proj-granted')
  })

  it('is looked for in the parameter that the route names', async () => {
    expect((await gateway.request('GET', '/teams/proj-ungranted/projects/proj-granted', { key })).status).toBe(200)
    const response = await gateway.request('GET', '/teams/proj-granted/projects/proj-ungranted', { key })
    expectProblem(response, 404, 'NOT_FOUND')
  })

  it('is not needed on routes that are not workspace-scoped, which name no workspace to the upstream', async () => {
    const none = await gateway.createKey()
    expect((await gateway.request('GET', '/projects', { key: none })).status).toBe(200)
    expect(upstream.last().headerAll('x-workspace-id')).toEqual([])
  })
})

describe('without a grant', () => {
  it.each<[string, () => string]>([
    ['a workspace of the same organization, by id', () => ungranted.id],
    ['a workspace of the same organization, by external id', () => 'proj-ungranted'],
    ['the workspace of another organization, by id', () => foreign.id],
    ['the workspace of another organization, by external id', () => 'proj-foreign'],
    ['another spelling of the granted one', () => 'PROJ-GRANTED'],
    ['the beginning of the granted one', () => 'proj-grante'],
    ['the name of a property that every object has', () => '__proto__'],
    ['a star', () => '*'],
  ])('%s answers byte for byte as one that does not exist', async (_what, id) => {
    const absent = await gateway.request('GET', '/projects/proj-that-is-not-there', { key })
    expectProblem(absent, 404, 'NOT_FOUND')
    const present = await gateway.request('GET', `/projects/${id()}`, { key })
    expect(fingerprint(present)).toBe(fingerprint(absent))
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('and so does a path that no route has', async () => {
    const absent = await gateway.request('GET', '/projects/proj-that-is-not-there', { key })
    expect(fingerprint(await gateway.request('GET', '/nowhere', { key }))).toBe(fingerprint(absent))
  })

  it('a key of the wildcard scope is refused like any other', async () => {
    const mighty = await gateway.createKey({ scopes: ['*', 'keys:manage'] })
    expectProblem(await gateway.request('GET', '/projects/proj-granted', { key: mighty }), 404, 'NOT_FOUND')
  })
})

describe('a key that is bound to a workspace', () => {
  it('reaches that one and its own endpoint, and nothing else', async () => {
    const bound = await gateway.createKey({ projectId: 'proj-granted' })
    expect((await gateway.request('GET', '/projects/proj-granted', { key: bound })).status).toBe(200)
    expect((await gateway.request('GET', '/api/v1/me', { key: bound })).status).toBe(200)
    for (const path of ['/projects', '/projects/proj-ungranted', '/projects/proj-foreign', '/nowhere']) {
      expectProblem(await gateway.request('GET', path, { key: bound }), 404, 'NOT_FOUND')
    }
  })

  it('may be bound by the id as well', async () => {
    const bound = await gateway.createKey({ projectId: granted.id })
    for (const id of [granted.id, 'proj-granted']) {
      expect((await gateway.request('GET', `/projects/${id}`, { key: bound })).status).toBe(200)
    }
  })
})
