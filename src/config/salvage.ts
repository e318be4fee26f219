import type { z } from 'zod'
import type { Path } from './problems.ts'
import { type Config, configSchema } from './schema.ts'

/** What can still be checked of a document that the schema refused. */
export interface Salvaged {
  readonly config: Config
  /** Entries whose content is made up, by index: what stands there must not be judged. */
  readonly brokenRoutes: ReadonlySet<number>
  /** Routes that lack what was wrong in them: the rest can be judged, but not what is missing, nor where they overlap. */
  readonly partialRoutes: ReadonlySet<number>
  readonly brokenTests: ReadonlySet<number>
}

/**
 * Takes out what is broken, or puts something harmless in its place, so that the checks that need the whole document can
 * run on the rest and all problems are shown at once.
 * @param broken paths that are known to be wrong before the schema is asked.
 * @returns undefined when too much is broken.
 */
export function salvage(document: unknown, broken: readonly Path[]): Salvaged | undefined {
  const copy: unknown = structuredClone(document)
  if (!isMap(copy)) return undefined
  const salvaged: Mended = { brokenRoutes: new Set(), partialRoutes: new Set(), brokenTests: new Set() }
  for (const path of broken) mend(copy, path, salvaged)
  for (let round = 1; round <= rounds; round++) {
    const parsed = configSchema.safeParse(copy)
    if (parsed.success) return { config: parsed.data, ...salvaged }
    for (const issue of parsed.error.issues) {
      for (const path of pathsOf(issue)) {
        // The key that was taken out may have been one that its map can't do without: then the whole section goes.
        if (round < rounds - 1) mend(copy, path, salvaged, issue.code === 'invalid_key')
        else if (typeof path[0] === 'string') delete copy[path[0]]
      }
    }
  }
  return undefined
}

const rounds = 4

interface Mended {
  readonly brokenRoutes: Set<number>
  readonly partialRoutes: Set<number>
  readonly brokenTests: Set<number>
}

/** Without one of these nobody knows which requests a route is about. */
const deciding: ReadonlySet<unknown> = new Set(['path', 'host', 'methods', 'public', 'deny'])

function mend(
  document: Record<string, unknown>,
  path: Path,
  { brokenRoutes, partialRoutes, brokenTests }: Mended,
  isName = false,
): void {
  const [section, entry, field] = path
  if (typeof section !== 'string') return
  const entries = document[section]
  const route = section === 'routes' && Array.isArray(entries) && typeof entry === 'number' ? entries[entry] : undefined
  if (isMap(route) && typeof field === 'string' && Object.hasOwn(route, field) && !deciding.has(field)) {
    delete route[field]
    partialRoutes.add(Number(entry))
  } else if (Array.isArray(entries) && typeof entry === 'number' && (section === 'routes' || section === 'tests')) {
    entries[entry] = section === 'routes' ? { path: '/', deny: true } : { request: 'GET /', expect: 'deny' }
    if (section === 'routes') brokenRoutes.add(entry)
    else brokenTests.add(entry)
  } else if (isMap(entries) && typeof entry === 'string' && Object.hasOwn(standIns, section)) {
    if (isName) delete entries[entry]
    else entries[entry] = standIns[section]
  } else {
    removeAt(document, path)
  }
}

/** Entries that others name. They stay, so that those others are not blamed. */
const standIns: Readonly<Record<string, unknown>> = {
  scopes: '',
  limits: { by: 'ip', requests: 1_000_000_000, per: '1m' },
  upstreams: { targets: ['http://127.0.0.1'] },
}

/** Removes the key at a path; inside of a list, the key of the list. */
function removeAt(document: Record<string, unknown>, path: Path): void {
  const firstIndex = path.findIndex((part) => typeof part === 'number')
  const keys = firstIndex === -1 ? path : path.slice(0, firstIndex)
  let map = document
  for (const key of keys.slice(0, -1)) {
    const below = map[key]
    if (!isMap(below)) break
    map = below
  }
  delete map[String(keys.at(-1))]
}

const pathsOf = (issue: z.core.$ZodIssue): Path[] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...(issue.path as Path), key]) : [issue.path as Path]

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
