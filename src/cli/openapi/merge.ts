import { isDeepStrictEqual } from 'node:util'
import { Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { parsePattern } from '../../config/pattern.ts'
import { Failure } from '../failure.ts'
import { type Fields, field, mapOf } from './document.ts'
import { type Marks, markedSpans, plainData, putLines, type Section, sections, withoutMarked } from './gateway-file.ts'

/** gateway.yaml as it is before an import: what is somebody's own, and what an import before this one has written. */
export interface GatewayFile {
  readonly text: string
  readonly marks: Marks
  readonly own: Fields
  readonly ownScopes: ReadonlySet<string>
  /** Names and what stands there. */
  readonly ownUpstreams: ReadonlyMap<string, unknown>
  /** The one that an import before this has written, as it stands there now. */
  readonly importedUpstream: { readonly name: string; readonly lines: readonly string[] } | undefined
  /** Of routes for every host. */
  readonly ownRoutes: readonly OwnRoute[]
  /** Settings that somebody has added to an imported route, by shape and method. Lines of YAML, not indented. */
  readonly added: ReadonlyMap<string, AddedSettings>
}

export interface OwnRoute {
  readonly path: string
  readonly shape: string
  readonly wildcard: boolean
  readonly deny: boolean
  /** Undefined for all. */
  readonly methods: readonly string[] | undefined
}

export interface AddedSettings {
  readonly upstream: string | undefined
  readonly lines: readonly string[]
  readonly denied: boolean
}

/** @throws Failure when the file can't be merged into. */
export function readGatewayFile(text: string, file: string, marks: Marks): GatewayFile {
  try {
    const own = plainData(withoutMarked(text, marks))
    return {
      ...{ text, marks, own },
      ownScopes: new Set(Object.keys(mapOf(field(own, 'scopes')) ?? {})),
      ownUpstreams: new Map(Object.entries(mapOf(field(own, 'upstreams')) ?? {})),
      importedUpstream: importedUpstream(text, marks, own),
      ownRoutes: ownRoutes(own),
      added: addedSettings(text, marks),
    }
  } catch (error) {
    throw new Failure(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export const addedKey = (shape: string, method: string | undefined): string => `${method ?? '*'} ${shape}`

/**
 * The file with these lines in place of those that an import before has written.
 * @throws Failure when anything else would have changed.
 */
export function merge({ text, marks, own }: GatewayFile, lines: Readonly<Record<Section, readonly string[]>>): string {
  try {
    let merged = text
    const expected: Record<string, unknown> = { ...own }
    for (const section of sections) {
      merged = putLines(merged, section, marks, lines[section])
      const more = field(plainData(`${section}:\n${lines[section].map((line) => `  ${line}\n`).join('')}`), section)
      const before = field(own, section)
      expected[section] = section === 'routes' ? [...list(before), ...list(more)] : { ...mapOf(before), ...mapOf(more) }
    }
    if (!sameData(plainData(merged), expected)) throw new Error('what stands there already would not stay as it is')
    return merged
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(`the file can't be merged into: ${why}. It was left as it is`)
  }
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function sameData(one: Fields, other: Fields): boolean {
  const inOrder = (data: Fields): Record<string, unknown> => {
    const routes = list(field(data, 'routes')).map((route) => JSON.stringify(route))
    const sorted: Record<string, unknown> = { ...data, routes: routes.sort() }
    for (const section of ['scopes', 'upstreams'] as const) sorted[section] = { ...mapOf(field(data, section)) }
    return sorted
  }
  return isDeepStrictEqual(inOrder(one), inOrder(other))
}

function ownRoutes(own: Fields): OwnRoute[] {
  return list(field(own, 'routes')).flatMap((value): OwnRoute[] => {
    const route = mapOf(value)
    const [path, host, methods] = [field(route, 'path'), field(route, 'host'), field(route, 'methods')]
    const pattern = typeof path === 'string' && host === undefined ? parsePattern(path) : ''
    if (typeof pattern === 'string') return []
    const { shape, wildcard } = pattern
    const deny = field(route, 'deny') === true
    return [
      { path: String(path), shape, wildcard, deny, methods: Array.isArray(methods) ? methods.map(String) : undefined },
    ]
  })
}

function importedUpstream(text: string, marks: Marks, own: Fields): GatewayFile['importedUpstream'] {
  const before = Object.keys(mapOf(field(own, 'upstreams')) ?? {})
  const [name] = Object.keys(mapOf(field(plainData(text), 'upstreams')) ?? {}).filter((one) => !before.includes(one))
  // Each section has marks of its own.
  const lines = markedSpans(text, marks)
    .map(({ from, to }) => linesIn(text.slice(from, to)))
    .find(([first = '', ...others]) => first.startsWith(`${name}:`) && [first, ...others].join(' ').includes('targets'))
  return name === undefined || lines === undefined ? undefined : { name, lines }
}

/** Between the marks, without the column that they stand in. */
function linesIn(marked: string): string[] {
  const [begin = '', ...lines] = marked.trimEnd().split(/\r?\n/)
  const indent = begin.length - begin.trimStart().length
  return lines.slice(0, -1).map((line) => line.slice(indent))
}

/** Read from the nodes, so that comments and the way in which values are written stay. */
function addedSettings(text: string, marks: Marks): ReadonlyMap<string, AddedSettings> {
  const added = new Map<string, AddedSettings>()
  const spans = markedSpans(text, marks)
  const document = parseDocument(text, { stringKeys: true, logLevel: 'error' })
  const routes: unknown = document.get('routes')
  if (spans.length === 0 || !isSeq(routes)) return added
  for (const route of routes.items) {
    const at = isMap(route) ? route.range?.[0] : undefined
    if (at === undefined || !isMap(route) || !spans.some(({ from, to }) => from <= at && at < to)) continue
    const pattern = parsePattern(String(route.get('path')))
    if (typeof pattern === 'string') continue
    const upstream = route.get('upstream')
    const settings = {
      upstream: typeof upstream === 'string' ? upstream : undefined,
      lines: settingLines(route),
      denied: route.get('deny') === true,
    }
    const methods = route.get('methods')
    const names = isSeq(methods) ? methods.items.map((item) => String(isScalar(item) ? item.value : item)) : [undefined]
    for (const method of names) added.set(addedKey(pattern.shape, method), settings)
  }
  return added
}

function settingLines(route: YAMLMap): string[] {
  const others = route.items.filter(({ key }) => !imported.has(String(isScalar(key) ? key.value : key)))
  if (others.length === 0) return []
  const alone = new Document({})
  const map = alone.createNode({}) as YAMLMap
  map.items.push(...others)
  alone.contents = map
  return alone.toString({ lineWidth: 0 }).trimEnd().split('\n')
}

/** What an import decides by itself. */
const imported: ReadonlySet<string> = new Set(['path', 'methods', 'scopes', 'any_scope', 'public', 'deny', 'upstream'])
