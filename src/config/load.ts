import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { checkConfig } from './check.ts'
import { checkFiles } from './check-files.ts'
import { explainIssues } from './issues.ts'
import { type Finding, formatPath, type Path, type Problem, sortProblems } from './problems.ts'
import { salvage } from './salvage.ts'
import { type Config, configSchema } from './schema.ts'
import { showText } from './shown-text.ts'
import { readSource, type Source } from './source.ts'
import { findSurprises } from './surprises.ts'
import type { Environment } from './variables.ts'

export { formatProblems } from './problems.ts'

export interface LoadedConfig {
  readonly ok: true
  /** Checked, every default filled in; paths of files are absolute. */
  readonly config: Config
  /** The file as it was read. */
  readonly text: string
  /** The same without its secrets. */
  readonly shown: string
  /** How a value stands in the file where it comes from the environment (`${NAME}`), by its path; only there. */
  written(path: Path): string | undefined
  /** Hides what came from the environment in a text for people. */
  hide(text: string): string
  /** As it was named by the caller. */
  readonly file: string
  /** What is legal, and maybe not meant. */
  readonly warnings: readonly Problem[]
}

/** Problems are sorted by their place in the file, each named once, and all named at once. */
export type LoadResult = LoadedConfig | { readonly ok: false; readonly problems: readonly Problem[] }

export const configBytesMax = 1024 * 1024

/**
 * Reads and checks a configuration file. Never throws: a file that can't be read is a problem like any other.
 * @param env where `${NAME}` is looked up.
 */
export async function loadConfig(file: string, env: Environment): Promise<LoadResult> {
  const text = await readBounded(file)
  if (typeof text !== 'string') return { ok: false, problems: [{ file, line: 0, column: 0, path: '', ...text }] }
  return loadText(text, file, env)
}

/** The same for a text that is to stand in that file: relative paths start from its folder. */
export async function loadText(text: string, file: string, env: Environment): Promise<LoadResult> {
  const { result, source } = parse(text, file, env)
  if (!result.ok || source === undefined) return result
  const findings = await checkFiles(result.config)
  return findings.length === 0 ? result : { ok: false, problems: sortProblems(findings.map(source.locate)) }
}

/** The same for a text that is at hand. Looks at no file; `fileName` is for messages, and its folder for relative paths. */
export const parseConfig = (text: string, fileName: string, env: Environment): LoadResult =>
  parse(text, fileName, env).result

function parse(text: string, file: string, env: Environment): { result: LoadResult; source?: Source } {
  const source = readSource(text, file, env)
  if (Array.isArray(source)) return { result: { ok: false, problems: sortProblems(source) } }
  const parsed = configSchema.safeParse(source.value ?? undefined)
  if (source.value === null && source.findings.length === 0) {
    const message = 'the file is empty; "sallyport init" writes one to begin with'
    return { result: { ok: false, problems: [{ file, line: 0, column: 0, path: '', message }] } }
  }
  const found = [...source.findings]
  if (parsed.success && found.length === 0) {
    found.push(...checkConfig(parsed.data, declaredIn(source.value)))
    if (found.length === 0) {
      const warnings = sortProblems([...findSurprises(parsed.data)].map(source.locate))
      const config = resolveFiles(parsed.data, dirname(resolve(file)))
      const { hide, written, secrets } = source
      const shown = showText(text, secrets)
      return { result: { ok: true, config, text, shown, written, hide, file, warnings }, source }
    }
  } else {
    found.push(...findAll(source, parsed.error?.issues ?? []))
  }
  return { result: { ok: false, problems: sortProblems(found.map(source.locate)) } }
}

/** What the schema objects to, and what the checks find in the rest. */
function findAll(source: Source, issues: Parameters<typeof explainIssues>[0]): Finding[] {
  const broken = source.findings.map(({ path }) => path)
  const told = new Set(broken.map(formatPath))
  const fresh = issues.filter(({ path }) => !told.has(formatPath(path as Finding['path'])))
  const findings = explainIssues(fresh, source.value, source.written)
  const salvaged = salvage(source.value, broken)
  if (salvaged) findings.push(...checkConfig(salvaged.config, declaredIn(source.value), salvaged))
  return findings
}

function declaredIn(document: unknown) {
  const names = (section: string): ReadonlySet<string> | undefined => {
    if (typeof document !== 'object' || document === null || !Object.hasOwn(document, section)) return new Set()
    const table = (document as Record<string, unknown>)[section]
    return typeof table === 'object' && table !== null && !Array.isArray(table)
      ? new Set(Object.keys(table))
      : undefined
  }
  return { scopes: names('scopes'), limits: names('limits'), upstreams: names('upstreams') }
}

/** Relative paths start from the folder of the file, wherever the gateway was started. */
function resolveFiles(config: Config, folder: string): Config {
  const inFolder = (file: string): string => resolve(folder, file)
  return {
    ...config,
    store: `sqlite:${inFolder(config.store.slice('sqlite:'.length))}`,
    ...(config.audit.checkpoints.file !== undefined && {
      audit: {
        ...config.audit,
        checkpoints: { ...config.audit.checkpoints, file: inFolder(config.audit.checkpoints.file) },
      },
    }),
    ...(config.tls && { tls: { cert: inFolder(config.tls.cert), key: inFolder(config.tls.key) } }),
    upstreams: Object.fromEntries(
      Object.entries(config.upstreams).map(([name, upstream]) => {
        const ca = upstream.tls?.ca
        return [name, ca === undefined ? upstream : { ...upstream, tls: { ...upstream.tls, ca: inFolder(ca) } }]
      }),
    ),
  }
}

async function readBounded(file: string): Promise<string | { message: string }> {
  try {
    await using handle = await open(file)
    // One byte more than allowed, and never the whole of it: the size that a file claims need not be true.
    const buffer = Buffer.alloc(configBytesMax + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    if (length > configBytesMax) return { message: 'is larger than 1 MB; is this the right file?' }
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length))
  } catch (error) {
    return { message: readComplaint(error) }
  }
}

function readComplaint(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is no such file; write one with "sallyport init", or name another with --config'
  if (code === 'EISDIR') return 'is a folder; name the file in it with --config'
  if (code === 'EACCES') return "can't be read by this user; change its owner or mode"
  if (error instanceof TypeError) return 'is not UTF-8 text; save it as UTF-8'
  return `can't be read: ${error instanceof Error ? error.message : String(error)}`
}
