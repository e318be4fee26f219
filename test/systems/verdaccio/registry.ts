import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { eventually } from '../../helpers/eventually.ts'

export interface Registry extends AsyncDisposable {
  readonly url: string
  /** Where it keeps one folder for each package that was ever published. */
  readonly storage: string
}

/** A registry without uplinks that lets anybody do anything: who may do what is the gateway's business. */
export async function startRegistry(folder: string): Promise<Registry> {
  const storage = join(folder, 'storage')
  await mkdir(storage, { recursive: true })
  const config = join(folder, 'verdaccio.yaml')
  await writeFile(config, verdaccioConfig(storage))
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn(process.execPath, [verdaccio, '--config', config, '--listen', url], {
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL') // It has nothing to save, and its storage goes with the test.
    await gone
  }
  try {
    await eventually('verdaccio answers', async () => (await fetch(`${url}/-/ping`)).ok, {
      withinMs: 20_000,
      everyMs: 50,
    })
  } catch (error) {
    await stop()
    throw new Error(`verdaccio did not start:\n${said}`, { cause: error })
  }
  return { url, storage, [Symbol.asyncDispose]: stop }
}

/** Its command is not among what the package exports, its package.json is. */
const verdaccio = join(dirname(createRequire(import.meta.url).resolve('verdaccio/package.json')), 'bin', 'verdaccio')

const verdaccioConfig = (storage: string): string => `
storage: ${storage}
uplinks: {}
packages:
  '**': { access: $all, publish: $all, unpublish: $all }
web: { enable: false }
max_body_size: 200mb
log: { type: stdout, format: json, level: warn }
`

/** verdaccio does not say which port it got when it is given port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port on 127.0.0.1')
  return address.port
}
