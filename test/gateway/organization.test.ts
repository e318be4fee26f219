import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, testActor } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { items:read: Read }
routes:
  - { path: /api/*, upstream: api }
  - { path: /scoped/*, upstream: api, scopes: [items:read] }
  - { path: /denied/*, deny: true }
  - { path: /projects/:id, upstream: api, workspace: ':id' }
`)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

it('refuses every key of a suspended organization, and takes them again when it is resumed', async () => {
  const organization = await gateway.createOrg({ name: 'Late payer' })
  const key = await gateway.createKey({ organizationId: organization.id })
  const bystander = await gateway.createKey()
  const request = (path: string) => gateway.request('GET', path, { key })
  expect((await request('/api/x')).status).toBe(200)

  await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testActor)
  await eventually('the suspension to be noticed', async () => (await request('/api/x')).status === 403)
  upstream.forget()
  for (const path of ['/api/x', '/nowhere', '/api/v1/me']) {
    expectProblem(await request(path), 403, 'ORGANIZATION_SUSPENDED')
  }
  expect(upstream.bytesReceived()).toBe(0)
  expect((await gateway.request('GET', '/api/x', { key: bystander })).status).toBe(200)

  await gateway.store.updateOrganization(organization.id, { status: 'active' }, testActor)
  await eventually('the end of the suspension to be noticed', async () => (await request('/api/x')).status === 200)
})

it('is judged before address, scope and workspace, and these before each other in that order', async () => {
  const organization = await gateway.createOrg({ name: 'Suspended' })
  const elsewhere = { scopes: [], allowedIps: ['192.0.2.0/24'] }
  const suspended = await gateway.createKey({ organizationId: organization.id, ...elsewhere })
  await gateway.store.updateOrganization(organization.id, { status: 'suspended' }, testActor)
  const foreign = await gateway.createKey(elsewhere)
  const powerless = await gateway.createKey({ scopes: [] })

  for (const path of ['/scoped/x', '/denied/x', '/projects/none']) {
    expectProblem(await gateway.request('GET', path, { key: suspended }), 403, 'ORGANIZATION_SUSPENDED')
    expectProblem(await gateway.request('GET', path, { key: foreign }), 403, 'IP_NOT_ALLOWED')
  }
  expectProblem(await gateway.request('GET', '/scoped/x', { key: powerless }), 403, 'INSUFFICIENT_SCOPE')
  expectProblem(await gateway.request('GET', '/projects/none', { key: powerless }), 404, 'NOT_FOUND')
})
