import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { start } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { openSecretBox } from '../../src/keys/master-key.ts'
import { reencryptSecrets } from '../../src/keys/reencrypt.ts'
import { revealKey } from '../../src/keys/reveal.ts'
import { sealInto } from '../../src/keys/seal-secret.ts'
import type { SecretBox } from '../../src/keys/secret-box.ts'
import { type AdminGateway, adminApi, adminConfig, startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'
import { testActor } from '../helpers/gateway.ts'
import { logInMember, password, type TestOperator } from '../helpers/operators.ts'

const revealing = `keys: { reveal: true }\n${adminConfig}`

interface Made {
  readonly key: { readonly id: string; readonly secrets: readonly { readonly id: string }[] }
  readonly raw_key: string
}

describe('reveal', () => {
  const clock = testClock()
  let gateway: AdminGateway
  let keys = ''
  beforeAll(async () => {
    gateway = await startAdmin(revealing, { clock })
    keys = `/organizations/${gateway.organization.id}/api-keys`
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const make = async (fields: object = {}): Promise<Made> => {
    const { status, body } = await gateway.api<Made>('POST', keys, { name: 'CI', ...fields })
    expect(status).toBe(201)
    return body
  }
  const reveal = (id: string, body?: unknown) => gateway.api('POST', `${keys}/${id}/reveal`, body)

  it('shows the same key again, as often as asked, without a body for a token', async () => {
    const { key, raw_key } = await make()
    for (const body of [undefined, {}]) {
      const { status, body: shown, headers } = await reveal(key.id, body)
      expect([status, shown]).toEqual([200, { raw_key }])
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('is in the audit trail, with who and which secret, and without the key', async () => {
    const { key, raw_key } = await make()
    await reveal(key.id)
    const [event] = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows
    expect(event).toMatchObject({
      type: 'api_key.revealed',
      target: key.id,
      after: { secret_id: key.secrets[0]?.id },
      actor: { type: 'system', id: 'admin_token', requestId: expect.any(String) },
    })
    expect(JSON.stringify(event)).not.toContain(raw_key)
  })

  it('shows the new secret after a rotation, with a grace period too, and never the old one', async () => {
    const { key } = await make()
    for (const grace_period_seconds of [0, 3600]) {
      const rotated = await gateway.api<Made>('POST', `${keys}/${key.id}/rotate`, { grace_period_seconds })
      expect((await reveal(key.id)).body).toEqual({ raw_key: rotated.body.raw_key })
    }
    expect(sealedRows(gateway).filter(({ key_id }) => key_id === key.id)).toHaveLength(1)
  })

  it('is 409 for a key that was revoked, and its ciphertext is gone', async () => {
    const { key } = await make()
    await gateway.api('POST', `${keys}/${key.id}/revoke`)
    expect(await reveal(key.id)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    expect(sealedRows(gateway).filter(({ key_id }) => key_id === key.id)).toEqual([])
  })

  it('is 409 for a key that has expired', async () => {
    const { key } = await make({ expires_in_days: 1 })
    clock.advance(86_400_000)
    expect((await reveal(key.id)).status).toBe(409)
  })

  it('is 404 for another organization’s key and one that is not there, 409 for a deleted one; nobody has seen it then', async () => {
    const { key } = await make()
    const other = await gateway.createOrg({ name: 'Other' })
    expect((await gateway.api('POST', `/organizations/${other.id}/api-keys/${key.id}/reveal`)).status).toBe(404)
    expect((await reveal('key_none')).status).toBe(404)
    await gateway.api('DELETE', `${keys}/${key.id}`)
    const events = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows
    expect((await reveal(key.id)).status).toBe(409)
    expect((await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows).toEqual(
      events,
    )
  })

  it('is 401 without credentials, and 422 for a body that is not its own', async () => {
    const { key } = await make()
    expect((await gateway.as(null)('POST', `${keys}/${key.id}/reveal`)).status).toBe(401)
    expect((await reveal(key.id, { pass: 'x' })).status).toBe(422)
  })

  it('does not show a ciphertext that was moved to another key, and leaves no event', async () => {
    const [one, other] = [await make(), await make()]
    const database = new DatabaseSync(gateway.storeFile)
    database
      .prepare(
        'update sealed_secrets set sealed = (select sealed from sealed_secrets where secret_id = ?) where secret_id = ?',
      )
      .run(one.key.secrets[0]?.id ?? '', other.key.secrets[0]?.id ?? '')
    database.close()
    const moved = await reveal(other.key.id)
    expect(moved).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    expect(JSON.stringify(moved.body)).not.toContain(one.raw_key)
    const [event] = (await gateway.store.listEvents({ organizationId: gateway.organization.id }, { limit: 1 })).rows
    expect(event).toMatchObject({ type: 'api_key.created', target: other.key.id })
    expect((await reveal(one.key.id)).body).toEqual({ raw_key: one.raw_key })
  })
})

describe('a key that was made while keys.reveal was off', () => {
  it('is 409 for good: it is kept as a hash alone', async () => {
    await using gateway = await startAdmin(adminConfig)
    const keys = `/organizations/${gateway.organization.id}/api-keys`
    const { body } = await gateway.api<Made>('POST', keys, { name: 'CI' })
    expect((await gateway.api('POST', `${keys}/${body.key.id}/reveal`)).status).toBe(409)
    expect(sealedRows(gateway)).toEqual([])

    await gateway.writeConfig(revealing)
    expect(await gateway.app.reload()).toEqual({ ok: true })
    const after = await gateway.api<{ detail: string }>('POST', `${keys}/${body.key.id}/reveal`)
    expect(after.status).toBe(409)
    expect(after.body.detail).toContain('Rotate it')
    const rotated = await gateway.api<Made>('POST', `${keys}/${body.key.id}/rotate`)
    const shown = await gateway.api('POST', `${keys}/${body.key.id}/reveal`)
    expect(shown.body).toEqual({ raw_key: rotated.body.raw_key })
  })
})

describe('reveal to a cookie session', () => {
  let gateway: AdminGateway
  let admin: TestOperator
  let path = ''
  let raw = ''
  beforeAll(async () => {
    gateway = await startAdmin(revealing)
    const { id } = gateway.organization
    const { body } = await gateway.api<Made>('POST', `/organizations/${id}/api-keys`, { name: 'CI' })
    path = `/platform/organizations/${id}/api-keys/${body.key.id}/reveal`
    raw = body.raw_key
    admin = await logInMember(gateway, id, 'admin')
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const reveal = (body?: unknown) => admin.browser.send('POST', path, body)

  it('asks for the password again', async () => {
    for (const body of [undefined, {}]) {
      expect(await reveal(body)).toMatchObject({ status: 422, body: { errors: [{ path: 'password' }] } })
    }
    expect(await reveal({ password: 'wrong' })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
    expect(await reveal({ password })).toMatchObject({ status: 200, body: { raw_key: raw } })
  })

  it('is 403 below admin for a key that no service account owns, with the right password too', async () => {
    for (const role of ['viewer', 'engineer'] as const) {
      const { browser } = await logInMember(gateway, gateway.organization.id, role)
      const refused = await browser.send('POST', path, { password })
      expect([role, refused.status, JSON.stringify(refused.body).includes(raw)]).toEqual([role, 403, false])
    }
  })

  it('names the operator in the audit trail, once for the one time that the key was shown', async () => {
    const events = (await gateway.store.listEvents({ organizationId: gateway.organization.id })).rows
    const revealed = events.filter(({ type }) => type === 'api_key.revealed')
    expect(revealed).toMatchObject([{ actor: { type: 'operator', id: admin.id } }])
    expect(JSON.stringify(events)).not.toContain(password)
  })

  it('needs no body with a personal token of the same operator', async () => {
    const made = await admin.browser.send<{ raw_token: string }>('POST', '/platform/tokens', {
      name: 'CI',
      role: 'admin',
    })
    expect(made.status).toBe(201)
    const shown = await gateway.as(made.body.raw_token)('POST', path.replace('/platform', ''))
    expect([shown.status, shown.body]).toEqual([200, { raw_key: raw }])
  })

  it('does not help to find the password out: after many wrong ones the right one is refused too', async () => {
    for (let tries = 0; tries < 12; tries++) expect((await reveal({ password: `wrong ${tries}` })).status).toBe(403)
    expect((await reveal({ password })).status).toBe(403)
  })
})

describe('a change of the master key', () => {
  it('leaves every key readable before, during and after the re-encryption, which can be ended and run again', async () => {
    const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
    const boxOf = (current: string, old = ''): SecretBox =>
      openSecretBox({ env: { SALLYPORT_MASTER_KEY: current, SALLYPORT_MASTER_KEY_OLD: old }, inUse: [] }).box
    await using gateway = await startAdmin(revealing, { env: { SALLYPORT_MASTER_KEY: first } })
    const { store, organization, configFile, adminToken } = gateway
    const generate = compileKeyFormats(defaults, sealInto(boxOf(first))).generate
    const made = new Map<string, string>()
    for (let count = 0; count < 450; count++) {
      const { secret, stored } = generate('live')
      const input = { organizationId: organization.id, name: 'CI', scopes: ['*'], environment: 'live', secret: stored }
      made.set((await store.createKey(input, testActor)).id, secret.reveal())
    }
    const readable = async (box: SecretBox): Promise<number> => {
      let right = 0
      for (const [keyId, raw] of made) {
        const shown = await revealKey(organization.id, keyId, { store, box, actor: testActor })
        if (shown.ok && shown.secret.reveal() === raw) right++
      }
      return right
    }

    const next = boxOf(second, first)
    const stop = new AbortController()
    const stopped = reencryptSecrets(store, next, {
      signal: stop.signal,
      onProgress({ done }) {
        if (done > 0) stop.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    const left = await store.countSealedWithOther(next.masterKeyId)
    expect([left > 0, left < 450]).toEqual([true, true])
    expect(await readable(next)).toBe(450)

    const progress: number[] = []
    const ended = await reencryptSecrets(store, next, {
      onProgress: ({ done, total }) => void progress.push(done / total),
    })
    expect(ended).toEqual({ total: left, changed: left, unreadable: [], oldKeysUntil: null })
    expect(progress.at(-1)).toBe(1)
    expect(await readable(boxOf(second))).toBe(450)
    expect(await readable(boxOf(first))).toBe(0)
    expect(await reencryptSecrets(store, next)).toEqual({ total: 0, changed: 0, unreadable: [], oldKeysUntil: null })

    const config = await loadConfig(configFile, {})
    if (!config.ok) throw new Error('the configuration was good before')
    const env = { SALLYPORT_ADMIN_TOKEN: adminToken, SALLYPORT_MASTER_KEY: second }
    await using restarted = await start({ config, configFile, env })
    const [[keyId, raw] = ['', '']] = made
    const api = adminApi(restarted.adminUrl, adminToken)
    const shown = await api('POST', `/organizations/${organization.id}/api-keys/${keyId}/reveal`)
    expect(shown.body).toEqual({ raw_key: raw })
  }, 60_000)

  it('leaves alone what no key opens, and what was rotated meanwhile', async () => {
    await using gateway = await startAdmin(revealing)
    const { store, organization } = gateway
    const keys = `/organizations/${organization.id}/api-keys`
    const [lost, rotated] = [
      await gateway.api<Made>('POST', keys, { name: 'a' }),
      await gateway.api<Made>('POST', keys, { name: 'b' }),
    ]
    const env = { SALLYPORT_MASTER_KEY: randomBytes(32).toString('base64') }
    const stranger = openSecretBox({ env, inUse: [] }).box
    const ids = [lost.body, rotated.body].map(({ key }) => key.secrets[0]?.id)
    expect(await reencryptSecrets(store, stranger)).toMatchObject({ total: 2, changed: 0, unreadable: ids })

    const [row] = await store.listSealedWithOther(stranger.masterKeyId, lost.body.key.secrets[0]?.id ?? null, 1)
    if (row === undefined) throw new Error('there are two')
    const fresh = await gateway.api<Made>('POST', `${keys}/${rotated.body.key.id}/rotate`)
    await store.replaceSealed([
      { id: row.id, kind: 'api_key', sealed: Buffer.from('x'), sealedWith: 'x', previous: row.sealed },
    ])
    const shown = await gateway.api('POST', `${keys}/${rotated.body.key.id}/reveal`)
    expect(shown.body).toEqual({ raw_key: fresh.body.raw_key })
    const changed = {
      id: lost.body.key.secrets[0]?.id ?? '',
      kind: 'api_key',
      sealed: Buffer.from('x'),
      sealedWith: 'x',
    } as const
    await store.replaceSealed([{ ...changed, previous: Buffer.from('not what is there') }])
    expect((await gateway.api('POST', `${keys}/${lost.body.key.id}/reveal`)).body).toEqual({
      raw_key: lost.body.raw_key,
    })
  })
})

const defaults = { prefix: 'sk', environments: ['live', 'test'], accept: [] }

function sealedRows({ storeFile }: AdminGateway): { key_id: string }[] {
  const database = new DatabaseSync(storeFile, { readOnly: true })
  try {
    const rows = database.prepare('select key_id from sealed_secrets join key_secrets on id = secret_id').all()
    return rows.map(({ key_id }) => ({ key_id: String(key_id) }))
  } finally {
    database.close()
  }
}
