import type { Pattern } from '../config/pattern.ts'
import { decodeSegment } from '../path.ts'

export interface RouteEntry<T> {
  /** In lower case, with or without port; undefined: every host. */
  readonly host: string | undefined
  readonly pattern: Pattern
  readonly value: T
}

interface RouteMatch<T> {
  readonly value: T
  /** What the parameters of the pattern stand for, as in the canonical path. Has no prototype. */
  readonly params: Readonly<Record<string, string>>
  /** The same from left to right, for a caller that has names of its own for them. */
  readonly captured: readonly string[]
}

export interface RouteTable<T> {
  /**
   * The most specific of all patterns that match the whole path: a host of its own before none, then, segment by segment,
   * literal before `:name` before `*`. A final slash is judged without it.
   * @param host the Host header, with or without port.
   * @param path canonical, see path.ts.
   * @returns undefined also for a path that would select another entry if its letters were folded in case, or its spaces
   *   and non-ASCII left out: the upstream may do so, and would then be asked for what another rule guards.
   */
  match(host: string | undefined, path: string): RouteMatch<T> | undefined
}

/** @throws when two entries have the same host and shape: group their values first. */
export function buildRouteTable<T>(entries: readonly RouteEntry<T>[]): RouteTable<T> {
  const exact = buildIndex(entries, (segment) => segment)
  const views = lookAlikes.map((fold) => ({
    fold,
    index: buildIndex(entries, (segment) => fold(decodeSegment(segment))),
  }))
  for (const leaf of exact.leaves) if (leaf.shared) throw new Error(`two routes for ${leaf.entry.pattern.text}`)
  const caseAlone = views.slice(0, 1)
  const literals = entries.map(({ pattern }) => literalsOf(pattern)).join('/')
  const letters = hasCapitals.test(literals)
  const others = hasSpaceOrNonAscii.test(literals)

  return {
    match(host, path) {
      const captured: string[] = []
      const segments = segmentsOf(path)
      const leaf = select(exact, host, segments, captured)
      if (leaf === undefined) return undefined
      // Where neither the path nor any pattern has anything to fold, each view would select what the exact look-up did.
      if (others || hasSpaceOrNonAscii.test(path)) {
        if (isAmbiguous(leaf.entry, host, segments, views)) return undefined
      } else if (letters || hasCapitals.test(path)) {
        if (isAmbiguous(leaf.entry, host, segments, caseAlone)) return undefined
      }
      const { value, pattern } = leaf.entry
      return { value, params: nameParameters(pattern, captured), captured }
    },
  }

  function isAmbiguous(
    entry: RouteEntry<T>,
    host: string | undefined,
    segments: readonly string[],
    wanted: typeof views,
  ): boolean {
    const decoded = segments.map(decodeSegment)
    return wanted.some(({ fold, index }) => {
      const seen = decoded.map(fold).filter((segment) => segment !== '')
      // `.%20.` without its space is `..`: whatever an upstream makes of that, it is not this route.
      if (seen.some((segment) => segment === '.' || segment === '..')) return true
      const other = select(index, host, seen, [])
      return other !== undefined && (other.shared || other.entry !== entry)
    })
  }
}

/** Gives the captured segments of a match the names that a pattern of the same shape has for them. */
export function nameParameters(pattern: Pattern, captured: readonly string[]): Readonly<Record<string, string>> {
  const { parameters } = pattern
  if (parameters.length === 0) return noParameters
  const params = new Parameters()
  for (let i = 0; i < parameters.length; i++) params[parameters[i] as string] = captured[i] as string
  return params
}

/** An object that inherits nothing, so that a parameter called `__proto__` is one like any other. Quicker than Object.create(null). */
const Parameters = function Parameters() {} as unknown as new () => Record<string, string>
Object.setPrototypeOf(Parameters.prototype, null)
Reflect.deleteProperty(Parameters.prototype, 'constructor')
const noParameters = Object.freeze(new Parameters())

/** Also true for some escapes (`%5B`), which are then looked at in vain. */
const hasCapitals = /[A-Z]/
const hasSpaceOrNonAscii = /%20|%[89A-F]/

/** What upstreams are known to do to a path before they route it. Upper case first: `ſ` and `K` fold to ASCII only one way. */
const foldCase = (text: string): string => text.toUpperCase().toLowerCase()
const leaveOut = (text: string): string => text.replace(/[^\x21-\x7e]/g, '')
/** The first is enough for paths and patterns without spaces and non-ASCII: there the others make no difference. */
const lookAlikes: readonly ((segment: string) => string)[] = [
  foldCase,
  leaveOut,
  (segment) => leaveOut(foldCase(segment)),
  (segment) => foldCase(leaveOut(segment)),
]

interface Leaf<T> {
  readonly entry: RouteEntry<T>
  /** Another entry has the same place in this index. */
  shared: boolean
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  parameter: Node<T> | undefined
  leaf: Leaf<T> | undefined
  wildcard: Leaf<T> | undefined
}

interface Index<T> {
  readonly hosts: ReadonlyMap<string, Node<T>>
  readonly anyHost: Node<T>
  readonly leaves: readonly Leaf<T>[]
}

/** @param read makes of a canonical literal what stands in this index; one that becomes empty falls out of its pattern. */
function buildIndex<T>(entries: readonly RouteEntry<T>[], read: (literal: string) => string): Index<T> {
  const hosts = new Map<string, Node<T>>()
  const anyHost = emptyNode<T>()
  const leaves: Leaf<T>[] = []
  for (const entry of entries) {
    let node = entry.host === undefined ? anyHost : childOf(hosts, entry.host)
    for (const segment of entry.pattern.segments) {
      if (segment.kind === 'parameter') {
        node.parameter ??= emptyNode()
        node = node.parameter
      } else {
        const literal = read(segment.text)
        if (literal !== '') node = childOf(node.literals, literal)
      }
    }
    const place = entry.pattern.wildcard ? 'wildcard' : 'leaf'
    const leaf = node[place] ?? { entry, shared: false }
    if (leaf.entry === entry) leaves.push(leaf)
    else leaf.shared = true
    node[place] = leaf
  }
  return { hosts, anyHost, leaves }
}

const emptyNode = <T>(): Node<T> => ({
  literals: new Map(),
  parameter: undefined,
  leaf: undefined,
  wildcard: undefined,
})

function childOf<T>(children: Map<string, Node<T>>, key: string): Node<T> {
  const child = children.get(key) ?? emptyNode<T>()
  children.set(key, child)
  return child
}

function select<T>(
  index: Index<T>,
  host: string | undefined,
  segments: readonly string[],
  captured: string[],
): Leaf<T> | undefined {
  if (index.hosts.size > 0 && host !== undefined) {
    // `Example.com.` is `example.com`; who comes with a port may mean a route that names none.
    const name = host.toLowerCase().replace(/\.(?=:|$)/, '')
    for (const key of [name, name.replace(/:\d+$/, '')]) {
      const root = index.hosts.get(key)
      const found = root && descend(root, segments, 0, captured)
      if (found) return found
    }
  }
  return descend(index.anyHost, segments, 0, captured)
}

/** Visits each node at most once: the work is bounded by the number of patterns, whatever the path. */
function descend<T>(
  node: Node<T>,
  segments: readonly string[],
  depth: number,
  captured: string[],
): Leaf<T> | undefined {
  const segment = segments[depth]
  if (segment === undefined) return node.leaf ?? node.wildcard
  const literal = node.literals.get(segment)
  const found = literal && descend(literal, segments, depth + 1, captured)
  if (found) return found
  if (node.parameter) {
    captured.push(segment)
    const below = descend(node.parameter, segments, depth + 1, captured)
    if (below) return below
    captured.pop()
  }
  return node.wildcard
}

function segmentsOf(path: string): string[] {
  const end = path.endsWith('/') ? path.length - 1 : path.length
  return end === 0 ? [] : path.slice(1, end).split('/')
}

const literalsOf = ({ segments }: Pattern): string =>
  segments.map((segment) => (segment.kind === 'literal' ? segment.text : '')).join('/')
