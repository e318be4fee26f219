import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliSandbox {
  /** A folder of its own with a gateway.yaml in it. */
  readonly folder: string
  /** Everything that any command has written so far. */
  readonly transcript: () => string
  /** Runs `node src/main.ts …` in the folder and waits for its end. */
  run(...args: string[]): Promise<CliResult>
  /** The same, with --json; @returns what it printed, parsed. Throws with its stderr unless it ended with 0. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>
  [Symbol.asyncDispose](): Promise<void>
}

export const repository = fileURLToPath(new URL('../..', import.meta.url))
export const mainFile = join(repository, 'src/main.ts')

/** @param yaml the text of gateway.yaml; none is written when left out. */
export async function cliSandbox(yaml?: string): Promise<CliSandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-cli-'))
  if (yaml !== undefined) await writeFile(join(folder, 'gateway.yaml'), yaml)
  const written: string[] = []

  const run = async (...args: string[]): Promise<CliResult> => {
    const result = await runNode([mainFile, ...args], folder)
    written.push(result.stdout, result.stderr)
    return result
  }
  return {
    folder,
    run,
    transcript: () => written.join('\n'),
    async json<T>(...args: string[]) {
      const { code, stdout, stderr } = await run(...args, '--json')
      if (code !== 0) throw new Error(`sallyport ${args.join(' ')} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout) as T
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Runs the Node.js that runs the tests. */
export async function runNode(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NO_COLOR: '1', ...env } })
  const result = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text
  })
  const code = await new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  return { ...result, code }
}

/** A configuration for commands that work on the store. */
export const cliConfig = `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:data/sallyport.db
scopes:
  projects:read: Read projects
  projects:write: Change projects
  runs:write: Start audits
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /projects/*, methods: [GET], scopes: ["projects:read"], upstream: api }
  - { path: /projects/:id/runs, methods: [POST], scopes: ["runs:write"], workspace: ":id", upstream: api }
  - { path: /billing/*, deny: true }
  - { path: /projects, methods: [POST], scopes: ["projects:write"], upstream: api }
  - { path: /status, public: true, upstream: api }
`
