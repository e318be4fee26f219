import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface NpmResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one npm command in a folder and waits for its end. */
export type Npm = (cwd: string, ...args: string[]) => Promise<NpmResult>

const timeoutMs = 90_000

/**
 * The npm client of this machine as a user of its own: nothing of the real user's settings, cache or environment.
 * @param home an empty folder that it makes.
 * @param key the token for this registry; none is sent when left out.
 */
export async function npmUser(home: string, registry: string, key?: string): Promise<Npm> {
  await mkdir(home, { recursive: true })
  const { host } = new URL(registry)
  const userconfig = join(home, '.npmrc')
  await writeFile(userconfig, key === undefined ? '' : `//${host}/:_authToken=${key}\n`, { mode: 0o600 })
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    npm_config_userconfig: userconfig,
    npm_config_globalconfig: join(home, 'no-global-config'),
    npm_config_cache: join(home, 'cache'),
    npm_config_registry: `${registry}/`,
    npm_config_prefer_online: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    npm_config_progress: 'false',
    npm_config_fetch_retries: '0',
    npm_config_fetch_timeout: '60000',
  }
  return (cwd, ...args) => run(args, cwd, env)
}

function run(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<NpmResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
      })
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ ...said, code }))
  })
}
