import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { type ReceivedWebhook, startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

interface Made {
  id: string
  secret: string
  status: string
  disabled_reason: string | null
  previous_secret_expires_at: string | null
}
interface DeliveryAnswer {
  id: string
  event_id: string
  type: string
  status: string
  attempts: number
  next_attempt_at: string | null
  response: { at: string; status_code: number | null; body: string; error: string | null; duration_ms: number } | null
  redelivery_of: string | null
  payload: { data: Record<string, unknown> }
}

const config = `${adminConfig}\nwebhooks: { allow_private: true }\n`
const minute = 60_000
const day = 86_400_000

let clock: TestClock
let gateway: AdminGateway
let target: WebhookTarget
let webhooks: string
beforeEach(async () => {
  // Near the real time, which the library that verifies goes by.
  clock = testClock(Date.now())
  gateway = await startAdmin(config, { clock })
  target = await startWebhookTarget()
  webhooks = `/organizations/${gateway.organization.id}/webhooks`
})
afterEach(async () => {
  await target[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

const subscribe = async (events: string[] = ['*'], url = target.url): Promise<Made> => {
  const { status, body } = await gateway.api<Made>('POST', webhooks, { url, events })
  expect([status, body]).toEqual([201, expect.objectContaining({ secret: expect.stringMatching(/^whsec_/) })])
  return body
}
const deliveries = async (webhook: { id: string }): Promise<DeliveryAnswer[]> =>
  (await gateway.api<DeliveryAnswer[]>('GET', `${webhooks}/${webhook.id}/deliveries`)).body
const arrives = (type: string, count = 1): Promise<ReceivedWebhook[]> =>
  eventually(`${count} of ${type}`, () => {
    const found = target.ofType(type)
    return found.length >= count && found
  })
const first = async (type: string): Promise<ReceivedWebhook> => {
  const [one] = await arrives(type)
  if (one === undefined) throw new Error('it has arrived')
  return one
}
const ended = (webhook: { id: string }, status: string): Promise<DeliveryAnswer> =>
  eventually(`a delivery that is ${status}`, async () =>
    (await deliveries(webhook)).find((delivery) => delivery.status === status),
  )
const tried = (webhook: { id: string }, attempts: number): Promise<DeliveryAnswer> =>
  eventually(`${attempts} attempts`, async () => {
    const [newest] = await deliveries(webhook)
    // The clock stands still: what was tried now has ended when its response is of now.
    return newest?.attempts === attempts && Date.parse(newest.response?.at ?? '') === clock.now() && newest
  })
const counted = (result: string, times: number) =>
  eventually(`${times} ${result} to be counted`, async () =>
    (await gateway.metrics()).includes(`\nsallyport_webhook_deliveries_total{result="${result}"} ${times}\n`),
  )
const test = (webhook: { id: string }) => gateway.api<DeliveryAnswer>('POST', `${webhooks}/${webhook.id}/test`)

describe('a change that a webhook asks for', () => {
  it('arrives, signed so that the reference library verifies it, without a secret', async () => {
    const { secret } = await subscribe(['api_key.created'])
    const key = await gateway.createKey({ name: 'Deploys', metadata: { team: 'core' } })
    const { id, headers, text } = await first('api_key.created')
    const verified = new Webhook(secret).verify(text, headers)
    const { body: record } = await gateway.api(
      'GET',
      `/organizations/${gateway.organization.id}/api-keys/${key.record.id}`,
    )
    expect(verified).toEqual({ type: 'api_key.created', timestamp: new Date(clock.now()).toISOString(), data: record })
    expect(id).toMatch(/^evt_/)
    expect(text).not.toContain(key.raw)
    expect(() => new Webhook(secret).verify(text.replace('Deploys', 'Deplays'), headers)).toThrow()
  })

  it('is told in every kind: key and organization', async () => {
    await subscribe()
    const { store, organization } = gateway
    const actor = testActor
    const workspace = await store.createWorkspace({ organizationId: organization.id, name: 'W' }, actor)
    const key = await gateway.createKey()
    const { id } = key.record
    await store.updateKey(organization.id, id, { name: 'Other' }, actor)
    await store.grantWorkspace(organization.id, id, workspace.id, actor)
    await gateway.rotateKey(key, null)
    await store.revokeKey(organization.id, id, 'lost', actor)
    await store.updateOrganization(organization.id, { status: 'suspended', statusReason: 'unpaid' }, actor)
    await store.updateOrganization(organization.id, { status: 'active' }, actor)
    await store.updateOrganization(organization.id, { name: 'Not told' }, actor)
    await arrives('organization.resumed')
    const updates = await arrives('api_key.updated', 2)
    expect(updates.map(({ body }) => [body.data.name, body.data.workspaces_total])).toEqual(
      expect.arrayContaining([
        ['Other', 0],
        ['Other', 1],
      ]),
    )
    expect((await first('api_key.revoked')).body.data).toMatchObject({ id, status: 'revoked', revoked_reason: 'lost' })
    expect((await first('organization.suspended')).body.data).toMatchObject({ status: 'suspended' })
    await eventually('all to arrive', () => target.received.length === 7)
    expect(target.received.map(({ body }) => body.type).sort()).toEqual([
      'api_key.created',
      'api_key.revoked',
      'api_key.rotated',
      'api_key.updated',
      'api_key.updated',
      'organization.resumed',
      'organization.suspended',
    ])
  })

  it('tells of a deleted key that it is revoked, and of one that was revoked before nothing more', async () => {
    const webhook = await subscribe(['api_key.revoked'])
    const { store, organization } = gateway
    const [one, other] = [await gateway.createKey(), await gateway.createKey()]
    await store.deleteKey(organization.id, one.record.id, testActor)
    await store.revokeKey(organization.id, other.record.id, null, testActor)
    clock.advance(1000)
    await store.deleteKey(organization.id, other.record.id, testActor)
    expect((await deliveries(webhook)).map(({ payload }) => payload.data.id)).toEqual([other.record.id, one.record.id])
  })

  it('reaches those that ask for its type, in its own organization alone', async () => {
    const asks = await subscribe(['api_key.revoked', 'api_key.created'])
    const asksNot = await subscribe(['api_key.revoked'])
    const other = await gateway.createOrg({ name: 'Other' })
    await gateway.createKey({ organizationId: other.id })
    await gateway.createKey()
    await ended(asks, 'delivered')
    expect(await deliveries(asks)).toHaveLength(1)
    expect(await deliveries(asksNot)).toEqual([])
  })

  it('tells of an exposed key', async () => {
    await subscribe(['api_key.exposed'])
    const key = await gateway.createKey()
    await gateway.request('GET', `/projects/1?key=${key.raw}`)
    const { text, body } = await first('api_key.exposed')
    expect(body.data).toMatchObject({ id: key.record.id })
    expect(text).not.toContain(key.raw)
  })
})

describe('a delivery that fails', () => {
  it('is tried again later, under the same id, with the same body and a signature of its own time', async () => {
    target.answerWith((response) => void response.writeHead(503).end('not now'))
    const webhook = await subscribe(['api_key.created'])
    await gateway.createKey()
    const failed = await tried(webhook, 1)
    expect(failed).toMatchObject({ status: 'pending', response: { status_code: 503, body: 'not now', error: null } })
    const waitMs = Date.parse(failed.next_attempt_at ?? '') - clock.now()
    expect(waitMs).toBeGreaterThanOrEqual(4500)
    expect(waitMs).toBeLessThanOrEqual(5500)

    target.answerWith((response) => void response.writeHead(204).end())
    clock.advance(6000)
    expect(await ended(webhook, 'delivered')).toMatchObject({ attempts: 2, next_attempt_at: null })
    const [one, again] = target.received
    expect(again).toMatchObject({ id: one?.id, text: one?.text })
    for (const { text, headers } of target.received) new Webhook(webhook.secret).verify(text, headers)
    expect(Number(again?.headers['webhook-timestamp'])).toBe(Number(one?.headers['webhook-timestamp']) + 6)
    await counted('delivered', 1)
    await counted('retried', 1)
  })

  it('has failed for good after a day', async () => {
    target.answerWith((response) => void response.writeHead(500).end())
    const webhook = await subscribe(['api_key.created'])
    await gateway.createKey()
    for (let attempts = 1; attempts <= 10; attempts++) {
      await tried(webhook, attempts)
      clock.advance(11 * 60 * minute)
    }
    const failed = await ended(webhook, 'failed')
    expect(failed).toMatchObject({ attempts: 11, next_attempt_at: null })
    clock.advance(2 * day)
    await test(webhook)
    await eventually('the test to arrive', () => target.ofType('webhook.test').length === 1)
    expect(target.ofType('api_key.created')).toHaveLength(11)
  })

  it.each([301, 302, 307, 400, 404, 429, 500])('is one that was answered %i', async (status) => {
    await using other = await startWebhookTarget()
    target.answerWith((response) => void response.writeHead(status, { location: other.url }).end())
    const webhook = await subscribe()
    await test(webhook)
    expect(await tried(webhook, 1)).toMatchObject({ status: 'pending', response: { status_code: status } })
    expect(other.received).toEqual([])
  })

  it('disables the webhook when the answer is 410, and gives up what waits for it', async () => {
    target.answerWith((response, { body }) => {
      response.writeHead(body.type === 'webhook.test' ? 410 : 500).end()
    })
    const webhook = await subscribe()
    await gateway.createKey()
    await tried(webhook, 1)
    await test(webhook)
    await eventually('it to be disabled', async () => {
      const { body } = await gateway.api<Made>('GET', `${webhooks}/${webhook.id}`)
      return body.status === 'disabled' && body.disabled_reason === 'the target answered 410 Gone'
    })
    await eventually('all to have ended', async () =>
      (await deliveries(webhook)).every(({ status }) => status === 'failed'),
    )
    const [event] = (await gateway.store.listEvents()).rows
    expect(event).toMatchObject({ type: 'webhook.disabled', target: webhook.id, actor: { type: 'system' } })
    await counted('gone', 1)

    await gateway.createKey()
    expect(await deliveries(webhook)).toHaveLength(2)
    expect((await test(webhook)).status).toBe(409)
    expect((await gateway.api('PATCH', `${webhooks}/${webhook.id}`, { status: 'active' })).body).toMatchObject({
      status: 'active',
      disabled_reason: null,
    })
    expect((await test(webhook)).status).toBe(202)
  })

  it('does not hold up others: a target that never answers has two connections at most', async () => {
    await using slow = await startWebhookTarget()
    slow.answerWith(() => undefined)
    await subscribe(['api_key.created'], slow.url)
    await subscribe(['api_key.created'])
    for (let count = 0; count < 20; count++) await gateway.createKey()
    await arrives('api_key.created', 20)
    expect(slow.received).toHaveLength(2)
  })
})

describe('a gateway that stops', () => {
  it('breaks off what a target leaves hanging, and the next one tries it again', async () => {
    target.answerWith(() => undefined)
    const webhook = await subscribe()
    await test(webhook)
    await arrives('webhook.test')
    await using store = Object.assign(await gateway.openSecondStore(), {
      async [Symbol.asyncDispose]() {
        await store.close()
      },
    })
    const startedAt = performance.now()
    await gateway.app.close()
    expect(performance.now() - startedAt).toBeLessThan(8000)
    const [delivery] = (await store.listDeliveries(gateway.organization.id, webhook.id)).rows
    expect(delivery).toMatchObject({ status: 'pending', response: { error: 'the gateway was stopped' } })
    expect(delivery?.nextAttemptAt).toBeGreaterThan(clock.now())
  })
})

describe('redelivery', () => {
  it('sends the same message again as a delivery of its own', async () => {
    const webhook = await subscribe(['api_key.created'])
    await gateway.createKey()
    const done = await ended(webhook, 'delivered')
    const path = `/organizations/${gateway.organization.id}/deliveries/${done.id}/redeliver`
    const { status, body } = await gateway.api<DeliveryAnswer>('POST', path)
    expect([status, body]).toEqual([202, expect.objectContaining({ redelivery_of: done.id, event_id: done.event_id })])
    const [one, again] = await arrives('api_key.created', 2)
    expect(again).toMatchObject({ id: one?.id, text: one?.text })
    expect((await deliveries(webhook)).map(({ id }) => id)).toEqual([body.id, done.id])
    const under = await gateway.api('POST', `${webhooks}/${webhook.id}/deliveries/${done.id}/redeliver`)
    expect(under.status).toBe(202)
  })
})

describe('rotation of the secret', () => {
  it('signs with both for 24 hours, then with the new one alone', async () => {
    const webhook = await subscribe()
    const rotated = await gateway.api<Made>('POST', `${webhooks}/${webhook.id}/rotate-secret`)
    expect(rotated.status).toBe(200)
    const secret = rotated.body.secret
    expect(secret).not.toBe(webhook.secret)
    expect(Date.parse(rotated.body.previous_secret_expires_at ?? '')).toBe(clock.now() + day)

    await test(webhook)
    const both = await first('webhook.test')
    expect(both.headers['webhook-signature']?.split(' ')).toHaveLength(2)
    for (const one of [webhook.secret, secret]) new Webhook(one).verify(both.text, both.headers)

    clock.advance(day)
    await test(webhook)
    const [, later] = await arrives('webhook.test', 2)
    const headers = later?.headers ?? {}
    const expected = new Webhook(secret).sign(later?.id ?? '', new Date(clock.now()), later?.text ?? '')
    expect(headers['webhook-signature']).toBe(expected)
    expect((await gateway.api<Made>('GET', `${webhooks}/${webhook.id}`)).body.previous_secret_expires_at).toBeNull()
  })

  it('ends the secret before the last one when it is done twice', async () => {
    const webhook = await subscribe()
    const path = `${webhooks}/${webhook.id}/rotate-secret`
    const second = (await gateway.api<Made>('POST', path)).body.secret
    const third = (await gateway.api<Made>('POST', path)).body.secret
    await test(webhook)
    const { text, headers } = await first('webhook.test')
    for (const secret of [second, third]) new Webhook(secret).verify(text, headers)
    expect(() => new Webhook(webhook.secret).verify(text, headers)).toThrow()
  })
})
