import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

/** `sallyport start` in a process of its own. */
export interface GatewayProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly dataUrl: string
  readonly adminUrl: string
  /** Everything it has written to stdout and stderr. */
  output(): string
  /** Resolves with code and signal when it has ended. */
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>
}

/** Starts the gateway from a configuration file and waits until it listens. @param env on top of that of the tests. */
export async function spawnGateway(
  configFile: string,
  env: Readonly<Record<string, string>> = {},
  { withinMs = 15_000 }: { withinMs?: number } = {},
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [main, 'start', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const urls = await eventually(
    'the gateway process to listen',
    () => {
      const data = /callers\s+(http\S+)/.exec(output)?.[1]
      const admin = /administration\s+(http\S+)/.exec(output)?.[1]
      if (child.exitCode !== null) return { data: '', admin: '' }
      return data !== undefined && admin !== undefined && { data, admin }
    },
    { withinMs, everyMs: 20 },
  ).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`${String(error)}\n${output}`)
  })
  if (urls.data === '') throw new Error(`the gateway process ended: ${output}`)
  return {
    child,
    dataUrl: urls.data,
    adminUrl: urls.admin,
    output: () => output,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}
