import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type AdminApi, type ApiAnswer, adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'

type Body = Record<string, unknown>

/** A request with an Idempotency-Key, and the answer if there was one before the kill. */
interface Asked {
  readonly path: string
  readonly body: Body
  readonly key: string
  answer?: ApiAnswer<Body>
}

const killsMax = 6
const lanes = 8

describe('requests with an Idempotency-Key on a gateway killed with SIGKILL', () => {
  it('are made once, and repeated after the restart give the answer with a secret that works', {
    timeout: 180_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-idempotency-kill-'))
    try {
      const storeFile = join(folder, 'sallyport.db')
      const config = join(folder, 'gateway.yaml')
      await writeFile(config, yaml(storeFile))
      const token = randomBytes(32).toString('hex')
      const env = { SALLYPORT_ADMIN_TOKEN: token }
      const asked: Asked[] = []
      let organizationId = ''
      for (let kills = 0; kills < killsMax; kills++) {
        await using gateway = await spawnGateway(config, env)
        const api = adminApi(gateway.adminUrl, token)
        if (organizationId === '') {
          organizationId = String((await api('POST', '/organizations', { name: 'Acme' })).body.id)
        }
        const before = answeredOf(asked)
        const working = Promise.all(Array.from({ length: lanes }, () => workUntilItFails(api, organizationId, asked)))
        await eventually('some of it to be answered', () => answeredOf(asked) > before + lanes, { withinMs: 15_000 })
        // Somewhere in a request, or between two.
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
        gateway.child.kill('SIGKILL')
        await working
      }
      const unanswered = asked.filter(({ answer }) => answer === undefined)
      expect(unanswered.length).toBeGreaterThan(killsMax)

      await using gateway = await spawnGateway(config, env)
      const api = adminApi(gateway.adminUrl, token)
      const keys = `/organizations/${organizationId}/api-keys`
      // In the order in which they were first sent: a rotation ends what the creation before it gave.
      for (const one of asked) {
        const { status, body, headers } = await send(api, one)
        expect([one.path, status]).toEqual([one.path, one.path.endsWith('/rotate') ? 200 : 201])
        if (one.answer === undefined) one.answer = { status, body, headers }
        else expect(body).toEqual({ ...one.answer.body, ...('raw_key' in body && { raw_key: body.raw_key }) })
        if (one.path === keys || one.path.endsWith('/rotate')) await expectCurrent(gateway.dataUrl, api, keys, body)
        if (one.path === '/operators')
          expect(body.invitation).toMatchObject({ url: expect.stringContaining('#token=') })
      }
      await gateway[Symbol.asyncDispose]()

      using database = new DatabaseSync(storeFile, { readOnly: true })
      const count = (text: string) => database.prepare(text).get()?.count
      const of = (path: string) => asked.filter((one) => one.path === path).length
      expect(count('select count(*) as count from api_keys')).toBe(of(keys))
      expect(count('select count(*) as count from operators')).toBe(of('/operators'))
      expect(count("select count(*) as count from admin_events where type = 'operator.created'")).toBe(of('/operators'))
      const rotations = asked.filter(({ path }) => path.endsWith('/rotate')).length
      expect(count("select count(*) as count from admin_events where type = 'api_key.rotated'")).toBe(rotations)
      for (const kind of [of(keys), of('/operators'), rotations]) expect(kind).toBeGreaterThan(0)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

/** A key, its rotation, and an operator with a link: one transaction each, or several where they fall apart. */
async function workUntilItFails(api: AdminApi, organizationId: string, asked: Asked[]): Promise<void> {
  const ask = async (path: string, body: Body): Promise<Body> => {
    const one: Asked = { path, body, key: randomUUID() }
    asked.push(one)
    one.answer = await send(api, one)
    return one.answer.body
  }
  try {
    for (;;) {
      const keys = `/organizations/${organizationId}/api-keys`
      const { key } = await ask(keys, { name: randomUUID() })
      await ask(`${keys}/${(key as Body).id}/rotate`, {})
      await ask('/operators', { email: `${randomUUID()}@example.com`, name: 'New' })
    }
  } catch (error) {
    // The connection to a process that was killed.
    if (!(error instanceof TypeError)) throw error
  }
}

const send = (api: AdminApi, { path, body, key }: Asked): Promise<ApiAnswer<Body>> =>
  api<Body>('POST', path, body, { 'idempotency-key': key })

const answeredOf = (asked: readonly Asked[]): number => asked.filter(({ answer }) => answer !== undefined).length

/** The answer has the secret that the key has now, or none because a rotation came after it. */
async function expectCurrent(dataUrl: string, api: AdminApi, keys: string, body: Body): Promise<void> {
  const { id } = body.key as Body
  if (body.raw_key === null) {
    const { body: now } = await api<{ key_prefix: string }>('GET', `${keys}/${id}`)
    expect(now.key_prefix).not.toBe((body.key as Body).key_prefix)
    return
  }
  const response = await fetch(`${dataUrl}/api/v1/me`, { headers: { authorization: `Bearer ${body.raw_key}` } })
  expect(response.status).toBe(200)
}

const yaml = (storeFile: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:${storeFile}
log: { level: error }
keys: { default_scopes: ["things:read"] }
scopes: { "things:read": Read }
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /things/*, scopes: ["things:read"], upstream: api }
`
