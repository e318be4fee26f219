import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mainFile } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'

/** Gateways on PostgreSQL as processes, with a server of their own that comes and goes. */

let server: PostgresServer
let folder: string
const children: ChildProcess[] = []
const masterKey = randomBytes(32).toString('base64')

beforeAll(async () => {
  server = await startPostgresServer()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-gateway-postgres-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true })
  // Where a test has failed half-way.
  await server.restart()
})

const env = () => ({ DATABASE: server.url(), SALLYPORT_MASTER_KEY: masterKey })

async function configure(extra = ''): Promise<string> {
  const file = join(folder, 'gateway.yaml')
  await writeFile(
    file,
    `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: \${DATABASE}
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /projects/*, upstream: api }
${extra}`,
  )
  return file
}

interface Started {
  readonly child: ChildProcess
  output(): string
  readonly exited: Promise<unknown[]>
}

/** Without waiting for it to listen. */
function begin(file: string, variables: Record<string, string>): Started {
  const { SALLYPORT_MASTER_KEY: _none, ...rest } = process.env
  const child = spawn(process.execPath, [mainFile, 'start', '--config', file], { env: { ...rest, ...variables } })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output, exited: once(child, 'exit') }
}

/** Where the admin plane listens by now, by the log. */
const adminAddress = ({ output }: Started): string | undefined =>
  [...output().matchAll(/"plane":"admin","address":"([^"]+)"/g)].at(-1)?.[1]

describe('a gateway on PostgreSQL', () => {
  it('refuses to start without a master key, and says how to make one', async () => {
    const started = begin(await configure(), { DATABASE: server.url() })
    expect(await started.exited).toEqual([1, null])
    expect(started.output()).toMatch(/every node needs the same one.*openssl rand -base64 32/)
  })

  it('waits for a server that is not there yet, and starts when it is', async () => {
    const file = await configure()
    await server.kill()
    const started = begin(file, env())
    await eventually('it to say so', () => /waiting for the store: .*nothing answers at/.test(started.output()), {
      withinMs: 30_000,
    })
    // The log goes another way than stderr, and may be a little later.
    await eventually('the log to say so', () =>
      /"why":"can't open the store postgres:\/\/postgres@127/.test(started.output()),
    )
    // Nobody takes it for dead meanwhile, and nobody for ready.
    await eventually('the admin plane to listen', () => adminAddress(started) !== undefined)
    const admin = adminAddress(started)
    expect((await fetch(`${admin}/healthz`)).status).toBe(200)
    const notReady = await fetch(`${admin}/readyz`)
    expect(notReady.status).toBe(503)
    expect(await notReady.json()).toEqual({
      status: 'not_ready',
      checks: { store: 'is waited for', data_listener: 'waits for the store' },
    })
    expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(/^sallyport_store_up 0$/m)
    for (const path of ['/', '/platform/me', '/openapi.json', '/nowhere']) {
      const refused = await fetch(`${admin}${path}`)
      expect([path, refused.status, refused.headers.get('retry-after')]).toEqual([path, 503, '1'])
      expect(await refused.json()).toMatchObject({
        code: 'KEY_STORE_UNAVAILABLE',
        detail: expect.stringContaining('waits for its store'),
      })
    }
    await server.restart()
    await eventually('it to listen', () => /Sallyport is running/.test(started.output()), { withinMs: 30_000 })
    const ready = await fetch(`${adminAddress(started)}/readyz`)
    expect(ready.status).toBe(200)
    expect(started.output()).not.toContain(decodeURIComponent(new URL(server.url()).password))
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
  }, 60_000)

  it('ends in good order while it waits', async () => {
    const file = await configure()
    const url = new URL(server.url())
    url.port = '1'
    const started = begin(file, { ...env(), DATABASE: url.href })
    await eventually('it to wait', () => /waiting for the store/.test(started.output()), { withinMs: 30_000 })
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
  }, 60_000)

  it('does not wait for what has to be put right first', async () => {
    const url = new URL(server.url())
    url.password = 'wrong'
    const started = begin(await configure(), { ...env(), DATABASE: url.href })
    expect(await started.exited).toEqual([1, null])
    expect(started.output()).toMatch(/password don't belong together/)
  }, 60_000)

  it('signs the context with one key on every node, and shows those of retired master keys too', async () => {
    const file = await configure('context: { sign: true }\n')
    const keyIds = async (gateway: GatewayProcess) => {
      const response = await fetch(`${gateway.dataUrl}/.well-known/jwks.json`)
      const { keys } = (await response.json()) as { keys: { kid: string; d?: string }[] }
      for (const key of keys) expect(key.d).toBeUndefined()
      return keys.map(({ kid }) => kid)
    }
    await using one = await spawnGateway(file, env())
    await using two = await spawnGateway(file, env())
    const [kid] = await keyIds(one)
    expect(await keyIds(one)).toHaveLength(1)
    expect(await keyIds(two)).toEqual([kid])
    const rotated = { SALLYPORT_MASTER_KEY: randomBytes(32).toString('base64'), SALLYPORT_MASTER_KEY_OLD: masterKey }
    await using three = await spawnGateway(file, { ...env(), ...rotated })
    const ids = await keyIds(three)
    expect(ids).toHaveLength(2)
    expect(ids[1]).toBe(kid)
    // Nothing of a shared store lies beside the configuration but the marks of the audit trail.
    expect((await readdir(folder)).filter((name) => !/^(gateway\.yaml|sallyport\.checkpoints)$/.test(name))).toEqual([])
  }, 60_000)
})
