import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newToken } from '../../src/admin-api/login/secrets.ts'
import { type AdminApi, type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'
import { testActor } from '../helpers/gateway.ts'
import { breakStore } from '../helpers/store-outage.ts'

interface Made {
  readonly key: { readonly id: string; readonly name: string }
  readonly raw_key: string | null
}

const hourMs = 3_600_000

describe('Idempotency-Key', () => {
  let gateway: AdminGateway
  let clock: TestClock
  let keys = ''
  beforeEach(async () => {
    clock = testClock()
    gateway = await startAdmin(adminConfig, { clock })
    keys = `/organizations/${gateway.organization.id}/api-keys`
  })
  afterEach(() => gateway[Symbol.asyncDispose]())

  const post = <T = Made>(path: string, body: unknown, key: string, api: AdminApi = gateway.api) =>
    api<T>('POST', path, body, { 'idempotency-key': key })
  const create = (key: string, body: object = { name: 'CI' }) => post(keys, body, key)
  const keyCount = () => gateway.store.countKeys(gateway.organization.id)

  it('gives a repeat the first answer again, secret included, and makes nothing', async () => {
    const first = await create('a')
    const again = await create('a')
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.body).toEqual(first.body)
    expect(again.body.raw_key).toMatch(/^sk_live_/)
    expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([null, 'true'])
    for (const name of ['content-type', 'etag', 'cache-control']) {
      expect(again.headers.get(name)).toBe(first.headers.get(name))
    }
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    expect(await keyCount()).toBe(1)
  })

  it('takes bodies that say the same for the same, whatever the order of their members', async () => {
    const first = await post(keys, '{"name": "CI", "scopes": ["projects:read"]}', 'a')
    const again = await post(keys, '{"scopes":["projects:read"],"name":"CI"}', 'a')
    expect(again.body).toEqual(first.body)
  })

  it('makes one object of ten that come at once; the others get its answer or 409', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => create('race')))
    const made = answers.filter(({ status }) => status === 201)
    expect(new Set(made.map(({ body }) => body.raw_key)).size).toBe(1)
    for (const { status, body } of answers.filter(({ status }) => status !== 201)) {
      expect([status, body]).toEqual([409, expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' })])
    }
    expect(await keyCount()).toBe(1)
    expect((await create('race')).body).toEqual(made[0]?.body)
  })

  it('is 409 with another body, and leaves the first answer as it was', async () => {
    const first = await create('a')
    expect(await create('a', { name: 'Other' })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
    expect((await create('a')).body).toEqual(first.body)
    expect(await keyCount()).toBe(1)
  })

  it('is kept apart by path and by actor', async () => {
    const other = await gateway.createOrg({ name: 'Other' })
    const here = await create('a')
    const there = await post(`/organizations/${other.id}/api-keys`, { name: 'CI' }, 'a')
    expect([here.status, there.status]).toEqual([201, 201])
    expect(there.body.key.id).not.toBe(here.body.key.id)

    const byOperator = await post(keys, { name: 'CI' }, 'a', await rootToken(gateway))
    expect(byOperator.status).toBe(201)
    expect(byOperator.body.key.id).not.toBe(here.body.key.id)
  })

  it('gives the secret no more once the key was revoked', async () => {
    const { body } = await create('a')
    await gateway.api('POST', `${keys}/${body.key.id}/revoke`)
    const again = await create('a')
    expect([again.status, again.body]).toEqual([201, { ...body, raw_key: null }])
  })

  it.each([0, 3600])('gives the secret no more once the key was rotated, with %d s of grace', async (seconds) => {
    const { body } = await create('a')
    const rotate = () => post(`${keys}/${body.key.id}/rotate`, { grace_period_seconds: seconds }, 'r')
    const rotated = await rotate()
    expect((await create('a')).body).toEqual({ ...body, raw_key: null })
    expect((await rotate()).body).toEqual(rotated.body)
    await post(`${keys}/${body.key.id}/rotate`, {}, 's')
    expect((await rotate()).body).toEqual({ ...rotated.body, raw_key: null })
  })

  it('rotates once, however often the answer gets lost', async () => {
    const { body } = await create('a')
    const first = await post(`${keys}/${body.key.id}/rotate`, undefined, 'r')
    const again = await post(`${keys}/${body.key.id}/rotate`, undefined, 'r')
    expect([first.status, again.body]).toEqual([200, first.body])
    const events = (await gateway.store.listEvents({ organizationId: gateway.organization.id })).rows
    expect(events.filter(({ type }) => type === 'api_key.rotated')).toHaveLength(1)
  })

  it('keeps no failure: the same key works once the request is in order', async () => {
    await gateway.createOrg({ name: 'Taken', slug: 'taken' })
    const organization = { name: 'New', slug: 'taken' }
    expect((await post('/organizations', organization, 'a')).status).toBe(409)
    expect((await create('b', { name: '' })).status).toBe(422)
    expect((await create('b', { name: 'CI', scopes: ['nothing:here'] })).status).toBe(422)
    const taken = await gateway.store.findOrganization('taken')
    await gateway.store.deleteOrganization(taken?.id ?? '', testActor)
    expect((await post('/organizations', organization, 'a')).status).toBe(201)
    expect((await create('b')).status).toBe(201)
  })

  it('holds for 24 hours and no longer', async () => {
    const first = await create('a')
    clock.advance(24 * hourMs - 1)
    expect((await create('a')).body).toEqual(first.body)
    clock.advance(1)
    const later = await create('a')
    expect([later.status, later.body.key.id === first.body.key.id]).toEqual([201, false])
    expect(await keyCount()).toBe(2)
  })

  it('that a process died with is 409 for a minute, and then free', async () => {
    await create('a')
    // What a kill -9 between the start and the answer leaves.
    sql(gateway, `update idempotent_requests set answer = null, lease_ends_at = ${clock.now() + 60_000}`)
    const running = await create('a')
    expect([running.status, running.headers.get('retry-after')]).toEqual([409, '1'])
    clock.advance(60_000)
    expect((await create('a')).status).toBe(201)
  })

  it('whose answer was tampered with, or moved from another request, gives nothing away', async () => {
    const [one, other] = [await create('a'), await create('b', { name: 'Other' })]
    sql(
      gateway,
      'update idempotent_requests set answer = (select answer from idempotent_requests where id = (select max(id) from idempotent_requests))',
    )
    const answers = [await create('a'), await create('b', { name: 'Other' })]
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
    const refused = JSON.stringify(answers.find(({ status }) => status === 409)?.body)
    for (const { raw_key } of [one.body, other.body]) expect(refused).not.toContain(raw_key)
  })

  it.each([
    ['empty', ''],
    ['a space in it', 'a b'],
    ['256 characters', 'a'.repeat(256)],
    ['a letter that is not ASCII', 'é'],
  ])('is 422 when it is %s', async (_what, key) => {
    const response = await fetch(`${gateway.adminUrl}/platform${keys}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.adminToken}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: '{"name":"CI"}',
    })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({ errors: [{ path: 'Idempotency-Key' }] })
    expect(await keyCount()).toBe(0)
  })

  it('may be 255 visible characters, whatever they are', async () => {
    const key = '!"#$~{}|^`\\'.padEnd(255, 'x')
    const first = await create(key)
    expect([first.status, (await create(key)).body]).toEqual([201, first.body])
  })

  it('does not help somebody without rights to what was made with them', async () => {
    const first = await create('a')
    expect((await post(keys, { name: 'CI' }, 'a', gateway.as(null))).status).toBe(401)
    expect((await post('/organizations/org_none/api-keys', { name: 'CI' }, 'a')).status).toBe(404)
    expect((await create('a')).body).toEqual(first.body)
  })

  it('is described in the reference, on the routes that honour it alone', async () => {
    const response = await fetch(`${gateway.adminUrl}/openapi.json`)
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, { parameters?: unknown[] }>> }
    const header = expect.objectContaining({ in: 'header', name: 'Idempotency-Key' })
    const path = paths['/platform/organizations/{organization_id}/api-keys']
    expect(path?.post?.parameters).toContainEqual(header)
    expect(path?.get?.parameters).not.toContainEqual(header)
  })

  it('leaves neither itself nor the secret in any file', async () => {
    const key = randomBytes(16).toString('hex')
    const { body } = await create(key)
    const folder = dirname(gateway.storeFile)
    const files = await readdir(folder)
    expect(files).toEqual(expect.arrayContaining(['sallyport.db', 'sallyport.db-wal', 'sallyport.db.key']))
    for (const file of files) {
      const bytes = await readFile(join(folder, file))
      expect(bytes.includes(key), file).toBe(false)
      expect(bytes.includes(body.raw_key ?? ''), file).toBe(false)
    }
    expect((await create(key)).body).toEqual(body)
  })

  it('is 503 when the store is down, and makes one object when it is back', async () => {
    const restore = breakStore(gateway.storeFile)
    expect((await create('a')).status).toBe(503)
    restore()
    expect((await create('a')).status).toBe(201)
    expect(await keyCount()).toBe(1)
  })
})

async function rootToken(gateway: AdminGateway): Promise<AdminApi> {
  const { store } = gateway
  const operator = await store.createOperator(
    { email: 'root@example.com', name: 'Root', isRoot: true, verified: true, passwordHash: null },
    testActor,
  )
  const { secret, sha256, suffix } = newToken('spat_')
  const token = { operatorId: operator.id, name: 'CI', role: 'root', organizationId: null, expiresAt: null } as const
  await store.createToken({ ...token, suffix, tokenSha256: sha256 }, testActor)
  return gateway.as(secret.reveal())
}

function sql({ storeFile }: AdminGateway, text: string): void {
  const database = new DatabaseSync(storeFile)
  try {
    database.exec(text)
  } finally {
    database.close()
  }
}
