import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { mainFile, runNode } from '../helpers/cli.ts'
import { testActor } from '../helpers/gateway.ts'

interface EventAnswer {
  id: string
  type: string
  actor: { type: string; id: string | null }
  target: string | null
  request_id: string | null
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}
interface Verdict {
  valid: boolean
  checked: number
  first_bad?: { seq: number; id: string | null; reason: string }
}

let gateway: AdminGateway
beforeEach(async () => {
  gateway = await startAdmin()
})
afterEach(() => gateway[Symbol.asyncDispose]())

const today = (): string => `${new Date().toISOString().slice(0, 10)}T00:00:00Z`
const verify = async (): Promise<Verdict> => (await gateway.api<Verdict>('GET', '/events/verify')).body
const tamper = (sql: string): void => {
  const database = new DatabaseSync(gateway.storeFile, { timeout: 2000 })
  database.exec(sql)
  database.close()
}
const makeEvents = async (count: number): Promise<void> => {
  for (let at = 0; at < count; at++) await gateway.createOrg({ name: `Org ${at}` })
}

describe('the audit trail over the admin API', () => {
  it('tells who changed what, with what it was before, and nothing secret', async () => {
    const path = `/organizations/${gateway.organization.id}`
    const { headers } = await gateway.api('PATCH', path, { name: 'Renamed' })
    const key = await gateway.createKey()
    const { body } = await gateway.api<EventAnswer[]>('GET', `${path}/events?limit=2`)
    expect(body.map(({ type }) => type)).toEqual(['api_key.created', 'organization.updated'])
    expect(body[1]).toMatchObject({
      actor: { id: 'admin_token' },
      target: gateway.organization.id,
      request_id: headers.get('x-request-id'),
      before: { name: 'Acme' },
      after: { name: 'Renamed' },
    })
    expect(JSON.stringify(body)).not.toContain(key.raw)
  })

  it('is searched, and each event found again by its id', async () => {
    const events = `/organizations/${gateway.organization.id}/events`
    const { record } = await gateway.createKey()
    await gateway.api('POST', `/organizations/${gateway.organization.id}/api-keys/${record.id}/revoke`, {})
    const { headers, body } = await gateway.api<EventAnswer[]>('GET', `${events}?target=${record.id}&type=api_key.*`)
    expect([body.map(({ type }) => type), headers.get('link')]).toEqual([['api_key.revoked', 'api_key.created'], null])
    const [revoked] = body
    for (const query of [
      'type=api_key.revoked',
      'actor_id=admin_token&limit=1',
      `since=${today()}&type=api_key.revoked`,
    ]) {
      expect([query, (await gateway.api<EventAnswer[]>('GET', `${events}?${query}`)).body]).toEqual([query, [revoked]])
    }
    for (const query of ['type=api_key.rotated', `until=${today()}`, 'actor_id=usr_nobody', 'target=key_none']) {
      expect([query, (await gateway.api<EventAnswer[]>('GET', `${events}?${query}`)).body]).toEqual([query, []])
    }
    for (const path of [`${events}/${revoked?.id}`, `/events/${revoked?.id}`]) {
      expect((await gateway.api<EventAnswer>('GET', path)).body).toEqual(revoked)
    }
    for (const query of ['type=api_key', 'type=*', 'target=a%00b', 'actor_id=', 'since=yesterday', 'colour=blue']) {
      expect([query, (await gateway.api('GET', `${events}?${query}`)).status]).toEqual([query, 422])
    }
  })

  it('of another organization is like nothing, event by event', async () => {
    const other = await gateway.createOrg({ name: 'Other' })
    const [event] = (await gateway.store.listEvents({ organizationId: other.id })).rows
    for (const id of [event?.id, 'evt_none', 'verify']) {
      expect((await gateway.api('GET', `/organizations/${gateway.organization.id}/events/${id}`)).status).toBe(404)
    }
    expect((await gateway.api('GET', `/events/${event?.id}`)).status).toBe(200)
    expect((await gateway.api('GET', '/events/evt_none')).status).toBe(404)
  })

  it('of all organizations is for root', async () => {
    const owner = await gateway.member('owner')
    expect((await owner('GET', '/events')).status).toBe(403)
    expect((await owner('GET', '/events/verify')).status).toBe(403)
    expect((await owner('GET', `/organizations/${gateway.organization.id}/events`)).status).toBe(200)
    expect((await gateway.api('GET', '/events')).status).toBe(200)
  })
})

describe('verification', () => {
  it('finds nothing wrong with a trail that nobody touched', async () => {
    await makeEvents(5)
    const verdict = await verify()
    expect(verdict).toEqual({ valid: true, checked: expect.any(Number) })
    expect(verdict.checked).toBeGreaterThanOrEqual(5)
  })

  it.each([
    ['an edited event', `update admin_events set after = '{"name":"Evil"}' where seq = 3`, 3],
    ['an event whose actor was changed', `update admin_events set actor_id = 'usr_x' where seq = 2`, 2],
    ['a removed event', 'delete from admin_events where seq = 3', 4],
    [
      'two events that changed places',
      'update admin_events set seq = 1000 where seq = 3; update admin_events set seq = 3 where seq = 4; update admin_events set seq = 4 where seq = 1000',
      3,
    ],
    ['an event that is no JSON any more', `update admin_events set after = '{' where seq = 2`, 2],
  ])('finds %s', async (_what, sql, seq) => {
    await makeEvents(5)
    tamper(sql)
    expect(await verify()).toMatchObject({ valid: false, first_bad: { seq, reason: expect.any(String) } })
  })
})

describe('checkpoints', () => {
  const verifyByCommand = () =>
    runNode([mainFile, 'verify-events', '--config', gateway.configFile, '--json'], join(gateway.configFile, '..'))

  it('show that the end of the trail was cut off, also to the command line', async () => {
    await makeEvents(5)
    await gateway.app.close()
    const whole = await verifyByCommand()
    expect([whole.code, JSON.parse(whole.stdout)]).toEqual([0, { valid: true, checked: expect.any(Number) }])

    tamper('delete from admin_events where seq > 3')
    const cut = await verifyByCommand()
    expect([cut.code, JSON.parse(cut.stdout)]).toMatchObject([1, { valid: false, first_bad: { seq: 4, id: null } }])
    expect(cut.stderr).toContain('cut off')
  })

  it('are not believed when their file was changed', async () => {
    await makeEvents(2)
    await gateway.app.close()
    const file = `${gateway.storeFile}.checkpoints`
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"seq":\d+/, '"seq":1'))
    const { code, stderr } = await verifyByCommand()
    expect([code, stderr]).toEqual([1, expect.stringContaining("can't be trusted")])
  })
})

it('an event is committed with the change it records, and says which command made it', async () => {
  const organization = await gateway.store.createOrganization({ name: 'Third' }, testActor)
  const { body } = await gateway.api<EventAnswer[]>('GET', `/organizations/${organization.id}/events`)
  expect(body).toMatchObject([{ type: 'organization.created', actor: { type: 'cli', id: null } }])
})
