import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Before `npm start` and `npm run demo`: builds the dashboard where it is missing or not of its sources as they are. Never a
 * reason not to start: without it the gateway says at `/` what to do. With --must it is one: tests are about what is built
 * here. With --anew it builds in any case, and a failure is told in full.
 *
 * Built beside and moved into place, the page last: who asks meanwhile gets the one of before, and who has that one open
 * finds the files that it has not loaded yet.
 */
async function buildWhenNeeded(): Promise<void> {
  const before = await readRecord()
  if (!isAnew && before !== undefined && before.sources === (await fingerprint(before.outside))) return
  const vite = await import('vite').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  })
  if (vite === undefined) {
    say(
      'The dashboard is not built of its sources as they are, and vite is not installed: going on without building it.',
    )
    giveUp()
    return
  }
  // Who starts this for tests or development gets the same dashboard as everybody.
  process.env.NODE_ENV = 'production'
  if (!isAnew) say('Building the dashboard (once, until its sources change) …')
  const beganAt = Date.now()
  await mkdir(join(repository, 'dist'), { recursive: true })
  // On the same disk: to move is to rename.
  const made = await mkdtemp(join(repository, 'dist/.admin-'))
  try {
    const output = await vite.build({
      configFile: join(repository, 'admin/vite.config.ts'),
      logLevel: isAnew ? 'info' : 'silent',
      build: { outDir: made, emptyOutDir: true },
    })
    const outside = outsideOf([output].flat().flatMap((built) => ('output' in built ? built.output : [])))
    // What was changed under its hands may be in it or not: then the next start builds again.
    const isWhole = (await changedAt(outside)) < beganAt
    const sources = isWhole ? await fingerprint(outside) : ''
    await putInPlace(made, { sources, outside }, before)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

/** Stands beside the page, and is not served. */
interface BuildRecord {
  /** Of everything that it was built of. */
  readonly sources: string
  /** Files of the repository that it takes in and that are not in `admin`. */
  readonly outside: readonly string[]
  /** Names of its files. */
  readonly assets: readonly string[]
}

/** Files first, then the page that names them. Of earlier builds the last one stays, and what is younger than an hour. */
async function putInPlace(
  made: string,
  record: Omit<BuildRecord, 'assets'>,
  before: BuildRecord | undefined,
): Promise<void> {
  const assets = join(place, 'assets')
  await mkdir(assets, { recursive: true })
  const names = await readdir(join(made, 'assets')).catch(() => [])
  for (const name of names) await rename(join(made, 'assets', name), join(assets, name))
  await rename(join(made, 'index.html'), join(place, 'index.html'))
  await writeFile(join(made, 'build.json'), JSON.stringify({ ...record, assets: names }))
  await rename(join(made, 'build.json'), join(place, 'build.json'))
  const kept = new Set([...names, ...(before?.assets ?? [])])
  for (const name of await readdir(assets)) {
    if (kept.has(name)) continue
    // Two may build at once.
    const { mtimeMs } = await stat(join(assets, name))
    if (mtimeMs < Date.now() - 3_600_000) await rm(join(assets, name), { force: true })
  }
}

/** @returns undefined where nothing is built, or it is not known of what. */
async function readRecord(): Promise<BuildRecord | undefined> {
  try {
    await stat(join(place, 'index.html'))
    return JSON.parse(await readFile(join(place, 'build.json'), 'utf8')) as BuildRecord
  } catch {
    return undefined
  }
}

/** What the bundle is made of besides `admin`: the same texts as in the reference, for example. Types leave no trace. */
function outsideOf(output: readonly { readonly type: string; readonly moduleIds?: readonly string[] }[]): string[] {
  const ids = output.flatMap(({ moduleIds = [] }) => moduleIds)
  const paths = ids.map((id) => relative(repository, id.split('?', 1)[0] ?? '').replaceAll(sep, '/'))
  const isOutside = (path: string): boolean => !/^(\.\.|admin\/|node_modules\/|.*\0)/.test(path) && path !== ''
  return [...new Set(paths.filter(isOutside))].sort()
}

/** Of the contents: a file that comes back as it was is no change, whatever its date. */
async function fingerprint(outside: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of await sourceFiles(outside)) {
    const content = await readFile(join(repository, path)).catch(() => 'none')
    hash.update(`${path} ${content.length}\n`).update(content)
  }
  return hash.digest('base64url')
}

async function changedAt(outside: readonly string[]): Promise<number> {
  const paths = (await sourceFiles(outside)).map((path) => join(repository, path))
  const times = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0))
  return Math.max(...times)
}

/** The lock file stands for what is in node_modules. */
async function sourceFiles(outside: readonly string[]): Promise<string[]> {
  const entries = await readdir(join(repository, 'admin'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return [...files.map((file) => relative(repository, file)).sort(), ...outside, 'package-lock.json']
}

function giveUp(): void {
  if (process.argv.includes('--must') || isAnew) process.exitCode = 1
}

const repository = fileURLToPath(new URL('..', import.meta.url))
const place = join(repository, 'dist/admin')
const isAnew = process.argv.includes('--anew')

/** On stderr: what is started afterwards has stdout to itself. */
const say = (line: string): void => void process.stderr.write(`${line}\n`)

try {
  await buildWhenNeeded()
} catch (error) {
  const text = error instanceof Error ? error.message : String(error)
  say(
    isAnew
      ? `The dashboard could not be built: ${text}`
      : `The dashboard could not be built: ${text.split('\n', 1)[0]} Going on without; "npm run build:admin" tells more.`,
  )
  giveUp()
}
