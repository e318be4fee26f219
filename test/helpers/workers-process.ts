import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GatewayProcess, spawnGateway } from './gateway-process.ts'

const adminToken = 'workers-test-token-of-more-than-32-characters'

/** `sallyport start` with several workers, and its administration. */
export interface WorkersProcess extends AsyncDisposable {
  readonly gateway: GatewayProcess
  /** Pids of those that take requests, by place, from the log. */
  workers(): Map<number, number>
  /** A call of the admin API that must succeed. */
  admin(method: string, path: string, body?: unknown): Promise<{ id: string; raw_key: string; key: { id: string } }>
  /** Makes an organization with a key. */
  createKey(): Promise<{ organization: string; id: string; raw: string }>
  /** A connection of its own each time. @returns the status, 0 when there was no answer. */
  ask(path: string, key?: string): Promise<number>
}

export async function startWorkersProcess(yaml: string): Promise<WorkersProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-workers-'))
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, yaml)
  const gateway = await spawnGateway(file, { SALLYPORT_ADMIN_TOKEN: adminToken })

  const admin: WorkersProcess['admin'] = async (method, path, body) => {
    const response = await fetch(`${gateway.adminUrl}/platform${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json() as ReturnType<WorkersProcess['admin']>
  }

  return {
    gateway,
    admin,
    workers() {
      const pids = new Map<number, number>()
      for (const [, worker, pid] of gateway.output().matchAll(/"worker":(\d+),"pid":(\d+),"msg":"worker started"/g)) {
        pids.set(Number(worker), Number(pid))
      }
      return pids
    },
    async createKey() {
      const { id: organization } = await admin('POST', '/organizations', { name: 'Acme' })
      const { key, raw_key: raw } = await admin('POST', `/organizations/${organization}/api-keys`, { name: 'k' })
      return { organization, id: key.id, raw }
    },
    async ask(path, key) {
      try {
        const headers = { connection: 'close', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
        const response = await fetch(`${gateway.dataUrl}${path}`, { headers, signal: AbortSignal.timeout(5000) })
        await response.text()
        return response.status
      } catch {
        return 0
      }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One that has ended and was not waited for yet is gone too. */
export async function isGone(pid: number): Promise<boolean> {
  return /^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z'))
}
