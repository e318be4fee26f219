import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, within } from '../helpers/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'

/** What becomes of workers that crash, hang and are replaced, and of all of them when their primary dies. Real processes. */

const adminToken = 'workers-test-token-of-more-than-32-characters'
let upstream: HttpUpstream
let folder: string
let gateway: GatewayProcess

beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => {
    if (request.url?.startsWith('/feed')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
    } else response.end('carried')
  })
})
afterAll(async () => upstream[Symbol.asyncDispose]())

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-workers-'))
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, yaml.replace('UPSTREAM', upstream.url))
  gateway = await spawnGateway(file, { SALLYPORT_ADMIN_TOKEN: adminToken })
  return async () => {
    await gateway[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
})

const yaml = `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:s.db
workers: 2
upstreams: { api: { targets: ['UPSTREAM'] } }
routes:
  - { path: /open, upstream: api, public: true }
  - { path: /feed, upstream: api, public: true }
  - { path: /plain, upstream: api }
`

/** Pids of those that take requests, by place, from the log. */
function workers(): Map<number, number> {
  const pids = new Map<number, number>()
  for (const [, worker, pid] of gateway.output().matchAll(/"worker":(\d+),"pid":(\d+),"msg":"worker started"/g)) {
    pids.set(Number(worker), Number(pid))
  }
  return pids
}

const anyWorker = (): number => [...workers().values()][0] ?? Number.NaN

async function isGone(pid: number): Promise<boolean> {
  // One that has ended and was not waited for yet is still listed.
  return /^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z'))
}

async function admin(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ id: string; raw_key: string; key: { id: string } }> {
  const response = await fetch(`${gateway.adminUrl}/platform${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(response.ok).toBe(true)
  return response.json() as Promise<{ id: string; raw_key: string; key: { id: string } }>
}

/** A connection of its own each time. @returns the status, 0 when there was no answer. */
async function ask(path: string, key?: string): Promise<number> {
  try {
    const headers = { connection: 'close', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
    const response = await fetch(`${gateway.dataUrl}${path}`, { headers, signal: AbortSignal.timeout(5000) })
    await response.text()
    return response.status
  } catch {
    return 0
  }
}

describe('workers as processes', () => {
  it('replaces one that is killed, and requests to the others go on', async () => {
    const killed = anyWorker()
    process.kill(killed, 'SIGKILL')
    const replaced = await eventually(
      'another one in its place',
      () => {
        const [pid] = [...workers().values()]
        return pid !== killed && pid
      },
      { withinMs: 10_000 },
    )
    expect(replaced).not.toBe(killed)
    expect(await Promise.all(Array.from({ length: 40 }, () => ask('/open')))).toEqual(Array(40).fill(200))
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    expect(metrics).toContain('sallyport_worker_exits_total{why="crashed"} 1')
  })

  it('ends one that is stopped rather than let it serve a revoked key, and does not wait for it for long', async () => {
    const { id: organization } = await admin('POST', '/organizations', { name: 'Acme' })
    const { key, raw_key: raw } = await admin('POST', `/organizations/${organization}/api-keys`, { name: 'k' })
    expect(await Promise.all(Array.from({ length: 20 }, () => ask('/plain', raw)))).toEqual(Array(20).fill(200))
    const stopped = anyWorker()
    process.kill(stopped, 'SIGSTOP')
    const startedAt = performance.now()
    await admin('POST', `/organizations/${organization}/api-keys/${key.id}/revoke`)
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect(await isGone(stopped)).toBe(true)
    expect(await Promise.all(Array.from({ length: 20 }, () => ask('/plain', raw)))).toEqual(Array(20).fill(401))
    await eventually('another one in its place', () => anyWorker() !== stopped, { withinMs: 10_000 })
  })

  it('SIGUSR2 replaces all of them one by one, and not one request fails', async () => {
    const before = workers()
    const statuses: number[] = []
    let stop = false
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) statuses.push(await ask('/open'))
    })
    process.kill(gateway.child.pid ?? 0, 'SIGUSR2')
    await eventually(
      'new ones in both places',
      async () => {
        const now = workers()
        if ([...before].some(([place, pid]) => now.get(place) === pid)) return false
        return (await Promise.all([...before.values()].map(isGone))).every(Boolean)
      },
      { withinMs: 20_000 },
    )
    stop = true
    await Promise.all(load)
    expect(statuses.length).toBeGreaterThan(10)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
  })

  it('all end when their primary is killed', async () => {
    const pids = [...workers().values()]
    gateway.child.kill('SIGKILL')
    await gateway.exited
    await eventually('the workers to end', async () => (await Promise.all(pids.map(isGone))).every(Boolean))
    expect(await ask('/open')).toBe(0)
  })

  it('SIGTERM to the whole group lets the primary decide: what is under way is finished, what does not end is cut off', async () => {
    const pids = [...workers().values()]
    const feed = await fetch(`${gateway.dataUrl}/feed`)
    const reader = feed.body?.getReader()
    await reader?.read()
    for (const pid of pids) process.kill(pid, 'SIGTERM')
    expect(await ask('/open')).toBe(200)
    gateway.child.kill('SIGTERM')
    await expect(within(15_000, 'the stream to be cut off', Promise.resolve(reader?.read()))).rejects.toThrow(
      /terminated/,
    )
    expect(await within(10_000, 'the gateway to end', gateway.exited)).toEqual([0, null])
    expect((await Promise.all(pids.map(isGone))).every(Boolean)).toBe(true)
    expect(gateway.output()).toContain('"step":"aborted","in_flight":1')
  })
})
