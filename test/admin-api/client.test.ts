import createClient from 'openapi-fetch'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { paths } from '../../docs/reference/openapi.d.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'

/** That this file compiles is half of the test: every path, parameter, body and answer in it is typed by the document. */
const clock = testClock()
let gateway: AdminGateway
beforeAll(async () => {
  gateway = await startAdmin(undefined, { clock })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const statusOf = async (key: string): Promise<number | undefined> =>
  (await gateway.request('GET', '/api/v1/me', { key })).status

it('a generated client creates a key, uses it, rotates it with grace and revokes it', async () => {
  const client = createClient<paths>({
    baseUrl: gateway.adminUrl,
    headers: { authorization: `Bearer ${gateway.adminToken}` },
  })
  const { data: organization } = await client.POST('/platform/organizations', { body: { name: 'Client' } })
  const organizationId = String(organization?.id)
  const ofOrganization = { organization_id: organizationId }

  const created = await client.POST('/platform/organizations/{organization_id}/api-keys', {
    params: { path: ofOrganization, header: { 'Idempotency-Key': 'first-key' } },
    body: { name: 'CI', scopes: ['projects:read'], expires_in_days: 30, metadata: { team: 'a' } },
  })
  expect(created.response.status).toBe(201)
  const first = String(created.data?.raw_key)
  expect(await statusOf(first)).toBe(200)

  const path = { ...ofOrganization, key_id: String(created.data?.key.id) }
  const rotated = await client.POST('/platform/organizations/{organization_id}/api-keys/{key_id}/rotate', {
    params: { path },
    body: { grace_period_seconds: 60 },
  })
  const second = String(rotated.data?.raw_key)
  expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200])
  clock.advance(60_000)
  expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200])

  const revoked = await client.POST('/platform/organizations/{organization_id}/api-keys/{key_id}/revoke', {
    params: { path },
    body: { reason: 'Done' },
  })
  const isActive: boolean | undefined = revoked.data?.is_active
  expect([isActive, await statusOf(second)]).toEqual([false, 401])

  const listed = await client.GET('/platform/organizations/{organization_id}/api-keys', {
    params: { path: ofOrganization, query: { status: 'revoked', limit: '10' } },
  })
  expect(listed.data?.map(({ id, status }) => [id, status])).toEqual([[path.key_id, 'revoked']])

  const refused = await client.POST('/platform/organizations/{organization_id}/api-keys', {
    params: { path: ofOrganization },
    body: { name: 'CI', scopes: ['nothing'] },
  })
  expect(refused.error?.code).toBe('UNKNOWN_SCOPE')
})

it('the types know what the document does not', () => {
  const client = createClient<paths>({ baseUrl: 'http://127.0.0.1:9' })
  // Never called: the compiler is the test.
  const _wrong = () => [
    // @ts-expect-error there is no such path
    client.GET('/platform/nothing'),
    client.POST('/platform/organizations/{organization_id}/api-keys', {
      params: { path: { organization_id: 'org_1' } },
      // @ts-expect-error a key needs a name
      body: { scopes: [] },
    }),
  ]
  expect(typeof _wrong).toBe('function')
})
