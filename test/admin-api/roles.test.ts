import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessTable } from '../../src/admin-api/access.ts'
import { type AccessRole, outranks } from '../../src/admin-api/principal.ts'
import type { Organization, Role } from '../../src/store/store.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { requestRow } from '../helpers/request-row.ts'

/**
 * Walks the access table: every endpoint, by every role, on objects that are there, in the caller's organization and in
 * another one. Bodies are of a wrong shape where there is one, so that nothing is changed by whoever is let in: a
 * refusal (401, 403, 404) that comes before the body, and 422, can be told apart.
 */
const roles = ['root', 'owner', 'admin', 'engineer', 'viewer'] as const satisfies readonly AccessRole[]
const inOrganization = '/organizations/:organization_id'

/** In the table, and not made yet. Whoever makes one takes it out of this list: the last test asks for it. */
const awaited: readonly string[] = []
const endpoints = Object.entries(accessTable).flatMap(([endpoint, access]) => {
  const [method = '', path = ''] = endpoint.split(' ')
  return awaited.includes(endpoint) ? [] : [{ endpoint, method, path, access }]
})

let gateway: AdminGateway
let own: Organization
let foreign: Organization
let tokens: ReadonlyMap<AccessRole, string>

beforeAll(async () => {
  gateway = await startAdmin()
  own = gateway.organization
  foreign = await gateway.createOrg({ name: 'Stranger' })
  const made: [AccessRole, string][] = [['root', gateway.adminToken]]
  for (const role of ['owner', 'admin', 'engineer', 'viewer'] as const) {
    made.push([role, (await gateway.member(role, own.id)).token])
  }
  tokens = new Map(made)
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe.each(endpoints.filter(({ path }) => path.startsWith(inOrganization)))('$endpoint', (endpoint) => {
  const { method, path, access } = endpoint

  it('lets in who is high enough, and answers the others 403', async () => {
    for (const role of roles) {
      const status = await call(method, await fill(path, own, own), role)
      if (outranks(role, access as Role)) expect([role, admitted(status)]).toEqual([role, `admitted (${status})`])
      else expect([role, status]).toEqual([role, 403])
    }
  })

  it('is 404 in an organization that is not theirs, whatever their role in their own', async () => {
    const real = await fill(path, foreign, foreign)
    const unreal = real.replace(foreign.id, 'org_00000000000000000000000000')
    for (const role of roles.filter((one) => one !== 'root')) {
      expect([role, await call(method, real, role), await call(method, unreal, role)]).toEqual([role, 404, 404])
    }
  })

  it('is 401 without credentials, and with wrong ones', async () => {
    const filled = await fill(path, own, own)
    expect(await call(method, filled, null)).toBe(401)
    expect(await send(method, filled, 'x'.repeat(64))).toBe(401)
  })

  if (path.replace(inOrganization, '').includes(':')) {
    it('is 404 for an object of another organization, for every role', async () => {
      const crossed = await fill(path, own, foreign)
      for (const role of roles) expect([role, await call(method, crossed, role)]).toEqual([role, 404])
    })
  }
})

describe.each(endpoints.filter(({ path }) => !path.startsWith(inOrganization)))('$endpoint', (endpoint) => {
  const { method, path, access } = endpoint

  it(`is for ${access}`, async () => {
    if (access === 'none') {
      expect([401, 403]).not.toContain(await call(method, path, null))
      return
    }
    const filled = await fill(path, own, own)
    expect(await call(method, filled, null)).toBe(401)
    for (const role of roles) {
      const status = await call(method, filled, role)
      if (access === 'root' && role !== 'root') expect([role, status]).toEqual([role, 403])
      // Log-ins are each caller's own: here only that somebody logged in gets as far as the handler.
      else if (access === 'any') expect([role, status === 401]).toEqual([role, false])
      else expect([role, admitted(status)]).toEqual([role, `admitted (${status})`])
    }
  })
})

it('every endpoint of the table is there and described, but for those that are awaited', async () => {
  const openapi = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const described = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/^\/platform/, '')}`),
  )
  const expected = endpoints.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect(described.sort()).toEqual(expected.sort())
})

const admitted = (status: number): string =>
  [401, 403, 404, 405].includes(status) || status >= 500 ? `refused (${status})` : `admitted (${status})`

const call = (method: string, path: string, role: AccessRole | null): Promise<number> =>
  send(method, path, role === null ? undefined : tokens.get(role))

/** The status alone: a stream has no end. */
async function send(method: string, path: string, token: string | undefined): Promise<number> {
  const withBody = method !== 'GET'
  const response = await fetch(`${gateway.adminUrl}/platform${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(withBody && { 'content-type': 'application/json' }),
    },
    ...(withBody && { body: '{"not a field":true}' }),
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  })
  await response.body?.cancel()
  return response.status
}

/** The path with objects that were made for it: the organization's id of one, the others' of another. */
async function fill(path: string, organization: Organization, owner: Organization): Promise<string> {
  let filled = path.replace(':organization_id', organization.id)
  const webhook = path.includes(':webhook_id') || path.includes(':delivery_id') ? await makeDelivery(owner) : undefined
  for (const [, name = ''] of path.matchAll(/:(\w+)/g)) {
    const make = makers[name]
    if (make !== undefined) filled = filled.replace(`:${name}`, await make(owner))
  }
  if (webhook !== undefined) {
    filled = filled.replace(':webhook_id', webhook.id).replace(':delivery_id', webhook.deliveryId)
  }
  expect(filled).not.toContain(':')
  return filled
}

const makers: Readonly<Record<string, (owner: Organization) => Promise<string>>> = {
  // Owned by a service account that stands below everybody: engineers may handle it.
  key_id: async (owner) => {
    const account = await makeAccount(owner)
    return (await gateway.createKey({ organizationId: owner.id, serviceAccountId: account })).record.id
  },
  workspace_id: async (owner) =>
    (await gateway.store.createWorkspace({ organizationId: owner.id, name: 'W' }, testActor)).id,
  sa_id: (owner) => makeAccount(owner),
  operator_id: async (owner) => (await gateway.member('viewer', owner.id)).operatorId,
  session_id: async () => 'ses_00000000000000000000000000',
  token_id: async () => 'pat_00000000000000000000000000',
  row_id: async (owner) => {
    const row = requestRow({ organizationId: owner.id })
    await gateway.store.insertRequests([row])
    return row.id
  },
  event_id: async (owner) => (await gateway.store.listEvents({ organizationId: owner.id })).rows[0]?.id ?? '',
  job_id: async (owner) => {
    const jobs = `/organizations/${owner.id}/jobs`
    const { body } = await gateway.api<{ id: string }>('POST', jobs, { type: 'key_export' })
    await eventually('the job to end', async () => {
      return (await gateway.api('GET', `${jobs}/${body.id}`)).body.status === 'completed'
    })
    return body.id
  },
}

const makeAccount = async ({ id }: Organization): Promise<string> =>
  (await gateway.store.createServiceAccount({ organizationId: id, name: 'S', role: 'viewer' }, testActor)).id

async function makeDelivery({ id }: Organization): Promise<{ id: string; deliveryId: string }> {
  const webhooks = `/organizations/${id}/webhooks`
  // An organization has room for so many.
  const old = await gateway.api<{ id: string }[]>('GET', webhooks)
  for (const one of old.body) await gateway.api('DELETE', `${webhooks}/${one.id}`)
  const target = { url: 'https://hooks.invalid/', events: ['webhook.test'] }
  const webhook = await gateway.api<{ id: string }>('POST', webhooks, target)
  const delivery = await gateway.api<{ id: string }>('POST', `${webhooks}/${webhook.body.id}/test`)
  expect([webhook.status, delivery.status]).toEqual([201, 202])
  return { id: webhook.body.id, deliveryId: delivery.body.id }
}
