import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminApi, type ApiAnswer, adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'
import { startHammer } from '../helpers/hammer.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { connectRaw, type RawClient } from '../helpers/raw-client.ts'

const adminToken = 'a'.repeat(64)

interface MadeKey {
  key: { id: string }
  raw_key: string
}

/** What a case has to work with. Paths are below /platform. */
interface Scene {
  readonly api: AdminApi
  readonly organization: string
  readonly key: string
  readonly workspace: string
  readonly serviceAccount: string
  readonly slug: string
}

interface Case {
  /** … refuses it. */
  readonly name: string
  readonly path?: string
  /** How what comes after is answered. */
  readonly status: number
  readonly requests: number
  readonly change: (scene: Scene) => Promise<ApiAnswer<unknown>>
}

const cases: readonly Case[] = [
  {
    name: 'revoke',
    status: 401,
    requests: 10_000,
    change: ({ api, key }) => api('POST', `${key}/revoke`, { reason: 'leaked' }),
  },
  {
    name: 'rotate, for the old secret',
    status: 401,
    requests: 1500,
    change: ({ api, key }) => api('POST', `${key}/rotate`, {}),
  },
  { name: 'delete', status: 401, requests: 1500, change: ({ api, key }) => api('DELETE', key) },
  {
    name: 'suspend the organization',
    status: 403,
    requests: 1500,
    change: ({ api, organization }) => api('PATCH', organization, { status: 'suspended', reason: 'unpaid' }),
  },
  {
    name: 'delete the organization',
    status: 401,
    requests: 1500,
    change: ({ api, organization, slug }) => api('DELETE', organization, { confirm: slug }),
  },
  {
    name: 'take a scope away',
    path: '/scoped',
    status: 403,
    requests: 1500,
    change: ({ api, key }) => api('PATCH', key, { scopes: ['things:write'] }),
  },
  {
    name: 'take a workspace away',
    path: '/in/ours',
    status: 404,
    requests: 1500,
    change: ({ api, key, workspace }) => api('DELETE', `${key}/workspaces/${workspace}`),
  },
  {
    name: 'delete the workspace',
    path: '/in/ours',
    status: 404,
    requests: 1500,
    change: ({ api, organization, workspace }) => api('DELETE', `${organization}/workspaces/${workspace}`),
  },
  {
    name: 'change allowed_ips',
    status: 403,
    requests: 1500,
    change: ({ api, key }) => api('PATCH', key, { allowed_ips: ['10.0.0.0/8'] }),
  },
  {
    name: 'make the service account inactive',
    status: 401,
    requests: 1500,
    change: ({ api, organization, serviceAccount }) =>
      api('PATCH', `${organization}/service-accounts/${serviceAccount}`, { is_active: false }),
  },
]

// With room for one key each request of two that take turns is looked up: some look-up is always on its way.
describe.each([
  ['keys that are in the cache', 50_000, cases],
  ['keys that are being looked up', 1, cases.map((one) => ({ ...one, requests: Math.min(one.requests, 1500) }))],
])('of %s', (_what, cacheMax, list) => {
  let folder: string
  let upstream: HttpUpstream
  let gateway: GatewayProcess
  let api: AdminApi
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-race-'))
    upstream = await startHttpUpstream((request, response) => {
      if (!request.url?.endsWith('/stream')) return void response.end('ok')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: open\n\n')
    })
    const configFile = join(folder, 'gateway.yaml')
    await writeFile(configFile, configOf(upstream.url, cacheMax))
    gateway = await spawnGateway(configFile, { SALLYPORT_ADMIN_TOKEN: adminToken })
    api = adminApi(gateway.adminUrl, adminToken)
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const must = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await api<T>(method, path, body)
    if (answer.status > 299) throw new Error(`${method} ${path} was answered ${answer.status}`)
    return answer.body
  }

  const openStream = async (path: string, raw: string): Promise<RawClient> => {
    const client = await connectRaw(gateway.dataUrl)
    const { host } = new URL(gateway.dataUrl)
    await client.send(`GET ${path}/stream HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${raw}\r\n\r\n`)
    await client.until('data: open')
    return client
  }

  it.each(list)(
    'no request that is sent after the answer to $name is let in, of $requests, and streams end within a second',
    async ({ path = '/open', status, requests, change }) => {
      const made = await must<{ id: string; slug: string }>('POST', '/organizations', { name: 'Race' })
      const organization = `/organizations/${made.id}`
      const workspace = await must<{ id: string }>('POST', `${organization}/workspaces`, {
        name: 'W',
        external_id: 'ours',
      })
      const account = await must<{ id: string }>('POST', `${organization}/service-accounts`, {
        name: 'CI',
        role: 'engineer',
      })
      const newKey = (owner: object) =>
        must<MadeKey>('POST', `${organization}/api-keys`, {
          name: 'Race',
          scopes: ['things:read'],
          workspace_ids: [workspace.id],
          ...owner,
        })
      const [victim, bystander] = [await newKey({ service_account_id: account.id }), await newKey({})]
      const streams = await Promise.all([1, 2].map(() => openStream(path, victim.raw_key)))

      const keys = [victim.raw_key, bystander.raw_key]
      const hammer = startHammer({ url: gateway.dataUrl, path, keys, clients: 16 })
      const ofVictim = () => hammer.answers.filter(({ raw }) => raw === victim.raw_key)
      await eventually('the key to be let in', () => ofVictim().length >= 200, { withinMs: 10_000 })
      const key = `${organization}/api-keys/${victim.key.id}`
      const answer = await change({
        api,
        organization,
        key,
        workspace: workspace.id,
        serviceAccount: account.id,
        slug: made.slug,
      })
      hammer.mark()
      const answeredAt = performance.now()
      expect(answer.status).toBeLessThan(300)

      await Promise.all(streams.map((stream) => stream.closed(1000)))
      expect(performance.now() - answeredAt).toBeLessThan(1000)
      await eventually(
        'all of them to be answered',
        () => hammer.answers.length > requests && ofVictim().filter(({ late }) => late).length >= requests,
        { withinMs: 60_000, everyMs: 100 },
      )
      await hammer.stop()

      const statuses = (late: boolean) =>
        tally(
          ofVictim()
            .filter((one) => one.late === late)
            .map((one) => one.status),
        )
      expect(Object.keys(statuses(true))).toEqual([String(status)])
      expect(statuses(true)[status]).toBeGreaterThanOrEqual(requests)
      // Before: let in, or on its way when the change came.
      const { 200: letIn = 0, [status]: _caught, ...others } = statuses(false)
      expect([letIn >= 200, others]).toEqual([true, {}])
      // It is the change that refuses it, not a gateway that refuses all.
      const spared = tally(
        hammer.answers.filter(({ raw, late }) => raw === bystander.raw_key && late).map((one) => one.status),
      )
      const hitsAll = organizationWide.has(change)
      expect(Object.keys(spared)).toEqual([String(hitsAll ? status : 200)])
    },
    120_000,
  )
})

/** What takes every key of the organization along, or every key that is in the workspace. */
const organizationWide: ReadonlySet<Case['change']> = new Set(
  cases.filter(({ name }) => /^(suspend the|delete the)/.test(name)).map(({ change }) => change),
)

function tally(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

// Limits on refusals would turn some of them into 429, which is no answer of the key's state.
const configOf = (upstreamUrl: string, cacheMax: number): string => `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:sallyport.db
log: { level: warn }
keys: { cache: { max: ${cacheMax} } }
auth_failures: { requests: 100000000, per: 1m }
denials: { requests: 100000000, per: 1m }
scopes: { things:read: Read, things:write: Write }
upstreams: { api: { targets: ['${upstreamUrl}'] } }
routes:
  - { path: /open/*, upstream: api }
  - { path: /scoped/*, scopes: [things:read], upstream: api }
  - { path: /in/:id/*, workspace: ':id', upstream: api }
`
