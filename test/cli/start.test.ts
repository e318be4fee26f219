import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startUpstream } from '../../examples/upstream.ts'
import { type CliSandbox, cliConfig, cliSandbox, mainFile, runNode } from '../helpers/cli.ts'

interface Running {
  readonly process: ChildProcess
  readonly dataUrl: string
  readonly adminUrl: string
  output(): { stdout: string; stderr: string }
  ended: Promise<number | null>
  [Symbol.asyncDispose](): Promise<void>
}

/** The gateway as a process of its own; ports are its own choice and are read from what it prints. */
async function startGateway(cli: CliSandbox, ...args: string[]): Promise<Running> {
  const child = spawn(process.execPath, [mainFile, ...args], { cwd: cli.folder })
  const written = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const welcome = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.stderr.on('data', () => {
      const match = /callers +(http:\S+)\n +administration +(http:\S+).*\n/.exec(written.stderr)
      if (match) resolve(match)
    })
    void ended.then((code) => reject(new Error(`ended with ${code}: ${written.stderr}`)))
  })
  return {
    process: child,
    dataUrl: welcome[1] ?? '',
    adminUrl: welcome[2] ?? '',
    output: () => written,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Asks until the answer is as wanted; the test's own time limit is the bound. */
async function until(wanted: (response: Response) => boolean, ask: () => Promise<Response>): Promise<number> {
  const began = performance.now()
  for (;;) {
    const response = await ask()
    await response.arrayBuffer()
    if (wanted(response)) return performance.now() - began
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('sallyport start', () => {
  const configFor = (upstream: string) => cliConfig.replace('http://127.0.0.1:9', upstream)

  it('serves a key made by another command, and refuses it within a second of its revocation by another', async () => {
    await using upstream = disposable(await startUpstream(0))
    await using cli = await cliSandbox(configFor(upstream.url))
    await using gateway = await startGateway(cli)
    await cli.run('orgs', 'create', 'Acme', '--slug', 'acme')
    const { key, raw_key } = await cli.json<{ key: { id: string }; raw_key: string }>(
      ...['keys', 'create', '--org', 'acme', '--name', 'First key'],
    )
    const call = () => fetch(`${gateway.dataUrl}/api/v1/me`, { headers: { authorization: `Bearer ${raw_key}` } })

    await until((response) => response.status === 200, call)
    await cli.run('keys', 'revoke', key.id)
    const took = await until((response) => response.status === 401, call)
    expect(took).toBeLessThan(1000)

    const { stdout, stderr } = gateway.output()
    expect(stdout + stderr).not.toContain(raw_key)
  })

  it('tells a first user what to do next, and keeps stdout for JSON lines', async () => {
    await using cli = await cliSandbox(cliConfig)
    await using gateway = await startGateway(cli, 'start')
    gateway.process.kill('SIGTERM')
    await gateway.ended
    const { stdout, stderr } = gateway.output()
    expect(stderr).toContain('Sallyport is running from gateway.yaml')
    expect(stderr).toContain('sallyport orgs create')
    // There may be no page behind the link yet; what its page would send can be sent by hand.
    expect(stderr).toContain(`curl -X POST ${gateway.adminUrl}/platform/setup `)
    for (const line of stdout.trim().split('\n').filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow()
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    await using cli = await cliSandbox(cliConfig)
    await using gateway = await startGateway(cli)
    gateway.process.kill(signal)
    expect(await gateway.ended).toBe(0)
    await expect(fetch(`${gateway.dataUrl}/status`)).rejects.toThrow()
  })

  it('finishes a request in flight before it ends', async () => {
    await using upstream = disposable(await startUpstream(0))
    await using cli = await cliSandbox(
      `${configFor(upstream.url)}  - { path: /api/v1/feed, public: true, upstream: api }\n`,
    )
    await using gateway = await startGateway(cli)
    const feed = await fetch(`${gateway.dataUrl}/api/v1/feed`)
    gateway.process.kill('SIGTERM')
    expect(await feed.text()).toContain('"progress":3')
    expect(await gateway.ended).toBe(0)
  })

  it('ends at once on a second signal', async () => {
    await using upstream = disposable(await startUpstream(0))
    await using cli = await cliSandbox(`${configFor(upstream.url)}timeouts: { drain_delay: 1h }\n`)
    await using gateway = await startGateway(cli)
    gateway.process.kill('SIGTERM')
    await until(
      (response) => response.status === 503,
      () => fetch(`${gateway.adminUrl}/readyz`),
    )
    gateway.process.kill('SIGTERM')
    expect(await gateway.ended).toBe(1)
  })

  it('reads the file again on SIGHUP, and keeps the old one when the new one is bad', async () => {
    await using upstream = disposable(await startUpstream(0))
    await using cli = await cliSandbox(configFor(upstream.url))
    await using gateway = await startGateway(cli)
    const file = join(cli.folder, 'gateway.yaml')
    const good = await readFile(file, 'utf8')
    const call = () => fetch(`${gateway.dataUrl}/healthz`)
    expect((await call()).status).toBe(401)

    await writeFile(file, `${good}  - { path: /healthz, public: true, upstream: api }\n`)
    gateway.process.kill('SIGHUP')
    await until((response) => response.status === 200, call)

    await writeFile(file, 'routes: nonsense\n')
    gateway.process.kill('SIGHUP')
    await until(() => /rejected/.test(gateway.output().stdout), call)
    expect((await call()).status).toBe(200)
  })

  it('ends with 1 and says which address when the port is taken', async () => {
    await using upstream = disposable(await startUpstream(0))
    const address = new URL(upstream.url).host
    await using cli = await cliSandbox(cliConfig.replace('listen: 127.0.0.1:0\n', `listen: ${address}\n`))
    const { code, stderr } = await cli.run('start')
    expect(code).toBe(1)
    expect(stderr).toContain(address)
  })

  it('ends with 1 and says in one line what is wrong with an admin token that is too short', async () => {
    await using cli = await cliSandbox(cliConfig)
    const { code, stderr } = await runNode([mainFile, 'start'], cli.folder, { SALLYPORT_ADMIN_TOKEN: 'guess-me' })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: SALLYPORT_ADMIN_TOKEN has 8 characters; .*\n$/)])
    expect(stderr).not.toContain('guess-me')
  })
})

const disposable = <T extends { close(): Promise<void> }>(owned: T): T & AsyncDisposable => ({
  ...owned,
  [Symbol.asyncDispose]: () => owned.close(),
})
