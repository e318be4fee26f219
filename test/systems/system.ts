import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type AdminApi, type ApiAnswer, adminApi } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'

const examples = join(import.meta.dirname, '../../examples')

export interface CallOptions {
  /** Sent as `Authorization: Bearer …`. */
  readonly key?: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One of the five systems as it would run: its gateway.yaml, started by the command line, and its API, each a process. */
export interface System extends AsyncDisposable {
  /** The admin API, as root. */
  readonly api: AdminApi
  readonly adminUrl: string
  readonly dataUrl: string
  readonly storeFile: string
  /** A request of a caller on the data plane. */
  call<T = Record<string, unknown>>(method: string, path: string, options?: CallOptions): Promise<ApiAnswer<T>>
  createOrganization(name?: string): Promise<string>
  createKey(organizationId: string, input?: Record<string, unknown>): Promise<CreatedKey>
  /** Rows of the request log of an organization, newest first, once there are as many as asked for. */
  requests(organizationId: string, atLeast: number): Promise<Record<string, unknown>[]>
  /** Fails when one of the texts is in a file of the store, in what the gateway printed, in its metrics or its audit trail. */
  expectNowhere(secrets: readonly string[]): Promise<void>
}

export interface CreatedKey {
  readonly raw: string
  readonly record: Readonly<Record<string, unknown>> & { readonly id: string; readonly scopes: readonly string[] }
}

/** @param name the folder under examples/. @param env more for the gateway. */
export async function startSystem(name: string, env: Readonly<Record<string, string>> = {}): Promise<System> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), `sallyport-${name}-`))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const upstreamUrl = await startUpstream(join(examples, name, 'upstream.ts'), stack)
  const adminToken = randomBytes(32).toString('hex')
  const storeFile = join(folder, 'store.db')
  const gateway: GatewayProcess = stack.use(
    await spawnGateway(join(examples, name, 'gateway.yaml'), {
      ...{ SALLYPORT_LISTEN: '127.0.0.1:0', SALLYPORT_ADMIN_LISTEN: '127.0.0.1:0', SALLYPORT_STORE: storeFile },
      ...{ SALLYPORT_ADMIN_TOKEN: adminToken, UPSTREAM_URL: upstreamUrl, ...env },
    }),
  )
  const { dataUrl, adminUrl } = gateway
  const api = adminApi(adminUrl, adminToken)

  async function call<T>(method: string, path: string, { key, body, headers = {} }: CallOptions = {}) {
    const response = await fetch(`${dataUrl}${path}`, {
      method,
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    const parsed: unknown = text === '' ? null : JSON.parse(text)
    return { status: response.status, headers: response.headers, body: parsed as T }
  }

  async function createKey(organizationId: string, input: Record<string, unknown> = {}): Promise<CreatedKey> {
    const path = `/organizations/${organizationId}/api-keys`
    const answer = await api<{ key: CreatedKey['record']; raw_key: string }>('POST', path, { name: 'A key', ...input })
    expect([answer.status, answer.body]).toEqual([201, expect.anything()])
    return { raw: answer.body.raw_key, record: answer.body.key }
  }

  const parts = stack.move()
  return {
    ...{ api, adminUrl, dataUrl, storeFile, call, createKey },
    async createOrganization(called = 'Acme') {
      const answer = await api<{ id: string }>('POST', '/organizations', { name: called })
      expect(answer.status).toBe(201)
      return answer.body.id
    },
    requests: (organizationId, atLeast) =>
      eventually('the request log to be written', async () => {
        const path = `/organizations/${organizationId}/requests?limit=200`
        const { body } = await api<Record<string, unknown>[]>('GET', path)
        return body.length >= atLeast && body
      }),
    async expectNowhere(secrets) {
      const files = (await readdir(folder)).map((file) => readFile(join(folder, file), 'latin1'))
      const told = (await api<unknown>('GET', '/events?limit=200')).body
      const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
      const everything = [...(await Promise.all(files)), gateway.output(), metrics, JSON.stringify(told)]
      expect(everything.length).toBeGreaterThan(3)
      expect(secrets.length).toBeGreaterThan(0)
      for (const secret of secrets) {
        expect(everything.filter((text) => text.includes(secret)).map((text) => text.slice(0, 200))).toEqual([])
      }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** @returns its address. */
async function startUpstream(file: string, stack: AsyncDisposableStack): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: '0' },
  })
  const exited = once(child, 'exit')
  stack.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return eventually('the API to listen', () => / on (http:\S+)/.exec(output)?.[1] ?? false, { withinMs: 15_000 })
}

/** A problem document with this status and code. */
export function expectProblem(answer: ApiAnswer<Record<string, unknown>>, status: number, code: string): void {
  expect([answer.status, answer.body.code]).toEqual([status, code])
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
}
