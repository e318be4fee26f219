import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { type Browser, openBrowser } from '../helpers/browser.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { logIn, logInRoot } from '../helpers/operators.ts'

type Body = Record<string, unknown>

interface Order {
  readonly path: string
  readonly body?: Body
}

/** For each operation with an Idempotency-Key what it takes, under an organization of its own. */
const orders: Readonly<Record<string, (organization: string) => Promise<Order> | Order>> = {
  createOrganization: () => ({ path: '/organizations', body: { name: 'New' } }),
  createWorkspace: (path) => ({ path: `${path}/workspaces`, body: { name: 'New' } }),
  createServiceAccount: (path) => ({ path: `${path}/service-accounts`, body: { name: 'New', role: 'engineer' } }),
  createApiKey: (path) => ({ path: `${path}/api-keys`, body: { name: 'New' } }),
  rotateApiKey: async (path) => ({ path: `${path}/api-keys/${(await newKey(path)).id}/rotate`, body: {} }),
  createWebhook: (path) => ({ path: `${path}/webhooks`, body: webhook }),
  rotateWebhookSecret: async (path) => ({ path: `${path}/webhooks/${await newWebhook(path)}/rotate-secret` }),
  testWebhook: async (path) => ({ path: `${path}/webhooks/${await newWebhook(path)}/test` }),
  redeliver: async (path) => ({ path: `${path}/deliveries/${(await newDelivery(path)).id}/redeliver` }),
  redeliverOfWebhook: async (path) => {
    const { id, webhook_id: webhookId } = await newDelivery(path)
    return { path: `${path}/webhooks/${webhookId}/deliveries/${id}/redeliver` }
  },
  createJob: (path) => ({ path: `${path}/jobs`, body: { type: 'key_import', params: importOf('{"name":"A"}') } }),
  createMemberLink: async (path) => ({ path: `${path}/members/${await newMember(path)}/link` }),
  addMember: (path) => ({ path: `${path}/members`, body: { email: newEmail(), role: 'viewer' } }),
  createOperator: () => ({ path: '/operators', body: { email: newEmail(), name: 'New' } }),
  resetPassword: async () => ({ path: `/operators/${await newOperator()}/reset-password` }),
  createAdminToken: () => ({ path: '/tokens', body: { name: 'New', role: 'root' } }),
}

const webhook = { url: 'http://127.0.0.1:9/', events: ['*'] }
const importOf = (data: string) => ({ format: 'jsonl', data })
const newEmail = (): string => `${randomUUID()}@example.com`

let gateway: AdminGateway
let clock: TestClock
let browser: Browser
let organization = ''
beforeEach(async () => {
  clock = testClock()
  const allowed = 'webhooks: { allow_private: true }\nkeys: { reveal: true, default_scopes: ["projects:read"] }\n'
  gateway = await startAdmin(`${adminConfig}\n${allowed}`, { clock })
  browser = (await logInRoot(gateway)).browser
  organization = `/organizations/${gateway.organization.id}`
})
afterEach(() => gateway[Symbol.asyncDispose]())

const post = (path: string, body?: Body, key?: string) =>
  browser.send<Body>('POST', `/platform${path}`, body, key === undefined ? {} : { 'idempotency-key': key })
const made = async (path: string, body?: Body): Promise<Body> => {
  const answer = await post(path, body)
  expect([path, answer.status]).toEqual([path, expect.toSatisfy((status: number) => status < 300)])
  return answer.body
}
const newKey = async (path: string) => (await made(`${path}/api-keys`, { name: 'Old' })).key as Body
const newWebhook = async (path: string) => String((await made(`${path}/webhooks`, webhook)).id)
const newDelivery = async (path: string) => made(`${path}/webhooks/${await newWebhook(path)}/test`)
const newMember = async (path: string) =>
  String((await made(`${path}/members`, { email: newEmail(), role: 'viewer' })).id)
const newOperator = async () => String((await made('/operators', { email: newEmail(), name: 'Old' })).id)

describe('an answer that is kept for a repeat', () => {
  it('is promised by these operations and no others', async () => {
    const response = await fetch(`${gateway.adminUrl}/openapi.json`)
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, Body>> }
    const operations = Object.values(paths).flatMap((path) => Object.values(path))
    const promised = operations.filter(({ parameters = [] }) =>
      (parameters as Body[]).some(({ name }) => name === 'Idempotency-Key'),
    )
    expect(promised.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(orders).toSorted())
  })

  it.each(Object.keys(orders))('is kept with what was made, or nothing is made: %s', async (operation) => {
    const { path, body } = await orderOf(operation)
    const before = rows(gateway)
    const trigger = 'before update of answer on idempotent_requests when new.answer is not null'
    await sql(gateway, `create trigger broken ${trigger} begin select raise(abort, 'broken'); end`)
    expect((await post(path, body, 'a')).status).toBe(500)
    expect(rows(gateway)).toEqual(before)
    await sql(gateway, 'drop trigger broken')

    // As if a repeat had taken over between the start of the request and the end of its change.
    const takeOver = "update idempotent_requests set lease = 'later' where answer is null"
    await sql(gateway, `create trigger later before insert on admin_events begin ${takeOver}; end`)
    const late = await post(path, body, 'a')
    expect([late.status, late.body.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
    expect(rows(gateway)).toEqual(before)
    await sql(gateway, 'drop trigger later')

    const first = await post(path, body, 'a')
    expect([200, 201, 202]).toContain(first.status)
    if (operation === 'createJob') await jobEnd(String(first.body.id))
    const after = rows(gateway)
    expect(after).not.toEqual(before)
    const again = await post(path, body, 'a')
    expect([again.status, again.body]).toEqual([first.status, first.body])
    expect([again.headers['idempotent-replayed'], again.headers.etag]).toEqual(['true', first.headers.etag])
    expect(rows(gateway)).toEqual(after)
  })

  it('is the one of 50 that come at once; the others get it, or 409 and it later', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post(`${organization}/api-keys`, { name: 'X' }, 'a')),
    )
    const [winner] = answers.filter(({ status }) => status === 201)
    for (const { status, body } of answers) {
      if (status === 201) expect(body).toEqual(winner?.body)
      else expect([status, body.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
    }
    expect(await gateway.store.countKeys(gateway.organization.id)).toBe(1)
    expect((await post(`${organization}/api-keys`, { name: 'X' }, 'a')).body).toEqual(winner?.body)
  })

  it('is free at once for a repeat when the process that had begun was started anew', async () => {
    await post(`${organization}/api-keys`, { name: 'X' }, 'a')
    await sql(gateway, `update idempotent_requests set answer = null, lease_ends_at = ${clock.now() + 60_000}`)
    expect((await post(`${organization}/api-keys`, { name: 'X' }, 'a')).status).toBe(409)
    await gateway.store.endIdempotentLeases()
    expect((await post(`${organization}/api-keys`, { name: 'X' }, 'a')).status).toBe(201)
  })
})

describe('the secret in an answer that is given again', () => {
  it('of a webhook is there until it is rotated or the webhook deleted', async () => {
    const path = `${organization}/webhooks`
    const first = await post(path, webhook, 'a')
    const { id } = first.body
    expect(first.body.secret).toMatch(/^whsec_/)
    expect((await post(path, webhook, 'a')).body).toEqual(first.body)
    await gateway.api('PATCH', `${path}/${id}`, { status: 'disabled' })
    expect((await post(path, webhook, 'a')).body).toEqual(first.body)

    const rotated = await post(`${path}/${id}/rotate-secret`, undefined, 'r')
    expect(rotated.body.secret).toMatch(/^whsec_/)
    expect((await post(path, webhook, 'a')).body).toEqual({ ...first.body, secret: null })
    expect((await post(`${path}/${id}/rotate-secret`, undefined, 'r')).body).toEqual(rotated.body)
    await post(`${path}/${id}/rotate-secret`, undefined, 's')
    expect((await post(`${path}/${id}/rotate-secret`, undefined, 'r')).body).toEqual({ ...rotated.body, secret: null })

    const other = await post(path, webhook, 'b')
    await gateway.api('DELETE', `${path}/${other.body.id}`)
    expect((await post(path, webhook, 'b')).body).toEqual({ ...other.body, secret: null })
  })

  it('of a personal token is there until it is revoked or ends', async () => {
    const order = { name: 'CI', role: 'root', expires_in_days: 1 }
    const [one, other] = [await post('/tokens', order, 'a'), await post('/tokens', order, 'b')]
    expect(one.body.raw_token).toMatch(/^spat_/)
    await passDay(1)
    expect((await post('/tokens', order, 'a')).body).toEqual(one.body)
    await gateway.api('DELETE', `/tokens/${(one.body.token as Body).id}`)
    expect((await post('/tokens', order, 'a')).body).toEqual({ ...one.body, raw_token: null })
    expect((await post('/tokens', order, 'b')).body).toEqual(other.body)
  })

  it('of an invitation or a reset is there until it is used, or another link takes its place', async () => {
    const [added, order] = [newEmail(), { email: newEmail(), name: 'New' }]
    const operator = await post('/operators', order, 'a')
    const member = await post(`${organization}/members`, { email: added, role: 'viewer' }, 'm')
    const { invitation } = operator.body as { invitation: { url: string; expires_at: string } }
    expect((await post('/operators', order, 'a')).body).toEqual(operator.body)
    expect((await post(`${organization}/members`, { email: added, role: 'viewer' }, 'm')).body).toEqual(member.body)

    const reset = `/operators/${operator.body.id}/reset-password`
    const link = await post(reset, undefined, 'r')
    expect((await post('/operators', order, 'a')).body).toEqual({
      ...operator.body,
      invitation: { ...invitation, url: null },
    })
    expect((await post(reset, undefined, 'r')).body).toEqual(link.body)
    const token = String(link.body.url).split('#token=')[1]
    const set = { token, password: 'another horse battery staple' }
    expect((await openBrowser(gateway.adminUrl).send('POST', '/platform/setup', set)).status).toBe(201)
    expect((await post(reset, undefined, 'r')).body).toEqual({ ...link.body, url: null })
  })

  it('of a key is there while its organization is suspended, and gone once the key was deleted', async () => {
    const order = { name: 'Short', expires_in_days: 1 }
    const first = await post(`${organization}/api-keys`, order, 'a')
    await gateway.api('PATCH', organization, { status: 'suspended' })
    expect((await post(`${organization}/api-keys`, order, 'a')).body).toEqual(first.body)
    // To the last moment that the answer is kept.
    await passDay(1)
    expect((await post(`${organization}/api-keys`, order, 'a')).body).toEqual(first.body)
    await gateway.api('DELETE', `${organization}/api-keys/${(first.body.key as Body).id}`)
    expect((await post(`${organization}/api-keys`, order, 'a')).body).toEqual({ ...first.body, raw_key: null })
  })
})

const jobEnd = (id: string) =>
  eventually('the job to be done', async () => {
    const { body } = await gateway.api('GET', `${organization}/jobs/${id}`)
    return body.status === 'completed'
  })

/** A session does not last that long without a request. */
async function passDay(lessMs: number): Promise<void> {
  const { email } = (await browser.send<{ email: string }>('GET', '/platform/me')).body
  clock.advance(24 * 3_600_000 - lessMs)
  browser = await logIn(gateway.adminUrl, email)
}

async function orderOf(operation: string): Promise<Order> {
  const order = await orders[operation]?.(organization)
  if (order === undefined) throw new Error(operation)
  return order
}

/** How much there is in each table that a request is to change. */
function rows(from: AdminGateway): Record<string, unknown> {
  using database = new DatabaseSync(from.storeFile, { readOnly: true })
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
  const names = tables.map(({ name }) => String(name)).filter((name) => !others.test(name))
  return Object.fromEntries(names.map((name) => [name, database.prepare(`select count(*) from "${name}"`).get()]))
}
/** The text of an import is put before, and goes by itself. What is delivered and recorded meanwhile is not of the request. */
const others = /^sqlite_|^idempotent_requests$|^job_parts$|^request_/

/** Tried again between two writes of the gateway, which can't end its own while this process waits for the file. */
async function sql({ storeFile }: AdminGateway, text: string): Promise<void> {
  await eventually('the store to be free', () => {
    using database = new DatabaseSync(storeFile, { timeout: 0 })
    try {
      database.exec(text)
      return true
    } catch (error) {
      if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return false
      throw error
    }
  })
}
const sqliteBusy = 5
