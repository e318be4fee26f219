import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { type AdminWorld, fillPath, openWorld, type Populated } from '../../helpers/admin-world.ts'
import { testActor } from '../../helpers/gateway.ts'
import { logInRoot, password } from '../../helpers/operators.ts'
import { connectRaw, type RawClient } from '../../helpers/raw-client.ts'
import { arbitraryOf } from '../../helpers/schema-arbitrary.ts'

/**
 * Who sees it coming begins requests, holds the last byte of each body back, and sends it once the rights are gone: what was
 * found out before the body must still hold behind it.
 */
let gateway: AdminGateway
let world: AdminWorld
let home: Populated
beforeEach(async () => {
  gateway = await startAdmin()
  world = await openWorld(gateway)
  home = await world.populate()
})
afterEach(async () => {
  world[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
})

interface Held {
  readonly id: string
  finish(): Promise<number>
}

/** Every operation of the organization that has a body which the schema takes, each but for its last byte. */
async function holdAll(credentials: string, prefix: string): Promise<Held[]> {
  const operations = world.operations.filter(({ path, body }) => path.startsWith(prefix) && body !== undefined)
  const held: Held[] = []
  for (const { id, method, path, body } of operations) {
    const hints = (name: string) => bodies[name]
    const [value] = fc.sample(arbitraryOf(body?.schema ?? {}, { resolve: world.document.resolve, hints }), {
      numRuns: 1,
      seed: 7,
    })
    held.push(await hold(id, credentials, method, fillPath(path, home.ids), (fixed[id] ?? value) as object))
  }
  return held
}

async function hold(id: string, credentials: string, method: string, path: string, body: object): Promise<Held> {
  const client: RawClient = await connectRaw(gateway.adminUrl)
  const { host } = new URL(gateway.adminUrl)
  const text = Buffer.from(JSON.stringify(body))
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\n${credentials}\r\nContent-Type: application/json\r\n`
  await client.send(`${head}Content-Length: ${text.length}\r\n\r\n`)
  await client.send(text.subarray(0, -1))
  return {
    id,
    async finish() {
      await client.send(text.subarray(-1))
      const { status } = await client.response({ withinMs: 10_000 })
      client[Symbol.dispose]()
      return status
    },
  }
}

const bodies: Readonly<Record<string, readonly unknown[]>> = {
  scopes: ['projects:read'],
  project_id: [null],
  service_account_id: [null],
}
const fixed: Readonly<Record<string, object>> = {
  addMember: { email: 'mallory@example.com', role: 'owner', password },
  updateMember: { role: 'owner' },
  createApiKey: { name: 'Backdoor', scopes: ['projects:read'] },
  updateApiKey: { name: 'Changed' },
  createJob: { type: 'bulk_revoke', params: { all: true } },
  createWebhook: { url: 'https://hooks.invalid/', events: ['*'] },
  updateWebhook: { url: 'https://evil.invalid/' },
  updateOrganization: { name: 'Owned' },
  deleteOrganization: { confirm: 'acme' },
  createWorkspace: { name: 'W' },
  updateWorkspace: { name: 'W2' },
  createServiceAccount: { name: 'S', role: 'owner' },
  updateServiceAccount: { role: 'owner' },
  createOperator: { email: 'mallory@example.com', name: 'M', is_root: true, password },
  updateOperator: { is_root: true },
  createOrganization: { name: 'O' },
  createAdminToken: { name: 'T', role: 'root' },
  validatePolicy: { yaml: 'routes: []' },
  explainPolicy: { method: 'GET', path: '/', scopes: [] },
  updateMe: { name: 'Somebody' },
}

/** By then each of them has been let in: its head came before requests that are answered. */
async function letIn(): Promise<void> {
  for (let round = 0; round < 3; round++) await gateway.api('GET', '/me')
}

const eventsOf = async () => (await gateway.store.listEvents({}, { limit: 200 })).rows.length

describe('a request whose body comes late', () => {
  const losses: Record<string, (operatorId: string) => Promise<unknown>> = {
    'was removed': (id) => gateway.api('DELETE', `/organizations/${home.organization.id}/members/${id}`),
    'was made a viewer': (id) =>
      gateway.api('PATCH', `/organizations/${home.organization.id}/members/${id}`, { role: 'viewer' }),
    'was deleted': (id) => gateway.api('DELETE', `/operators/${id}`),
    'lost the password, and every token with it': (id) => gateway.store.resetPassword(id, testActor),
  }
  it.each(Object.entries(losses))('changes nothing once the owner who began it %s', async (_, lose) => {
    const owner = await gateway.member('owner')
    const held = await holdAll(`Authorization: Bearer ${owner.token}`, '/platform/organizations/{organization_id}')
    expect(held.length).toBeGreaterThan(14)
    await letIn()
    await lose(owner.operatorId)
    const before = await eventsOf()
    for (const one of held) {
      const status = await one.finish()
      expect([one.id, [401, 403, 404].includes(status), status]).toEqual([one.id, true, status])
    }
    expect(await eventsOf()).toBe(before)
  })

  it('changes nothing once root who began it is root no more, or has logged out', async () => {
    await logInRoot(gateway)
    const lowered = await logInRoot(gateway)
    const left = await logInRoot(gateway)
    const cookieOf = ({ browser }: typeof lowered) =>
      `Cookie: ${[...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')}`
    const held = [
      ...(await holdAll(cookieOf(lowered), '/platform/')),
      ...(await holdAll(cookieOf(left), '/platform/')),
    ].filter(({ id }) => !['logIn', 'redeemLink'].includes(id))
    await letIn()
    await gateway.api('PATCH', `/operators/${lowered.id}`, { is_root: false })
    await left.browser.send('DELETE', '/platform/sessions/current')
    const before = await eventsOf()
    for (const one of held.filter(({ id }) => id !== 'updateMe')) {
      const status = await one.finish()
      expect([one.id, [401, 403, 404].includes(status), status]).toEqual([one.id, true, status])
    }
    expect(await eventsOf()).toBe(before)
  })
})
