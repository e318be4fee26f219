import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, start } from '../../src/app.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { formatProblems, loadConfig } from '../../src/config/load.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Actor, ApiKey, NewKey, NewOrganization, Organization, RequestRow, Store } from '../../src/store/store.ts'
import { eventually } from './eventually.ts'
import { connectRaw, type RawClient, type RawResponse } from './raw-client.ts'

export const testActor: Actor = { type: 'cli', id: null }

export interface TestKey {
  /** The whole key, as its owner has it. */
  readonly raw: string
  readonly record: ApiKey
}

/** What `createKey` fills in when it is left out: the gateway's first organization, scopes `*`, environment `live`. */
export type TestKeyInput = Partial<Omit<NewKey, 'secret'>>

export interface RequestOptions {
  /** Sent as `Authorization: Bearer …`. */
  readonly key?: string | TestKey
  /** In this order and spelling; a list of pairs can hold a name twice. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  /** Sent with a Content-Length, unless the headers have a framing of their own. */
  readonly body?: string | Buffer
  readonly host?: string
  readonly withinMs?: number
}

export interface Gateway extends AsyncDisposable {
  readonly app: App
  readonly dataUrl: string
  readonly adminUrl: string
  /** The gateway's own store. */
  readonly store: Store
  /** Host and port of the data plane, for a Host header. */
  readonly host: string
  readonly configFile: string
  readonly storeFile: string
  /** The organization that keys belong to unless a test says otherwise. */
  readonly organization: Organization
  createOrg(input?: Partial<NewOrganization>): Promise<Organization>
  createKey(input?: TestKeyInput): Promise<TestKey>
  /** A second secret for a key; `graceEndsAt` as in Store.rotateKey. @returns the new raw key. */
  rotateKey(key: TestKey, graceEndsAt: number | null): Promise<string>
  /** A key of the right format and checksum that the store does not know. */
  unknownKey(): string
  /** One request on a connection of its own, every byte as given. */
  request(method: string, target: string, options?: RequestOptions): Promise<RawResponse>
  /** The bytes that `request` sends. */
  compose(method: string, target: string, options?: RequestOptions): Buffer
  connect(): Promise<RawClient>
  /** Rows of every request that ended before the call, oldest first. */
  requestLog(): Promise<RequestRow[]>
  /** Text of `/metrics`. */
  metrics(): Promise<string>
  /** Writes the configuration file anew, as an operator would; does not call `reload`. */
  writeConfig(yaml: string): Promise<void>
  /** Another handle on the same file, as the command line opens it. The caller closes it. */
  openSecondStore(): Promise<Store>
}

/**
 * A gateway on free ports, with a store of its own in a temporary folder. Listeners, store and log level are filled in
 * unless the YAML has them.
 */
export async function startGateway(
  yaml: string,
  {
    clock = systemClock,
    env = {},
    logTo,
  }: { clock?: Clock; env?: Record<string, string>; logTo?: { write(line: string): void } } = {},
): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'))
  const configFile = join(folder, 'gateway.yaml')
  const storeFile = join(folder, 'sallyport.db')
  const writeConfig = (text: string) => writeFile(configFile, withDefaults(text))
  await writeConfig(yaml)
  const config = await loadConfig(configFile, env)
  if (!config.ok) throw new Error(formatProblems(config.problems))

  const app = await start({ config, configFile, env, clock, ...(logTo && { logTo }) })
  const formats = compileKeyFormats(config.config.keys)
  const environments = config.config.keys.environments
  const organization = await app.store.createOrganization({ name: 'Acme' }, testActor)
  const host = new URL(app.dataUrl).host
  let flushed = 0

  async function createKey(input: TestKeyInput = {}): Promise<TestKey> {
    const environment = input.environment === undefined ? (environments[0] ?? null) : input.environment
    const { secret, stored } = formats.generate(environment)
    const record = await app.store.createKey(
      { organizationId: organization.id, name: 'Test key', scopes: ['*'], ...input, environment, secret: stored },
      testActor,
    )
    return { raw: secret.reveal(), record }
  }

  function compose(method: string, target: string, options: RequestOptions = {}): Buffer {
    const { key, headers = [], body, host: hostHeader = host } = options
    const fields: (readonly [string, string])[] = [['Host', hostHeader]]
    if (key !== undefined) fields.push(['Authorization', `Bearer ${typeof key === 'string' ? key : key.raw}`])
    fields.push(...(Array.isArray(headers) ? headers : Object.entries(headers)))
    const framed = fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
    if (body !== undefined && !framed) fields.push(['Content-Length', String(Buffer.byteLength(body))])
    const head = `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body ?? '')])
  }

  async function request(method: string, target: string, options: RequestOptions = {}): Promise<RawResponse> {
    using client = await connectRaw(app.dataUrl)
    await client.send(compose(method, target, options))
    return await client.response({ to: method, withinMs: options.withinMs ?? 5000 })
  }

  /** Rows go to the store in the order in which requests end: when a request made now is there, so are all before it. */
  async function requestLog(): Promise<RequestRow[]> {
    flushed += 1
    const marker = `flush-${flushed}`
    await request('GET', `/${marker}`, { headers: { 'X-Request-Id': marker } })
    const rows = await eventually('the request log to be flushed', async () => {
      const all = await readAll(app.store)
      return all.some((row) => row.requestId === marker && row.status !== 0) && all
    })
    return rows.filter((row) => !/^flush-\d+$/.test(row.requestId)).reverse()
  }

  async function dispose(): Promise<void> {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  }

  return {
    app,
    dataUrl: app.dataUrl,
    adminUrl: app.adminUrl,
    store: app.store,
    host,
    configFile,
    storeFile,
    organization,
    createOrg: (input = {}) => app.store.createOrganization({ name: 'Acme', ...input }, testActor),
    createKey,
    async rotateKey({ record }, graceEndsAt) {
      const { secret, stored } = formats.generate(record.environment)
      await app.store.rotateKey(record.organizationId, record.id, stored, graceEndsAt, testActor)
      return secret.reveal()
    },
    unknownKey: () => formats.generate(environments[0] ?? null).secret.reveal(),
    request,
    compose,
    connect: () => connectRaw(app.dataUrl),
    requestLog,
    metrics: async () => await (await fetch(`${app.adminUrl}/metrics`)).text(),
    writeConfig,
    openSecondStore: () => openSqliteStore(storeFile, { clock }),
    [Symbol.asyncDispose]: dispose,
  }
}

/** What every test needs and none is about. */
function withDefaults(yaml: string): string {
  const has = (name: string) => new RegExp(`^${name}:`, 'm').test(yaml)
  const lines = [
    !has('listen') && 'listen: 127.0.0.1:0',
    !has('admin') && 'admin: { listen: 127.0.0.1:0 }',
    !has('store') && 'store: sqlite:sallyport.db',
    !has('log') && 'log: { level: silent }',
  ]
  return `${lines.filter(Boolean).join('\n')}\n${yaml}\n`
}

async function readAll(store: Store): Promise<RequestRow[]> {
  const all: RequestRow[] = []
  let before: string | undefined
  do {
    const { rows, next } = await store.listRequests({}, { limit: 200, ...(before !== undefined && { before }) })
    all.push(...rows)
    before = next
  } while (before !== undefined)
  return all
}
