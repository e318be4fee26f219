import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AdminApi, adminApi } from '../helpers/admin.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'

/** One node as a process, seen as its callers and its operators see it. */
export interface Node extends AsyncDisposable {
  readonly gateway: GatewayProcess
  readonly folder: string
  readonly api: AdminApi
  /** Of the keys that are made without naming another one. */
  readonly organizationId: string
  makeKey(name?: string): Promise<MadeKey>
  /** One request on a connection of its own. */
  ask(path: string, raw?: string): Promise<Answer>
  ready(): Promise<{ status: number; text: string }>
  /** The value of a metric with its labels, as it stands there; undefined when it is not there. */
  metric(name: string): Promise<number | undefined>
  /** How often a message has been logged. */
  logged(message: string): number
}

export interface MadeKey {
  readonly id: string
  readonly raw: string
}

export interface Answer {
  /** 0: there was none. */
  readonly status: number
  readonly code: string | undefined
  readonly retryAfter: string | null
  readonly tookMs: number
}

export interface NodeOptions {
  /** Listeners are filled in. */
  readonly yaml: string
  readonly env?: Readonly<Record<string, string>>
  /** As another node on the same store has it; left out: one is made. */
  readonly organizationId?: string
}

export const adminToken = randomBytes(32).toString('hex')
export const masterKey = randomBytes(32).toString('base64')

/** Starts it and waits until it listens. */
export async function startNode({ yaml, env = {}, organizationId }: NodeOptions): Promise<Node> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-faults-'))
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, `listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n${yaml}`)
  try {
    const gateway = await spawnGateway(file, {
      SALLYPORT_ADMIN_TOKEN: adminToken,
      SALLYPORT_MASTER_KEY: masterKey,
      ...env,
    })
    return await seenFromOutside(gateway, folder, organizationId)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function seenFromOutside(gateway: GatewayProcess, folder: string, given: string | undefined): Promise<Node> {
  const api = adminApi(gateway.adminUrl, adminToken)
  const organizationId = given ?? String((await api('POST', '/organizations', { name: 'Acme' })).body.id)
  return {
    gateway,
    folder,
    api,
    organizationId,
    async makeKey(name = 'key') {
      const { status, body } = await api<Made>('POST', `/organizations/${organizationId}/api-keys`, { name })
      if (status !== 201) throw new Error(`no key was made: ${status} ${JSON.stringify(body)}`)
      return { id: body.key.id, raw: body.raw_key }
    },
    ask: (path, raw) => ask(`${gateway.dataUrl}${path}`, raw),
    async ready() {
      const response = await fetch(`${gateway.adminUrl}/readyz`, { signal: AbortSignal.timeout(5000) })
      return { status: response.status, text: await response.text() }
    },
    async metric(name) {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`, { signal: AbortSignal.timeout(5000) })).text()
      const line = text.split('\n').find((one) => one.startsWith(`${name} `))
      return line === undefined ? undefined : Number(line.slice(name.length + 1))
    },
    logged: (message) => gateway.output().split(`"msg":"${message}"`).length - 1,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Made {
  readonly key: { readonly id: string }
  readonly raw_key: string
}

/** One request on a connection of its own; no answer within ten seconds is none. */
async function ask(url: string, raw?: string): Promise<Answer> {
  const startedAt = performance.now()
  try {
    const headers = { connection: 'close', ...(raw !== undefined && { authorization: `Bearer ${raw}` }) }
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })
    const text = await response.text()
    const tookMs = performance.now() - startedAt
    const isProblem = response.headers.get('content-type')?.includes('problem') === true
    const code = isProblem ? String(JSON.parse(text).code) : undefined
    return { status: response.status, code, retryAfter: response.headers.get('retry-after'), tookMs }
  } catch {
    return { status: 0, code: undefined, retryAfter: null, tookMs: performance.now() - startedAt }
  }
}
