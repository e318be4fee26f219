import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Before `npm start` and `npm run demo`: builds the dashboard where it is missing or older than its sources. Never a reason
 * not to start: without it the gateway says at `/` what to do. With --must it is one: tests are about what is built here.
 */
async function buildWhenNeeded(): Promise<void> {
  const built = await changedAt(join(repository, 'dist/admin/index.html'))
  if (built !== undefined && built >= (await newestIn(join(repository, 'admin')))) return
  const vite = await import('vite').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  })
  if (vite === undefined) {
    say(
      'The dashboard is not built, or older than its sources, and vite is not installed: going on without building it.',
    )
    giveUp()
    return
  }
  // Who starts this for tests or development gets the same dashboard as everybody.
  process.env.NODE_ENV = 'production'
  say('Building the dashboard (once, until its sources change) …')
  await vite.build({ configFile: join(repository, 'admin/vite.config.ts'), logLevel: 'silent' })
}

function giveUp(): void {
  if (process.argv.includes('--must')) process.exitCode = 1
}

const repository = fileURLToPath(new URL('..', import.meta.url))

/** Of folders too: in them shows what was deleted. */
async function newestIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const times = await Promise.all([folder, ...names.map((name) => join(folder, name))].map(changedAt))
  return Math.max(...times.map((time) => time ?? 0))
}

/** @returns undefined where there is nothing. */
async function changedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs
}

/** On stderr: what is started afterwards has stdout to itself. */
const say = (line: string): void => void process.stderr.write(`${line}\n`)

try {
  await buildWhenNeeded()
} catch (error) {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1)
  say(`The dashboard could not be built: ${reason} Going on without; "npm run build:admin" tells more.`)
  giveUp()
}
