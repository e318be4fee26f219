import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { certificate, writeCertificate } from '../helpers/certificate.ts'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { newCertificate } from '../helpers/new-certificate.ts'
import { startWorkersProcess, type WorkersProcess } from '../helpers/workers-process.ts'

/** What the primary sees to, and what its workers do when it does not. Real processes. */

let upstream: HttpUpstream
let carried = 0
let running: WorkersProcess | undefined
beforeAll(async () => {
  upstream = await startHttpUpstream((_, response) => {
    carried++
    response.end('carried')
  })
})
afterEach(async () => {
  await running?.[Symbol.asyncDispose]()
  running = undefined
})
afterAll(async () => upstream[Symbol.asyncDispose]())

const yaml = (extra = '') => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:s.db
workers: 2
limits: { few: { by: key, requests: 150, per: 1h } }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /open, upstream: api, public: true }
  - { path: /plain, upstream: api }
  - { path: /limited, upstream: api, limits: [few] }
${extra}
`
const start = async (text = yaml()): Promise<WorkersProcess> => {
  running = await startWorkersProcess(text)
  return running
}
const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make))

describe('a primary and its workers', () => {
  it('keeps its secrets from their environment', async () => {
    const { workers } = await start()
    for (const pid of workers().values()) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8')
      expect(environment).toContain('PATH=')
      expect(environment).not.toContain('SALLYPORT_')
    }
  })

  it('is not ready while it has none, and is again once it has one', async () => {
    const { gateway, workers, ask } = await start()
    const readyz = async () => (await fetch(`${gateway.adminUrl}/readyz`)).status
    expect(await readyz()).toBe(200)
    for (const pid of workers().values()) process.kill(pid, 'SIGKILL')
    await eventually('503', async () => (await readyz()) === 503)
    await eventually('200', async () => (await readyz()) === 200, { withinMs: 15_000 })
    expect(await ask('/open')).toBe(200)
  })

  it('that stands still ends none of them when it goes on, and meanwhile what needs it alone is refused', async () => {
    const { gateway, workers, ask, createKey, admin } = await start()
    const key = await createKey()
    expect(await times(10, () => ask('/plain', key.raw))).toEqual(Array(10).fill(200))
    const before = [...workers()]
    const primary = gateway.child.pid ?? 0
    process.kill(primary, 'SIGSTOP')
    try {
      // After a while nothing is left that was taken in advance.
      await eventually('a limit that nobody can count', async () => (await ask('/limited', key.raw)) === 503, {
        withinMs: 15_000,
      })
      expect(await times(10, () => ask('/plain', key.raw))).toEqual(Array(10).fill(200))
    } finally {
      process.kill(primary, 'SIGCONT')
    }
    await eventually('limits to be counted', async () => (await ask('/limited', key.raw)) === 200)
    await admin('POST', `/organizations/${key.organization}/api-keys/${key.id}/revoke`)
    expect(await times(10, () => ask('/plain', key.raw))).toEqual(Array(10).fill(401))
    expect([...workers()]).toEqual(before)
  })

  it('admits no more than a limit when one is killed in the middle, whatever it held', async () => {
    const { workers, ask, createKey } = await start()
    const key = await createKey()
    carried = 0
    // Busy enough that tokens are held in advance.
    expect((await times(60, () => ask('/limited', key.raw))).filter((status) => status !== 200)).toEqual([])
    const killed = workers().get(1) ?? 0
    const rest = times(300, () => ask('/limited', key.raw))
    process.kill(killed, 'SIGKILL')
    await rest
    await eventually('another in its place', () => workers().get(1) !== killed, { withinMs: 15_000 })
    const later = await times(200, () => ask('/limited', key.raw))
    expect(later.slice(-100)).toEqual(Array(100).fill(429))
    expect(carried).toBeLessThanOrEqual(150)
    // What was lost with it is what it could hold at most.
    expect(carried).toBeGreaterThan(60)
  })

  it('tells what to do when the port is taken, as one process does', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const text = yaml().replace('listen: 127.0.0.1:0', `listen: 127.0.0.1:${port}`)
    const why = `can't listen on 127.0.0.1:${port}: another program does; stop it, or change listen`
    await expect(start(text)).rejects.toThrow(why)
    await expect(start(text.replace('workers: 2', 'workers: 1'))).rejects.toThrow(why)
    taken.close()
  })

  it('speaks TLS on an IPv6 address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-certificate-'))
    const { cert, key } = await writeCertificate(folder)
    const { gateway } = await start(
      yaml(`tls: { cert: '${cert}', key: '${key}' }`).replace('listen: 127.0.0.1:0', "listen: '[::1]:0'"),
    )
    const statuses = await times(
      10,
      () =>
        new Promise((resolve, reject) => {
          const options = { ca: certificate, servername: 'localhost', agent: false }
          request(`${gateway.dataUrl}/open`, options, (response) => {
            response.resume().on('end', () => resolve(response.statusCode))
          })
            .on('error', reject)
            .end()
        }),
    )
    expect(statuses).toEqual(Array(10).fill(200))
    await rm(folder, { recursive: true })
  })

  it('shows a renewed certificate in each worker, and one that starts while the file is broken shows the one in force', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-renewed-'))
    const files = await writeCertificate(folder)
    const { gateway, workers } = await start(yaml(`tls: { cert: '${files.cert}', key: '${files.key}' }`))
    const shown = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port: Number(new URL(gateway.dataUrl).port), rejectUnauthorized: false }
        const socket = connect(options, () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256)
          socket.destroy()
        }).on('error', reject)
      })
    const next = newCertificate()
    await writeFile(files.key, next.key)
    await writeFile(files.cert, next.cert)
    await eventually('all to show the new one', async () => {
      return (await times(20, shown)).every((fingerprint) => fingerprint === next.fingerprint)
    })

    await writeFile(files.cert, 'broken')
    await eventually('that to be told', () => gateway.output().includes('holds no certificate'))
    const before = new Set(workers().values())
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await eventually('others in their place', () => [...workers().values()].every((pid) => !before.has(pid)), {
      withinMs: 15_000,
    })
    const answers = await eventually('them to listen', () => times(20, shown), { withinMs: 15_000 })
    expect(new Set(answers)).toEqual(new Set([next.fingerprint]))
    await rm(folder, { recursive: true })
  })
})
