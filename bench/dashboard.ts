import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { start } from '../src/app.ts'
import { systemClock } from '../src/clock.ts'
import { loadConfig } from '../src/config/load.ts'
import { compileKeyFormats } from '../src/keys/format.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { RequestFilter, Store } from '../src/store/store.ts'
import { requestRows } from './scenarios/request-rows.ts'
import { spread } from './summary.ts'

/**
 * `node bench/dashboard.ts --store FILE [--rows 5000000] [--keys 10000]`: what the pages of the dashboard ask of the admin
 * API, and how long each answer takes, with a month of requests of many keys in one organization. The file is made where
 * there is none, which takes its time; `--rounds` says how often each is asked. CPU time is that of the whole process, the
 * one who asks included: on a machine that has other work to do, the other says little.
 */
const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    rows: { type: 'string', default: '5000000' },
    keys: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '7' },
  },
})
if (values.store === undefined) throw new Error('name the file with --store; it is made where there is none')

const dayMs = 86_400_000
const actor = { type: 'cli', id: null } as const
if (!existsSync(values.store)) {
  const store = await openSqliteStore(values.store, { clock: systemClock })
  await fill(store, Number(values.rows), Number(values.keys))
  await store.close()
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-dashboard-'))
try {
  const file = join(folder, 'gateway.yaml')
  await writeFile(
    file,
    [
      ...['listen: 127.0.0.1:0', 'admin: { listen: "127.0.0.1:0" }', 'log: { level: silent }'],
      ...[`store: ${JSON.stringify(`sqlite:${resolve(values.store)}`)}`, 'audit: { retention: 365d }'],
      ...['upstreams: { api: { targets: ["http://127.0.0.1:9"] } }', 'routes: [{ path: /*, upstream: api }]'],
    ].join('\n'),
  )
  const token = 'a-token-of-this-measurement-alone-0123456789'
  const env = { SALLYPORT_ADMIN_TOKEN: token }
  const config = await loadConfig(file, env)
  if (!config.ok) throw new Error(JSON.stringify(config.problems))
  await using app = await start({ config, env })
  await measure(app.adminUrl, app.store, token, Number(values.rounds))
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Keys as callers have them, and requests under their ids: nine in ten in one organization. */
async function fill(store: Store, count: number, keyCount: number): Promise<void> {
  const formats = compileKeyFormats({ prefix: 'sk', environments: ['live'], accept: [] })
  const big = await store.createOrganization({ name: 'Big' }, actor)
  const small = await store.createOrganization({ name: 'Small' }, actor)
  const keys: { id: string; organizationId: string }[] = []
  for (let index = 0; index < keyCount; index++) {
    const organizationId = index % 10 === 0 ? small.id : big.id
    const secret = formats.generate('live').stored
    const name = `Key ${index}`
    const input = { organizationId, name, scopes: ['*'], environment: 'live', secret }
    keys.push({ id: (await store.createKey(input, actor)).id, organizationId })
    if (index % 1000 === 0) process.stderr.write(`${index} keys\n`)
  }
  const next = requestRows({ organizations: 1, keys: keyCount, routes: 20 })
  const startsAt = Date.now() - 30 * dayMs
  const batchSize = 50_000
  for (let done = 0; done < count; done += batchSize) {
    const rows = Array.from({ length: Math.min(batchSize, count - done) }, (_, index) => {
      const row = next(Math.floor(startsAt + ((done + index) / count) * 30 * dayMs))
      const key = keys[Number(row.keyId?.slice(4))]
      return { ...row, keyId: key?.id ?? null, organizationId: key?.organizationId ?? null }
    })
    await store.insertRequests(rows)
    if (done % 500_000 === 0) process.stderr.write(`${done} requests\n`)
  }
}

async function measure(adminUrl: string, store: Store, token: string, rounds: number): Promise<void> {
  const [organization] = (await store.listOrganizations({ limit: 200 })).filter(({ name }) => name === 'Big')
  if (organization === undefined) throw new Error('this store was not made here: it has no organization Big')
  const { id } = organization
  const row = await lastRequest(store, { organizationId: id })
  const [small] = (await store.listOrganizations({ limit: 200 })).filter(({ name }) => name === 'Small')
  const foreign = await lastRequest(store, small === undefined ? {} : { organizationId: small.id })
  const pages = callsOfPages(id, { keyId: row?.keyId ?? '', rowId: row?.id ?? '', foreignKeyId: foreign?.keyId ?? '' })
  let slowest = 0
  for (const [page, calls] of Object.entries(pages)) {
    process.stdout.write(`${page}\n`)
    for (const path of calls) {
      const wallMs: number[] = []
      const cpuMs: number[] = []
      for (let round = 0; round < rounds; round++) {
        const startedAt = performance.now()
        const cpu = process.cpuUsage()
        const response = await fetch(`${adminUrl}/platform${path}`, { headers: { authorization: `Bearer ${token}` } })
        await response.text()
        const { user, system } = process.cpuUsage(cpu)
        wallMs.push(performance.now() - startedAt)
        cpuMs.push((user + system) / 1000)
        if (!response.ok) throw new Error(`GET ${path} was answered ${response.status}`)
      }
      slowest = Math.max(slowest, spread(wallMs).median)
      process.stdout.write(`  ${shown(wallMs)} ${shown(cpuMs)} CPU  ${path.replace(id, 'ORG')}\n`)
    }
  }
  process.stdout.write(`slowest: ${slowest.toFixed(1)} ms\n`)
}

async function lastRequest(store: Store, filter: RequestFilter) {
  const { rows } = await store.listRequests(filter, { limit: 1 })
  return rows[0]
}

function shown(values: readonly number[]): string {
  const { least, median, most } = spread(values)
  return `${median.toFixed(1).padStart(8)} ms ${`(${least.toFixed(1)}–${most.toFixed(1)})`.padEnd(16)}`
}

interface Ids {
  readonly keyId: string
  readonly rowId: string
  /** Of another organization. */
  readonly foreignKeyId: string
}

/** As the pages ask on being opened; see admin/src/pages. */
function callsOfPages(organizationId: string, { keyId, rowId, foreignKeyId }: Ids): Record<string, string[]> {
  const org = `/organizations/${organizationId}`
  const now = Date.now()
  const daysAgo = (days: number): string => new Date(now - days * dayMs).toISOString()
  const analytics = (base: string, days: number, by: string, more = ''): string => {
    const ofList = by === 'time' || by === 'total' ? '' : '&limit=10'
    return `${base}/analytics?since=${daysAgo(days)}&by=${by}${ofList}${more}`
  }
  const overview = (base: string): string[] =>
    [1 / 24, 1, 7, 30].flatMap((days) =>
      ['total', 'time', 'code', 'key', 'route'].map((by) => analytics(base, days, by)),
    )
  return {
    'on every page': ['/me', '/settings', org, '/organizations?limit=200'],
    overview: overview(org),
    'overview of the instance': [...overview(''), '/health', '/policy'],
    keys: [
      ...[`${org}/api-keys?limit=50`, `${org}/api-keys?limit=50&q=999`, `${org}/api-keys?limit=50&status=active`],
      ...[`${org}/service-accounts?limit=200`, `${org}/members?limit=200`],
    ],
    key: [
      ...[`${org}/api-keys/${keyId}`, `${org}/api-keys/${keyId}/workspaces?limit=50`],
      ...[`${org}/requests?key_id=${keyId}&limit=15`, `${org}/api-keys/${keyId}/usage`],
      ...[analytics(org, 30, 'time', `&key_id=${keyId}`), analytics(org, 30, 'total', `&key_id=${keyId}`)],
    ],
    requests: [`${org}/requests?limit=50`, `${org}/requests/${rowId}`, '/requests?limit=50'],
    'requests with filters': [org, ''].flatMap((base) =>
      [
        ...['code=RATE_LIMITED', 'status=502', `route=${encodeURIComponent('/api/v1/resource-7/:id')}`],
        // What nothing matches takes longest.
        ...['method=POST', 'status=418', 'status=3xx', 'code=ROUTE_DENIED', 'route=/nowhere', 'shadow_code=any'],
        ...[
          `key_id=${keyId}&method=POST`,
          'key_id=key_nobody',
          `since=${daysAgo(20)}&until=${daysAgo(10)}&method=POST`,
        ],
      ].map((filter) => `${base}/requests?limit=50&${filter}`),
    ),
    'the key of another organization': [`${org}/requests?limit=50&key_id=${foreignKeyId}`],
    events: [
      ...[`${org}/events?limit=50`, '/events?limit=50', '/events/verify'],
      ...[`${org}/events?limit=50&type=api_key.revoked`, '/events?limit=50&type=operator.*'],
      ...[`${org}/events?limit=50&target=${keyId}`, `/events?limit=50&actor_id=usr_nobody&since=${daysAgo(365)}`],
    ],
    'jobs and webhooks': [`${org}/jobs?limit=50`, `${org}/webhooks?limit=50`, `${org}/workspaces?limit=50`],
    'operators and organizations': ['/operators?limit=50', '/organizations?limit=50', '/auth/methods'],
  }
}
