import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, within } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { isGone, startWorkersProcess, type WorkersProcess } from '../helpers/workers-process.ts'

/** What becomes of workers that crash, hang and are replaced, and of all of them when their primary dies. Real processes. */

let upstream: HttpUpstream
let running: WorkersProcess

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
  running = await startWorkersProcess(yaml.replace('UPSTREAM', upstream.url))
  return () => running[Symbol.asyncDispose]()
})

const yaml = `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:s.db
workers: 2
timeouts: { drain_timeout: 3s }
upstreams: { api: { targets: ['UPSTREAM'] } }
routes:
  - { path: /open, upstream: api, public: true }
  - { path: /feed, upstream: api, public: true }
  - { path: /plain, upstream: api }
`

const workers = (): Map<number, number> => running.workers()
const anyWorker = (): number => [...workers().values()][0] ?? Number.NaN
const ask = (path: string, key?: string): Promise<number> => running.ask(path, key)

/** All requests by the metrics. */
async function counted(): Promise<number> {
  const text = await (await fetch(`${running.gateway.adminUrl}/metrics`)).text()
  return Number(/^sallyport_requests_total\{route="\/open".*\} (\d+)$/m.exec(text)?.[1])
}

describe('workers as processes', () => {
  it('replaces one that is killed, and requests to the others go on', async () => {
    expect(await Promise.all(Array.from({ length: 40 }, () => ask('/open')))).toEqual(Array(40).fill(200))
    expect(await counted()).toBe(40)
    const killed = anyWorker()
    process.kill(killed, 'SIGKILL')
    const replaced = await eventually(
      'another one in its place',
      async () => {
        expect(await counted()).toBe(40)
        const [pid] = [...workers().values()]
        return pid !== killed && pid
      },
      { withinMs: 10_000 },
    )
    expect(replaced).not.toBe(killed)
    expect(await Promise.all(Array.from({ length: 40 }, () => ask('/open')))).toEqual(Array(40).fill(200))
    const metrics = await (await fetch(`${running.gateway.adminUrl}/metrics`)).text()
    expect(metrics).toContain('sallyport_worker_exits_total{why="crashed"} 1')
  })

  it('ends one that is stopped rather than let it serve a revoked key, and does not wait for it for long', async () => {
    const key = await running.createKey()
    expect(await Promise.all(Array.from({ length: 20 }, () => ask('/plain', key.raw)))).toEqual(Array(20).fill(200))
    const stopped = anyWorker()
    process.kill(stopped, 'SIGSTOP')
    const startedAt = performance.now()
    await running.admin('POST', `/organizations/${key.organization}/api-keys/${key.id}/revoke`)
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect(await isGone(stopped)).toBe(true)
    expect(await Promise.all(Array.from({ length: 20 }, () => ask('/plain', key.raw)))).toEqual(Array(20).fill(401))
    await eventually('another one in its place', () => anyWorker() !== stopped, { withinMs: 10_000 })
  })

  it('SIGUSR2 replaces all of them one by one, and not one request fails', async () => {
    const before = workers()
    const statuses: number[] = []
    let stop = false
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) statuses.push(await ask('/open'))
    })
    process.kill(running.gateway.child.pid ?? 0, 'SIGUSR2')
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
    running.gateway.child.kill('SIGKILL')
    await running.gateway.exited
    await eventually('the workers to end', async () => (await Promise.all(pids.map(isGone))).every(Boolean))
    expect(await ask('/open')).toBe(0)
  })

  it('SIGTERM to the whole group lets the primary decide: what is under way is finished, what does not end is cut off', async () => {
    const pids = [...workers().values()]
    const feed = await fetch(`${running.gateway.dataUrl}/feed`)
    const reader = feed.body?.getReader()
    await reader?.read()
    for (const pid of pids) process.kill(pid, 'SIGTERM')
    expect(await ask('/open')).toBe(200)
    running.gateway.child.kill('SIGTERM')
    await expect(within(15_000, 'the stream to be cut off', Promise.resolve(reader?.read()))).rejects.toThrow(
      /terminated/,
    )
    expect(await within(10_000, 'the gateway to end', running.gateway.exited)).toEqual([0, null])
    expect((await Promise.all(pids.map(isGone))).every(Boolean)).toBe(true)
    expect(running.gateway.output()).toContain('"step":"aborted","in_flight":1')
  })
})
