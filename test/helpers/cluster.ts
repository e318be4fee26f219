import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { type AdminApi, adminApi } from './admin.ts'
import { type GatewayProcess, spawnGateway } from './gateway-process.ts'
import { startHttpUpstream } from './http-upstream.ts'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** One gateway of a cluster, in a process of its own. */
export interface ClusterNode extends GatewayProcess {
  /** Calls its admin API as root. */
  readonly api: AdminApi
  /** @returns the status of a request with this key; 0 when there was no answer. On connections that are kept. */
  ask(path: string, rawKey?: string): Promise<number>
  /** Changes its gateway.yaml by a line at the end, so that it reads it again. */
  addLine(line: string): Promise<void>
  /** Suddenly, as when the machine is gone. */
  kill(): Promise<void>
  /** In good order. @returns its exit code. */
  stop(): Promise<number | null>
  /** Stands still until `thaw`. */
  freeze(): void
  thaw(): void
}

export interface NodeOptions {
  /** Where this one finds PostgreSQL and Redis, when that is not where they are. */
  readonly store?: string
  readonly redis?: string
  /** Lines of gateway.yaml for this one alone. */
  readonly settings?: string
}

export interface ClusterOptions {
  /** Lines of gateway.yaml, besides what every cluster has. */
  readonly settings?: string
  readonly redis?: boolean
  /** Of each node's process, besides what every one has. */
  readonly env?: Readonly<Record<string, string>>
  /** Answers for the API behind; by default 200 at once. */
  readonly answer?: (path: string, response: ServerResponse) => void
}

/** Gateways on one PostgreSQL and one Redis that are the test's own, in front of an API that counts. Nothing of it stays. */
export interface Cluster extends AsyncDisposable {
  readonly postgres: PostgresServer
  readonly redis: RedisServer | undefined
  /** Those that have been started and not ended. */
  readonly nodes: readonly ClusterNode[]
  /** @throws when there are not so many. */
  node(index: number): ClusterNode
  /** How many requests have come to the API on this path. */
  arrived(path: string): number
  start(options?: NodeOptions): Promise<ClusterNode>
  startAll(count: number): Promise<ClusterNode[]>
}

export async function startCluster({
  settings = '',
  redis: withRedis = true,
  env = {},
  answer = (_path, response) => void response.end('ok'),
}: ClusterOptions = {}): Promise<Cluster> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-cluster-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const counts = new Map<string, number>()
  const upstream = stack.use(
    await startHttpUpstream((request, response) => {
      const path = request.url ?? ''
      counts.set(path, (counts.get(path) ?? 0) + 1)
      answer(path, response)
    }),
  )
  const postgres = await startPostgresServer()
  stack.defer(() => postgres.stop())
  const redis = withRedis ? stack.use(await startRedis({ tcp: true })) : undefined
  const agent = new Agent({ connections: 64, pipelining: 1 })
  stack.defer(() => agent.destroy())
  const nodes: ClusterNode[] = []
  stack.defer(async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))
  })
  const secrets = {
    SALLYPORT_ADMIN_TOKEN: randomBytes(32).toString('hex'),
    SALLYPORT_MASTER_KEY: randomBytes(32).toString('base64'),
  }
  let begun = 0

  const start = async (options: NodeOptions = {}): Promise<ClusterNode> => {
    const own = join(folder, `node-${++begun}`)
    await mkdir(own)
    const file = join(own, 'gateway.yaml')
    const yaml = gatewayYaml(upstream.url, `${settings}${options.settings ?? ''}`)
    await writeFile(file, yaml)
    const gateway = await spawnGateway(
      file,
      { ...env, ...secrets, STORE: options.store ?? postgres.url(), REDIS: options.redis ?? redis?.url ?? '' },
      { withinMs: 60_000 },
    )
    const end = async (signal: NodeJS.Signals): Promise<number | null> => {
      gateway.child.kill(signal)
      const [code] = await gateway.exited
      nodes.splice(nodes.indexOf(node), 1)
      return code
    }
    const node: ClusterNode = {
      ...gateway,
      api: adminApi(gateway.adminUrl, secrets.SALLYPORT_ADMIN_TOKEN),
      async ask(path, rawKey) {
        const headers = rawKey === undefined ? {} : { authorization: `Bearer ${rawKey}` }
        try {
          const answer = await agent.request({ origin: gateway.dataUrl, path, method: 'GET', headers })
          await answer.body.dump()
          return answer.statusCode
        } catch {
          return 0
        }
      },
      addLine: (line) => writeFile(file, `${yaml}${line}\n`),
      async kill() {
        await end('SIGKILL')
      },
      stop: () => end('SIGTERM'),
      freeze: () => void gateway.child.kill('SIGSTOP'),
      thaw: () => void gateway.child.kill('SIGCONT'),
    }
    nodes.push(node)
    return node
  }

  const parts = stack.move()
  return {
    postgres,
    redis,
    nodes,
    node(index) {
      const node = nodes[index]
      if (node === undefined) throw new Error(`there are ${nodes.length} nodes`)
      return node
    },
    arrived: (path) => counts.get(path) ?? 0,
    start,
    startAll: (count) => Promise.all(Array.from({ length: count }, () => start())),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

const gatewayYaml = (upstream: string, settings: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: \${STORE}
redis: \${REDIS:-}
log: { level: warn }
# Keys that are refused on purpose must be refused for what they are.
auth_failures: { requests: 1000000000, per: 1m }
denials: { requests: 1000000000, per: 1m }
scopes: { projects:read: Read projects, projects:write: Change projects }
limits:
  plain: { by: key, requests: 1000, per: 10m }
  leased: { by: key, requests: 1000, per: 10m, lease: true }
upstreams:
  api: { targets: ["${upstream}"], max_connections: 4096 }
routes:
  - { path: /free, upstream: api }
  - { path: /open, public: true, upstream: api }
  - { path: /read, scopes: ["projects:read"], upstream: api }
  - { path: /plain, limits: [plain], upstream: api }
  - { path: /leased, limits: [leased], upstream: api }
${settings}`

export interface ClusterKey {
  readonly organizationId: string
  readonly id: string
  readonly raw: string
}

/** An organization. @returns its id. */
export async function makeOrganization({ api }: Pick<ClusterNode, 'api'>, name = 'Acme'): Promise<string> {
  const made = await api<{ id: string }>('POST', '/organizations', { name })
  if (made.status !== 201) throw new Error(`making an organization was answered ${made.status}`)
  return made.body.id
}

export async function makeKey({ api }: Pick<ClusterNode, 'api'>, organizationId: string): Promise<ClusterKey> {
  const made = await api<{ key: { id: string }; raw_key: string }>(
    'POST',
    `/organizations/${organizationId}/api-keys`,
    {
      name: 'A key',
    },
  )
  if (made.status !== 201) throw new Error(`making a key was answered ${made.status}`)
  return { organizationId, id: made.body.key.id, raw: made.body.raw_key }
}
