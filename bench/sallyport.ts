import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { answers, beside, startChild } from './child.ts'
import { freePort, gatewayCore } from './machine.ts'
import { statusCounts } from './status-counts.ts'
import type { Running, World } from './subjects.ts'

/**
 * Sallyport as an operator starts it: its command line, one route with a scope and a limit per key, SQLite, the request
 * log on. Its books are audited after the run: the metric and the rows of the log.
 */
export async function startSallyport(
  world: World,
  { workers = 1, nodeArguments = profiling(), output }: SallyportOptions = {},
): Promise<Running> {
  const { machine, upstreamOrigin } = world
  const folder = join(world.folder, `workers-${workers}`)
  await mkdir(folder)
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = join(folder, 'gateway.yaml')
  await writeFile(config, gatewayYaml(port, adminPort, upstreamOrigin, workers))
  await command(config, ['orgs', 'create', 'Bench', '--slug', 'bench'])
  const created = await command(config, [
    'keys',
    'create',
    '--org',
    'bench',
    '--name',
    'Bench',
    '--scopes',
    'things:read',
  ])
  const { raw_key: key }: { raw_key: string } = JSON.parse(created)

  const env = { NODE_ENV: 'production' }
  const args = [...nodeArguments, main, 'start', '--config', config]
  const child = startChild(process.execPath, args, { machine, core: gatewayCore, metered: true, env, output })
  const admin = `http://127.0.0.1:${adminPort}`
  await answers(`${admin}/readyz`, child)
  const metrics = async () => (await fetch(`${admin}/metrics`)).text()
  return {
    target: { url: `http://127.0.0.1:${port}/things/1`, authorization: `Bearer ${key}` },
    cpuUs: child.cpuUs,
    threadsUs: child.threadsUs,
    died: child.died,
    statuses: async () => statusCounts(await metrics(), 'sallyport_requests_total'),
    async audit(served) {
      const dropped = sum(await metrics(), 'sallyport_request_log_dropped_total')
      await child[Symbol.asyncDispose]()
      const logged = countLogged(join(folder, 'data', 'bench.db'))
      return [
        ...(dropped > 0 ? [`the request log dropped ${dropped} rows`] : []),
        ...(logged < served ? [`the request log holds ${logged} rows with status 200 of ${served} answers`] : []),
      ]
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

const main = beside('../src/main.ts')

interface SallyportOptions {
  readonly workers?: number
  readonly nodeArguments?: readonly string[]
  /** As of a child. */
  readonly output?: number
}

/** SALLYPORT_BENCH_PROFILE names a folder: a CPU profile of the run is written there. The figures suffer from it. */
const profiling = (): string[] => {
  const folder = process.env.SALLYPORT_BENCH_PROFILE
  return folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder]
}

const gatewayYaml = (port: number, adminPort: number, upstream: string, workers: number): string => `
listen: 127.0.0.1:${port}
admin: { listen: 127.0.0.1:${adminPort} }
store: sqlite:data/bench.db
workers: ${workers}
scopes: { 'things:read': Read things }
limits:
  key-minute: { by: key, requests: 1000000000, per: 1m }
upstreams:
  api: { targets: ['${upstream}'] }
routes:
  - { path: /things/*, methods: [GET], scopes: ['things:read'], limits: [key-minute], upstream: api }
`

async function command(config: string, args: readonly string[]): Promise<string> {
  const execute = promisify(execFile)
  const { stdout } = await execute(process.execPath, [main, ...args, '--config', config, '--json'], { timeout: 30_000 })
  return stdout
}

function sum(metrics: string, name: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

function countLogged(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const row = database.prepare('SELECT count(*) AS rows FROM request_log WHERE status = 200').get()
    return Number(row?.rows)
  } finally {
    database.close()
  }
}
