import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { type AdminApi, adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'

type Body = Record<string, unknown>

it('an answer for a repeat takes the master key that it was made with: the job says until when, the log what is missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-master-key-'))
  try {
    const config = join(folder, 'gateway.yaml')
    await writeFile(config, yaml(folder))
    const token = randomBytes(32).toString('hex')
    const [old, next] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
    const within = async <T>(masterKeys: Record<string, string>, work: (api: AdminApi) => Promise<T>) => {
      await using gateway = await spawnGateway(config, { SALLYPORT_ADMIN_TOKEN: token, ...masterKeys })
      const result = await work(adminApi(gateway.adminUrl, token))
      gateway.child.kill('SIGTERM')
      await gateway.exited
      return { result, output: gateway.output() }
    }
    const create = (api: AdminApi, path: string, key: string) =>
      api<Body>('POST', `${path}/api-keys`, { name: 'CI', scopes: ['*'] }, { 'idempotency-key': key })

    const earliest = Date.now() + dayMs
    const { result: made } = await within({ SALLYPORT_MASTER_KEY: old }, async (api) => {
      const path = `/organizations/${(await api('POST', '/organizations', { name: 'Acme' })).body.id}`
      return { path, first: await create(api, path, 'a') }
    })
    const latest = Date.now() + dayMs
    const { path, first } = made
    expect(first.status).toBe(201)

    const both = { SALLYPORT_MASTER_KEY: next, SALLYPORT_MASTER_KEY_OLD: old }
    const { result: ended, output } = await within(both, async (api) => {
      expect((await create(api, path, 'a')).body).toEqual(first.body)
      const { body: job } = await api<Body>('POST', `${path}/jobs`, { type: 'secret_rotation' })
      const ended = await eventually('the job to be done', async () => {
        const { body } = await api<Body>('GET', `${path}/jobs/${job.id}`)
        return body.status === 'completed' && body
      })
      expect((await create(api, path, 'a')).body).toEqual(first.body)
      expect((await create(api, path, 'b')).status).toBe(201)
      return ended.result as Body
    })
    expect(output).not.toContain('are not here')
    expect(ended).toMatchObject({ total: 1, changed: 1, unreadable: 0 })
    const until = Date.parse(String(ended.old_keys_until))
    expect([until >= earliest, until <= latest]).toEqual([true, true])

    // Taken out too early: the answer is lost, and nothing is made in its place.
    const alone = await within({ SALLYPORT_MASTER_KEY: next }, async (api) => {
      const refused = await create(api, path, 'a')
      expect([refused.status, refused.body.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
      expect((await create(api, path, 'b')).headers.get('idempotent-replayed')).toBe('true')
      const shown = await api<Body>('POST', `${path}/api-keys/${(first.body.key as Body).id}/reveal`)
      expect(shown.body).toEqual({ raw_key: first.body.raw_key })
      return (await api<Body[]>('GET', `${path}/api-keys`)).body
    })
    expect(alone.result).toHaveLength(2)
    expect(alone.output).toContain(`until ${ended.old_keys_until}. Until then their repeats are answered 409`)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

it('a ciphertext that was moved to another row is not made to open there by a re-encryption', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-master-key-'))
  try {
    const config = join(folder, 'gateway.yaml')
    await writeFile(config, yaml(folder))
    const token = randomBytes(32).toString('hex')
    const [old, next] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
    const env = { SALLYPORT_ADMIN_TOKEN: token, SALLYPORT_MASTER_KEY: old }
    let path = ''
    const keys: Body[] = []
    {
      await using gateway = await spawnGateway(config, env)
      const api = adminApi(gateway.adminUrl, token)
      path = `/organizations/${(await api('POST', '/organizations', { name: 'Acme' })).body.id}`
      for (const name of ['mine', 'yours']) {
        keys.push((await api<Body>('POST', `${path}/api-keys`, { name, scopes: ['*'] })).body.key as Body)
      }
      gateway.child.kill('SIGTERM')
      await gateway.exited
    }
    {
      using database = new DatabaseSync(join(folder, 'sallyport.db'))
      const secretOf = '(select id from key_secrets where key_id = ?)'
      const moved = `update sealed_secrets set sealed = (select sealed from sealed_secrets where secret_id = ${secretOf}) where secret_id = ${secretOf}`
      database.prepare(moved).run(String(keys[1]?.id), String(keys[0]?.id))
    }
    await using gateway = await spawnGateway(config, {
      ...env,
      SALLYPORT_MASTER_KEY: next,
      SALLYPORT_MASTER_KEY_OLD: old,
    })
    const api = adminApi(gateway.adminUrl, token)
    const { body: job } = await api<Body>('POST', `${path}/jobs`, { type: 'secret_rotation' })
    await eventually('the job to be done', async () => {
      const { body } = await api<Body>('GET', `${path}/jobs/${job.id}`)
      return body.status === 'failed'
    })
    const shown = await Promise.all(keys.map(({ id }) => api<Body>('POST', `${path}/api-keys/${id}/reveal`)))
    expect(shown.map(({ status }) => status)).toEqual([expect.toSatisfy((status: number) => status >= 400), 200])
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

const dayMs = 86_400_000

const yaml = (folder: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:${join(folder, 'sallyport.db')}
keys: { reveal: true }
timeouts: { drain_delay: 0s }
log: { level: info }
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /things/*, upstream: api }
`
