import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../machine.ts'

export interface Flooded {
  readonly port: number
  readonly goodKey: string
  /** Of another organization: what the attacker has bought. */
  readonly otherKey: string
  memoryMb(): number
  /** The highest that was seen since the start. */
  peaks(): { readonly peakMb: number; readonly descriptors: number }
  stop(): Promise<void>
}

/** A gateway from a checkout of this repository, as an operator starts it, with nothing but its defaults. */
export async function startFlooded(root: string, folder: string, upstream: string): Promise<Flooded> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = join(folder, 'gateway.yaml')
  await writeFile(config, gatewayYaml(port, adminPort, upstream))
  const main = join(root, 'src/main.ts')
  const run = async (...args: string[]): Promise<Record<string, string>> => {
    const all = [main, ...args, '--config', config, '--json']
    return JSON.parse((await promisify(execFile)(process.execPath, all, { timeout: 30_000 })).stdout)
  }
  const keyFor = async (name: string): Promise<string> => {
    await run('orgs', 'create', name, '--slug', name)
    const { raw_key: key } = await run('keys', 'create', '--org', name, '--name', name, '--scopes', '*')
    return key ?? ''
  }
  const [goodKey, otherKey] = [await keyFor('good'), await keyFor('other')]

  const child = spawn(process.execPath, [main, 'start', '--quiet', '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const pid = child.pid ?? 0
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined)
    await ready?.body?.cancel()
    if (ready?.status === 200) break
    if (tries > 400) throw new Error('the gateway does not become ready')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const memoryMb = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  let peakMb = 0
  let descriptors = 0
  const look = setInterval(() => {
    try {
      peakMb = Math.max(peakMb, memoryMb())
      descriptors = Math.max(descriptors, readdirSync(`/proc/${pid}/fd`).length)
    } catch {
      // It has ended.
    }
  }, 250)
  return {
    ...{ port, goodKey, otherKey, memoryMb },
    peaks: () => ({ peakMb, descriptors }),
    async stop() {
      clearInterval(look)
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

const gatewayYaml = (port: number, adminPort: number, upstream: string): string => `
listen: 127.0.0.1:${port}
admin: { listen: 127.0.0.1:${adminPort} }
store: sqlite:data/flood.db
log: { level: error }
scopes: { 'things:read': Read things }
limits:
  key-minute: { by: key, requests: 1000000000, per: 1m }
upstreams:
  api: { targets: ['${upstream}'] }
routes:
  - { path: /things/*, scopes: ['things:read'], limits: [key-minute], upstream: api }
  - { path: /big, upstream: api }
`
