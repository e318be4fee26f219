import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'

interface Made {
  readonly key: { readonly id: string }
  readonly raw_key: string
}

describe('raw keys', () => {
  it('are in no file, log line, metric, event or list after all that can be done with them, nor after a kill -9', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-at-rest-'))
    try {
      await using upstream = await startHttpUpstream((_request, response) => response.end('ok'))
      const config = join(folder, 'gateway.yaml')
      await writeFile(config, yaml(folder, upstream.url))
      const token = randomBytes(32).toString('hex')
      const masterKey = randomBytes(32)
      const env = { SALLYPORT_ADMIN_TOKEN: token, SALLYPORT_MASTER_KEY: masterKey.toString('base64') }
      const raws = new Set<string>()
      const idempotencyKeys = new Set<string>()
      const seen: string[] = []
      {
        await using gateway = await spawnGateway(config, env)
        const api = adminApi(gateway.adminUrl, token)
        const post = <T>(path: string, body: unknown = {}) => {
          const key = randomBytes(12).toString('hex')
          idempotencyKeys.add(key)
          return api<T>('POST', path, body, { 'idempotency-key': key })
        }
        const organization = await post<{ id: string }>('/organizations', { name: 'Acme' })
        const keys = `/organizations/${organization.body.id}/api-keys`
        const requests = `/organizations/${organization.body.id}/requests`
        for (let count = 0; count < 5; count++) {
          const { body } = await post<Made>(keys, { name: `Key ${count}` })
          const rotated = await post<Made>(`${keys}/${body.key.id}/rotate`, { grace_period_seconds: 60 })
          const shown = await api<Made>('POST', `${keys}/${body.key.id}/reveal`)
          expect([rotated.status, shown.body.raw_key]).toEqual([200, rotated.body.raw_key])
          for (const raw of [body.raw_key, rotated.body.raw_key]) {
            raws.add(raw)
            await use(gateway.dataUrl, raw)
          }
          // Where keys are not expected: a name, a path and a query.
          await api('PATCH', `${keys}/${body.key.id}`, { description: 'no key here' })
          await api('GET', `${keys}/${body.raw_key}`)
          await api('POST', `${keys}?q=${body.raw_key}`, { name: 1 })
          if (count === 0) await api('POST', `${keys}/${body.key.id}/revoke`)
        }
        await eventually('the request log to be written', async () => {
          const { body } = await api<unknown[]>('GET', `${requests}?limit=200`)
          return body.length >= 20
        })
        for (const path of [keys, requests]) {
          const listed = await api<unknown[]>('GET', `${path}?limit=200`)
          expect([path, listed.status]).toEqual([path, 200])
          seen.push(JSON.stringify(listed.body))
        }
        seen.push(await (await fetch(`${gateway.adminUrl}/metrics`)).text())
        seen.push(gateway.output())
        gateway.child.kill('SIGKILL')
        await gateway.exited
      }
      expect([raws.size, idempotencyKeys.size]).toEqual([10, 11])
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.includes('sallyport.db'),
      )
      expect(files).toEqual(expect.arrayContaining(['sallyport.db', 'sallyport.db-wal']))
      const texts = new Map(seen.map((text, index) => [`answer ${index}`, Buffer.from(text)]))
      for (const file of files) texts.set(file, readFileSync(join(folder, file)))
      for (const [where, bytes] of texts) {
        for (const secret of [...raws, ...idempotencyKeys, token, masterKey.toString('base64'), masterKey]) {
          expect(bytes.includes(secret), where).toBe(false)
        }
      }
      // The search itself finds what is there.
      expect(texts.get('sallyport.db-wal')?.includes('Key 1') || texts.get('sallyport.db')?.includes('Key 1')).toBe(
        true,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 60_000)
})

/** Twice as it should be, and in the places where a careless client puts it. */
async function use(dataUrl: string, raw: string): Promise<void> {
  const headers = { authorization: `Bearer ${raw}` }
  for (const path of ['/api/v1/me', '/things/1']) expect((await fetch(dataUrl + path, { headers })).status).toBe(200)
  const user_agent = { ...headers, 'user-agent': `curl ${raw}`, 'x-request-id': raw }
  await fetch(`${dataUrl}/things/${raw}?api_key=${raw}`, { headers: user_agent })
}

const yaml = (folder: string, upstream: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:${join(folder, 'sallyport.db')}
keys: { reveal: true }
log: { level: debug }
upstreams:
  api: { targets: ["${upstream}"] }
routes:
  - { path: /things/*, upstream: api }
`
