import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

interface WebhookAnswer {
  id: string
  url: string
  secret?: string
  updated_at: string
  [field: string]: unknown
}
interface Problem {
  code: string
  errors?: { path: string; message: string }[]
}

let gateway: AdminGateway
let target: WebhookTarget
let webhooks: string
beforeAll(async () => {
  gateway = await startAdmin(`${adminConfig}\nwebhooks: { allow_private: true }\n`)
  target = await startWebhookTarget()
  webhooks = `/organizations/${gateway.organization.id}/webhooks`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

const create = async (body: object = {}): Promise<WebhookAnswer & { secret: string }> => {
  const sent = { url: target.url, events: ['api_key.created'], ...body }
  const { status, body: made } = await gateway.api<WebhookAnswer & { secret: string }>('POST', webhooks, sent)
  expect([status, made]).toEqual([201, expect.anything()])
  return made
}

describe('webhooks over the admin API', () => {
  it('are made with a secret that is shown this once', async () => {
    const { secret, ...webhook } = await create({ description: 'Billing', events: ['api_key.created', 'webhook.test'] })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(webhook).toEqual({
      id: expect.stringMatching(/^wh_/),
      organization_id: gateway.organization.id,
      url: target.url,
      description: 'Billing',
      events: ['api_key.created', 'webhook.test'],
      status: 'active',
      disabled_reason: null,
      previous_secret_expires_at: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const one = await gateway.api('GET', `${webhooks}/${webhook.id}`)
    expect([one.status, one.body]).toEqual([200, webhook])
    const [newest] = (await gateway.api<WebhookAnswer[]>('GET', webhooks)).body
    expect(newest).toEqual(webhook)
  })

  it('keep their secret encrypted: it is in no file of the store, nor in the audit trail', async () => {
    const { id, secret } = await create()
    const { body } = await gateway.api<{ secret: string }>('POST', `${webhooks}/${id}/rotate-secret`)
    const files = [gateway.storeFile, `${gateway.storeFile}-wal`].map((file) => readFileSync(file))
    for (const one of [secret, body.secret]) {
      const bytes = Buffer.from(one.slice('whsec_'.length), 'base64')
      for (const file of files) {
        expect(file.includes(one.slice('whsec_'.length))).toBe(false)
        expect(file.includes(bytes)).toBe(false)
      }
      expect(JSON.stringify((await gateway.store.listEvents({}, { limit: 200 })).rows)).not.toContain(one)
    }
  })

  it.each([
    ['url', { url: 'ftp://example.com' }],
    ['url', { url: 'http://user:pass@example.com' }],
    ['url', { url: 7 }],
    ['events', { events: [] }],
    ['events', { events: ['api_key.created', 'api_key.created'] }],
    ['events.0', { events: ['api_key.forgotten'] }],
    ['', { secret: 'whsec_mine' }],
  ])('are refused with the path of what is wrong: %s', async (path, body) => {
    const sent = { url: target.url, events: ['*'], ...body }
    const answer = await gateway.api<Problem>('POST', webhooks, sent)
    expect([answer.status, answer.body.code]).toEqual([422, 'VALIDATION_FAILED'])
    expect(answer.body.errors?.map((error) => error.path)).toContain(path)
    if (path === '') return
    const { id } = await create()
    expect((await gateway.api('PATCH', `${webhooks}/${id}`, body)).status).toBe(422)
  })

  it('are changed under If-Match', async () => {
    const { id } = await create()
    const { headers } = await gateway.api('GET', `${webhooks}/${id}`)
    const etag = headers.get('etag') ?? ''
    const patch = { description: 'Other', events: ['*'], status: 'disabled' }
    const changed = await gateway.api('PATCH', `${webhooks}/${id}`, patch, { 'if-match': etag })
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(patch)])
    expect(changed.body).toMatchObject({ disabled_reason: 'disabled by an administrator' })
    expect((await gateway.api('PATCH', `${webhooks}/${id}`, {}, { 'if-match': etag })).status).toBe(412)
  })

  it('are deleted with their deliveries', async () => {
    const { id } = await create()
    expect((await gateway.api('POST', `${webhooks}/${id}/test`)).status).toBe(202)
    expect((await gateway.api('DELETE', `${webhooks}/${id}`)).status).toBe(204)
    for (const path of ['', '/deliveries']) {
      expect((await gateway.api('GET', `${webhooks}/${id}${path}`)).status).toBe(404)
    }
    expect((await gateway.api('DELETE', `${webhooks}/${id}`)).status).toBe(404)
  })

  it('are tested with a message that says so, whatever types they ask for', async () => {
    const { id } = await create({ events: ['organization.suspended'] })
    const { status, body } = await gateway.api<{ id: string }>('POST', `${webhooks}/${id}/test`)
    expect([status, body]).toEqual([202, expect.objectContaining({ webhook_id: id, type: 'webhook.test' })])
    const delivery = await eventually('it to be delivered', async () => {
      const [newest] = (await gateway.api<Record<string, unknown>[]>('GET', `${webhooks}/${id}/deliveries`)).body
      return newest?.status === 'delivered' && newest
    })
    expect(delivery).toMatchObject({
      id: body.id,
      attempts: 1,
      response: { status_code: 204, body: '', error: null, duration_ms: expect.any(Number) },
      payload: { type: 'webhook.test', data: { webhook_id: id, organization_id: gateway.organization.id } },
    })
  })

  it('list their deliveries by page', async () => {
    const { id } = await create({ events: ['api_key.created'] })
    const ids: string[] = []
    for (let count = 0; count < 3; count++) {
      ids.unshift((await gateway.api<{ id: string }>('POST', `${webhooks}/${id}/test`)).body.id)
    }
    const first = await gateway.api<{ id: string }[]>('GET', `${webhooks}/${id}/deliveries?limit=2`)
    expect(first.body.map((delivery) => delivery.id)).toEqual(ids.slice(0, 2))
    const next = /<\/platform([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await gateway.api<{ id: string }[]>('GET', next)
    expect(second.body.map((delivery) => delivery.id)).toEqual(ids.slice(2))
  })

  it('find a delivery again, by its id and among those of its kind', async () => {
    const { id } = await create({ events: ['api_key.created'] })
    const made = (await gateway.api<{ id: string }>('POST', `${webhooks}/${id}/test`)).body
    const path = `${webhooks}/${id}/deliveries`
    const delivery = await eventually('it to be delivered', async () => {
      const { body } = await gateway.api<Record<string, unknown>>('GET', `${path}/${made.id}`)
      return body.status === 'delivered' && body
    })
    await gateway.createKey()
    for (const query of ['type=webhook.test', 'type=webhook.test&status=delivered']) {
      expect((await gateway.api('GET', `${path}?${query}`)).body).toEqual([delivery])
    }
    expect((await gateway.api('GET', `${path}?status=failed`)).body).toEqual([])
    expect((await gateway.api<unknown[]>('GET', `${path}?type=api_key.created`)).body).toHaveLength(1)
    expect((await gateway.api('GET', `${path}?type=api_key.forgotten`)).status).toBe(422)
    expect((await gateway.api('GET', `${path}?status=lost`)).status).toBe(422)
    const elsewhere = await create()
    expect((await gateway.api('GET', `${webhooks}/${elsewhere.id}/deliveries/${made.id}`)).status).toBe(404)
  })

  it('of another organization are 404 in every method, before the body is read', async () => {
    const { id } = await create()
    const delivery = (await gateway.api<{ id: string }>('POST', `${webhooks}/${id}/test`)).body.id
    const other = `/organizations/${(await gateway.createOrg({ name: 'Other' })).id}`
    for (const [method, path] of [
      ['GET', `/webhooks/${id}`],
      ['PATCH', `/webhooks/${id}`],
      ['DELETE', `/webhooks/${id}`],
      ['POST', `/webhooks/${id}/test`],
      ['POST', `/webhooks/${id}/rotate-secret`],
      ['GET', `/webhooks/${id}/deliveries`],
      ['GET', `/webhooks/${id}/deliveries/${delivery}`],
      ['POST', `/webhooks/${id}/deliveries/${delivery}/redeliver`],
      ['POST', `/deliveries/${delivery}/redeliver`],
    ] as const) {
      const body = method === 'GET' ? undefined : '{"broken'
      expect((await gateway.api(method, `${other}${path}`, body)).status, `${method} ${path}`).toBe(404)
    }
    const elsewhere = await create()
    const path = `${webhooks}/${elsewhere.id}/deliveries/${delivery}/redeliver`
    expect((await gateway.api('POST', path)).status).toBe(404)
  })
})

describe('targets that are not public', () => {
  it('are refused unless webhooks.allow_private says otherwise', async () => {
    await using strict = await startAdmin()
    const path = `/organizations/${strict.organization.id}/webhooks`
    for (const url of [
      'http://example.com/',
      'https://127.0.0.1/',
      'https://169.254.169.254/',
      'https://2130706433/',
    ]) {
      const { status, body } = await strict.api<Problem>('POST', path, { url, events: ['*'] })
      expect([status, body.errors?.[0]?.path], url).toEqual([422, 'url'])
    }
    expect((await strict.api('POST', path, { url: 'https://example.com/', events: ['*'] })).status).toBe(201)
  })
})
