import type { z } from 'zod'
import type { Path } from './problems.ts'
import { type Config, configSchema } from './schema.ts'

/** What can still be checked of a document that the schema refused. */
export interface Salvaged {
  readonly config: Config
  /** What is wrong with entries, by index: `true` where all of it is made up, else the keys that were taken out. */
  readonly routes: ReadonlyMap<number, Removed>
  readonly tests: ReadonlyMap<number, Removed>
}

export type Removed = ReadonlySet<string> | true

/**
 * Takes out what is broken, or puts something harmless in its place, so that the checks that need the whole document can
 * run on the rest and all problems are shown at once.
 * @param broken paths that are known to be wrong before the schema is asked.
 * @returns undefined when too much is broken.
 */
export function salvage(document: unknown, broken: readonly Path[]): Salvaged | undefined {
  const copy: unknown = structuredClone(document)
  if (!isMap(copy)) return undefined
  const salvaged: Mended = { routes: new Map(), tests: new Map() }
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
  readonly routes: Map<number, Set<string> | true>
  readonly tests: Map<number, Set<string> | true>
}

function mend(document: Record<string, unknown>, path: Path, mended: Mended, isName = false): void {
  const [section, entry, field] = path
  if (typeof section !== 'string') return
  const entries = document[section]
  if ((section === 'routes' || section === 'tests') && Array.isArray(entries) && typeof entry === 'number') {
    const of = entries[entry]
    const before = mended[section].get(entry)
    // What is taken out a second time is no better without it.
    const again = typeof field === 'string' && before instanceof Set && before.has(field)
    if (isMap(of) && typeof field === 'string' && before !== true && !again) {
      replaceIn(of, field, needed[section])
      mended[section].set(entry, new Set(before).add(field))
    } else {
      entries[entry] = { ...needed[section] }
      mended[section].set(entry, true)
    }
  } else if (isMap(entries) && typeof entry === 'string' && Object.hasOwn(standIns, section)) {
    const named = entries[entry]
    const standIn = standIns[section]
    if (isName) delete entries[entry]
    else if (isMap(named) && isMap(standIn) && typeof field === 'string') replaceIn(named, field, standIn)
    else entries[entry] = standIn
  } else {
    removeAt(document, path)
  }
}

/** Takes a key out, or puts in its place what there must be. */
function replaceIn(map: Record<string, unknown>, key: string, needed: Readonly<Record<string, unknown>>): void {
  if (Object.hasOwn(needed, key)) map[key] = needed[key]
  else delete map[key]
}

/** What an entry of a list can't do without. */
const needed = {
  routes: { path: '/' },
  tests: { request: 'GET /', expect: 'deny' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Entries that others name. They stay, so that those others are not blamed. */
const standIns: Readonly<Record<string, unknown>> = {
  scopes: '',
  limits: { by: 'ip', requests: 1_000_000_000, per: '1m' },
  upstreams: { targets: ['http://told.invalid'] },
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
