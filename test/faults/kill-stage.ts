import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { type AdminApi, adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { startPostgresServer } from '../helpers/postgres-server.ts'
import { startRedis } from '../helpers/redis.ts'
import { adminToken, masterKey } from './node.ts'

/** `backend`: one process of PostgreSQL, which makes the server end all connections and recover. */
export type Victim = 'primary' | 'worker' | 'redis' | 'postgres' | 'backend'

export interface StageOptions {
  readonly store: 'postgres' | 'sqlite'
}

/** A gateway with two workers and all that it depends on, every process of which can be killed. */
export interface KillStage extends AsyncDisposable {
  readonly victims: readonly Victim[]
  readonly organizationId: string
  /** Of the gateway that runs at the time of a call. */
  readonly api: AdminApi
  /** Uses a key on the data plane, on a connection of its own. @returns the status; 0: no answer. */
  use(raw: string, requestId: string): Promise<number>
  /** Kills it, and starts it anew where nothing else does. */
  kill(victim: Victim): Promise<void>
  /** Which of these requests have a row in the log. */
  rowsOf(requestIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Of events of one type. */
  targetsOf(type: string): Promise<ReadonlySet<string>>
  /** Rows that are not written yet. */
  queued(): Promise<number>
}

export async function openStage({ store }: StageOptions): Promise<KillStage> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-kills-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const server = store === 'postgres' ? await startPostgresServer() : undefined
  stack.defer(async () => server?.stop())
  const redis = stack.use(await startRedis({ tcp: true }))
  const upstream = stack.use(await startHttpUpstream((_request, response) => response.end('ok')))
  const storeUrl = server === undefined ? 'sqlite:s.db' : server.url()
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, yaml({ storeUrl, redisUrl: redis.url, upstreamUrl: upstream.url }))
  const query = server === undefined ? queryFile(join(folder, 's.db')) : queryServer(server.url())

  const spawn = () =>
    spawnGateway(file, { SALLYPORT_ADMIN_TOKEN: adminToken, SALLYPORT_MASTER_KEY: masterKey }, { withinMs: 60_000 })
  let gateway: GatewayProcess = await spawn()
  stack.defer(() => gateway[Symbol.asyncDispose]())
  const api: AdminApi = (...call) => adminApi(gateway.adminUrl, adminToken)(...call)
  const organizationId = String((await api('POST', '/organizations', { name: 'Acme' })).body.id)

  const killPrimary = async (): Promise<void> => {
    const workers = workersOf(gateway)
    gateway.child.kill('SIGKILL')
    await gateway.exited
    gateway = await spawn()
    // Nobody tells them: they notice.
    for (const pid of workers)
      await eventually('the workers of a dead primary to end', () => isGone(pid), { withinMs: 15_000 })
  }
  const kill: Record<Victim, () => Promise<void>> = {
    primary: killPrimary,
    async worker() {
      // One that is about to be replaced is none.
      const pids = await eventually('a worker that lives', async () => {
        const living: number[] = []
        for (const pid of workersOf(gateway)) if (!(await isGone(pid))) living.push(pid)
        return living.length > 0 && living
      })
      process.kill(pids[Math.floor(Math.random() * pids.length)] as number, 'SIGKILL')
    },
    async redis() {
      await redis.kill()
      await redis.restart()
    },
    async postgres() {
      await server?.kill()
      await server?.restart()
    },
    async backend() {
      const [pid] = await query(
        "select pid as value from pg_stat_activity where application_name = 'sallyport' order by random() limit 1",
      )
      if (pid !== undefined) process.kill(Number(pid), 'SIGKILL')
    },
  }
  const parts = stack.move()
  return {
    victims:
      server === undefined ? ['primary', 'worker', 'redis'] : ['primary', 'worker', 'redis', 'postgres', 'backend'],
    organizationId,
    api,
    use: (raw, requestId) => use(`${gateway.dataUrl}/things/1`, raw, requestId),
    kill: (victim) => kill[victim](),
    async rowsOf(requestIds) {
      const found = new Set<string>()
      for (let at = 0; at < requestIds.length; at += 500) {
        // They are of our own making: nothing in them needs to be quoted.
        const list = requestIds.slice(at, at + 500).map((id) => `'${id}'`)
        for (const id of await query(`select request_id as value from request_log where request_id in (${list})`))
          found.add(id)
      }
      return found
    },
    targetsOf: async (type) => new Set(await query(`select target as value from admin_events where type = '${type}'`)),
    async queued() {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
      return Number(/^sallyport_request_log_queue (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

const yaml = ({ storeUrl, redisUrl, upstreamUrl }: Record<'storeUrl' | 'redisUrl' | 'upstreamUrl', string>): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: ${JSON.stringify(storeUrl)}
redis: ${JSON.stringify(redisUrl)}
workers: 2
auth_failures: { requests: 1000000, per: 1m }
limits: { per-key: { by: key, requests: 1000000, per: 1m } }
upstreams: { api: { targets: ['${upstreamUrl}'] } }
routes: [{ path: /things/*, limits: [per-key], upstream: api }]
`

async function use(url: string, raw: string, requestId: string): Promise<number> {
  try {
    const headers = { authorization: `Bearer ${raw}`, 'x-request-id': requestId, connection: 'close' }
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

/** Pids of those that take requests, from the log: the newest of each place. */
function workersOf(gateway: GatewayProcess): number[] {
  const pids = new Map<string, number>()
  for (const [, worker, pid] of gateway.output().matchAll(/"worker":(\d+),"pid":(\d+),"msg":"worker started"/g)) {
    pids.set(String(worker), Number(pid))
  }
  return [...pids.values()]
}

const isGone = async (pid: number): Promise<boolean> =>
  /^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z'))

/** @returns the column `value` of each row. */
type Query = (text: string) => Promise<string[]>

const queryFile =
  (file: string): Query =>
  async (text) => {
    using database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
    return database
      .prepare(text)
      .all()
      .map(({ value }) => String(value))
  }

const queryServer =
  (connectionString: string): Query =>
  async (text) => {
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text)).rows.map(({ value }) => String(value))
    } finally {
      await client.end()
    }
  }
