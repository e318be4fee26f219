import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { certificateFiles } from './certificates.ts'
import { allWell, checkConfig } from './check.ts'
import { checkFiles } from './check-files.ts'
import { explainIssues } from './issues.ts'
import { isPostgresUrl, resolvePostgresFiles } from './postgres-url.ts'
import { type Finding, formatPath, type Problem, sortProblems } from './problems.ts'
import { resolveRedisFiles } from './redis-url.ts'
import { salvage } from './salvage.ts'
import { type Config, configSchema } from './schema.ts'
import { showText } from './shown-text.ts'
import { readSource, type Source } from './source.ts'
import { findSurprises } from './surprises.ts'
import type { Environment } from './variables.ts'

export { formatProblems } from './problems.ts'

/** Plain data: it can come from another thread. */
export interface LoadedConfig {
  readonly ok: true
  /** Checked, every default filled in; paths of files are absolute. */
  readonly config: Config
  /** The file as it was read. */
  readonly text: string
  /** The same without its secrets. */
  readonly shown: string
  /** How values stand in the file that come from the environment (`${NAME}`), by their path as `formatPath` has it. */
  readonly written: ReadonlyMap<string, string>
  /** What the environment gave: not to be shown. */
  readonly given: ReadonlySet<string>
  /** As it was named by the caller. */
  readonly file: string
  /** What is legal, and maybe not meant. */
  readonly warnings: readonly Problem[]
}

/** Problems are sorted by their place in the file, each named once, and all named at once. */
export type LoadResult = LoadedConfig | RejectedConfig

export interface RejectedConfig {
  readonly ok: false
  readonly problems: readonly Problem[]
  /** Files of certificates that it names, as far as that can be told: to be right it may only need one of them to be renewed. */
  readonly certificates?: readonly string[]
}

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
  const { result, source, named } = parse(text, file, env)
  if (named === undefined || source === undefined) return result
  const findings = await checkFiles(named)
  if (findings.length === 0) return result
  const others = result.ok ? [] : result.problems
  const problems = sortProblems([...others, ...findings.map(source.locate)])
  return { ok: false, problems, certificates: certificateFiles(named) }
}

/** The same for a text that is at hand. Looks at no file; `fileName` is for messages, and its folder for relative paths. */
export const parseConfig = (text: string, fileName: string, env: Environment): LoadResult =>
  parse(text, fileName, env).result

interface Parsed {
  readonly result: LoadResult
  readonly source?: Source
  /** What can be told of the files that are named, also where something else is wrong. */
  readonly named?: Config | undefined
}

function parse(text: string, file: string, env: Environment): Parsed {
  const source = readSource(text, file, env)
  if (Array.isArray(source)) return { result: { ok: false, problems: sortProblems(source) } }
  const parsed = configSchema.safeParse(source.value ?? undefined)
  if (source.value === null && source.findings.length === 0) {
    const message = 'the file is empty; "sallyport init" writes one to begin with'
    return { result: { ok: false, problems: [{ file, line: 0, column: 0, path: '', message }] } }
  }
  const isWhole = parsed.success && source.findings.length === 0
  const salvaged = isWhole ? { ...allWell, config: parsed.data } : salvage(source.value, pathsOf(source.findings))
  const found = isWhole ? [] : explain(source, parsed.error?.issues ?? [])
  if (salvaged) found.push(...checkConfig(salvaged.config, declaredIn(source.value), salvaged))
  const named = salvaged && resolveFiles(salvaged.config, dirname(resolve(file)))
  if (!isWhole || found.length > 0 || named === undefined) {
    const problems = sortProblems(found.map(source.locate))
    return { result: { ok: false, problems, ...(named && { certificates: certificateFiles(named) }) }, source, named }
  }
  const warnings = sortProblems([...findSurprises(named)].map(source.locate))
  const { replaced, given, secrets } = source
  const shown = showText(text, secrets)
  return { result: { ok: true, config: named, text, shown, written: replaced, given, file, warnings }, source, named }
}

/** What the reader and the schema object to. */
function explain(source: Source, issues: Parameters<typeof explainIssues>[0]): Finding[] {
  const told = new Set(pathsOf(source.findings).map(formatPath))
  const fresh = issues.filter(({ path }) => !told.has(formatPath(path as Finding['path'])))
  return [...source.findings, ...explainIssues(fresh, source.value, source.written)]
}

const pathsOf = (findings: readonly Finding[]): Finding['path'][] => findings.map(({ path }) => path)

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
  const shared = isPostgresUrl(config.store)
  // A store that is no file has no place next to it.
  const checkpoints = config.audit.checkpoints.file ?? (shared ? 'sallyport.checkpoints' : undefined)
  return {
    ...config,
    store: shared
      ? resolvePostgresFiles(config.store, inFolder)
      : `sqlite:${inFolder(config.store.slice('sqlite:'.length))}`,
    ...(checkpoints !== undefined && {
      audit: { ...config.audit, checkpoints: { ...config.audit.checkpoints, file: inFolder(checkpoints) } },
    }),
    ...(config.tls && { tls: { cert: inFolder(config.tls.cert), key: inFolder(config.tls.key) } }),
    redis: resolveRedisFiles(config.redis, inFolder),
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
