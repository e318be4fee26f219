import { canonicalHost } from '../config/host.ts'
import type { Pattern } from '../config/pattern.ts'
import { concernsOf, type LookAlike, lookAlikes, readingsOf } from '../look-alikes.ts'
import { decodeSegment } from '../path.ts'

export interface RouteEntry<T> {
  /** As canonicalHost has it, with or without port; undefined: every host. */
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
   *   and non-ASCII left out or normalised: the upstream may do so, and would then be asked for what another rule guards.
   */
  match(host: string | undefined, path: string): RouteMatch<T> | undefined
  /** Whether a path, of an entry or of none, would select another one if it were read so. */
  isAmbiguous(host: string | undefined, path: string): boolean
}

/** @throws when two entries have the same host and shape: group their values first. */
export function buildRouteTable<T>(entries: readonly RouteEntry<T>[]): RouteTable<T> {
  const exact = buildIndex(entries, (segment) => segment)
  for (const leaf of exact.leaves) if (leaf.shared) throw new Error(`two routes for ${leaf.entry.pattern.text}`)
  const views = viewsOf(entries)
  const always = concernsOf(entries.map(({ pattern }) => decodedLiterals(pattern)).join('/'))

  return {
    match(host, path) {
      const captured: string[] = []
      const segments = segmentsOf(path)
      const leaf = select(exact, host, segments, captured)
      if (leaf === undefined || mayBeAnother(leaf.entry, host, path, segments)) return undefined
      const { value, pattern } = leaf.entry
      return { value, params: nameParameters(pattern, captured), captured }
    },
    isAmbiguous(host, path) {
      const segments = segmentsOf(path)
      return mayBeAnother(select(exact, host, segments, [])?.entry, host, path, segments)
    },
  }

  /** Whether an upstream that reads the path in some way of its own would be asked for another entry. */
  function mayBeAnother(
    entry: RouteEntry<T> | undefined,
    host: string | undefined,
    path: string,
    segments: readonly string[],
  ): boolean {
    // Where neither the path nor any pattern has anything to change, each view would select what the exact look-up did.
    if (always.size === 0 && !changeable.test(path)) return false
    const text = segments.map(decodeSegment).join('/')
    const found = concernsOf(text)
    const seen = new Set<string>()
    for (const { like, index } of views) {
      if (!always.has(like.concerns) && !found.has(like.concerns)) continue
      const read = like.look(text)
      // Most views of a path come to the same.
      const known = `${index.number} ${read}`
      if (seen.has(known) && !read.includes('%')) continue
      seen.add(known)
      const readings = readingsOf(read, like.look)
      // `.%20.` without its space is `..`: whatever an upstream makes of that, it is not this route.
      if (readings === undefined) return true
      for (const reading of readings) {
        const other = select(index, host, reading, [])
        if (other !== undefined && (other.shared || other.entry !== entry)) return true
      }
    }
    return false
  }
}

/** Entries as upstreams may read them. */
interface View<T> {
  readonly like: LookAlike
  /** Most ways to read them come to the same for most files, and share one. */
  readonly index: Index<T> & { readonly number: number }
}

function viewsOf<T>(entries: readonly RouteEntry<T>[]): View<T>[] {
  const built = new Map<string, View<T>['index']>()
  return lookAlikes.map((like) => {
    const literals = entries.map(({ pattern }) => decodedLiterals(pattern).split('/').map(like.look).join('/'))
    const same = literals.join('\n')
    const read = (segment: string): string => like.look(decodeSegment(segment))
    const index = built.get(same) ?? { ...buildIndex(entries, read), number: built.size }
    built.set(same, index)
    return { like, index }
  })
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

/** Capitals, spaces and non-ASCII; also true for some escapes (`%5B`), which are then looked at in vain. */
const changeable = /[A-Z]|%20|%[89A-F]/

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
    // Who comes with a port may mean a route that names none.
    const name = canonicalHost(host)
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

const decodedLiterals = ({ segments }: Pattern): string =>
  segments.map((segment) => (segment.kind === 'literal' ? decodeSegment(segment.text) : '')).join('/')
