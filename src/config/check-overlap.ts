import { lookAlikes } from '../look-alikes.ts'
import { decodeSegment } from '../path.ts'
import type { NumberedRoute, Subject } from './check.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import type { Finding } from './problems.ts'
import type { Config } from './schema.ts'

/** No two routes may judge the same request, and none may look like another to the API behind. */
export function* checkOverlap({ config, routes }: Subject): Generator<Finding> {
  const own = ownPlaces(config)
  const places = new Map<string, NumberedRoute[]>()
  const looks = new Map<string, NumberedRoute>()
  for (const numbered of routes) {
    const { route, index, removed, pattern } = numbered
    // Without host or methods nobody knows which requests it is about.
    if (pattern === undefined || removed.has('host') || removed.has('methods')) continue
    const message =
      againstOwn(own, route.path, pattern) ??
      againstSame(places, numbered, pattern) ??
      againstTwins(looks, numbered, pattern)
    if (message !== undefined) yield { path: ['routes', index, 'path'], message }
  }
}

/** Paths that the gateway answers itself. */
interface OwnPlace {
  readonly pattern: Pattern
  readonly what: string
}

function ownPlaces(config: Config): OwnPlace[] {
  const places = [[config.me.path, 'the caller’s own endpoint (me.path)']]
  if (config.self_service) {
    const { path } = config.self_service
    places.push([path, ownKeys], [`${path}/:key_id`, ownKeys])
  }
  if (config.context.sign) places.push(['/.well-known/jwks.json', 'where the public keys of context.sign are'])
  return places.flatMap(([path = '', what = '']) => {
    const pattern = parsePattern(path)
    return typeof pattern === 'string' ? [] : [{ pattern, what }]
  })
}

const ownKeys = 'where keys manage keys (self_service.path)'

/** Paths that two of our own endpoints share: one of them could never be called. */
export function* checkOwnPlaces(config: Config): Generator<Finding> {
  const places = ownPlaces(config)
  for (const { pattern, what } of places) {
    if (what !== ownKeys) continue
    const other = places.find((place) => place.what !== what && covers(pattern, place.pattern))
    if (other === undefined) continue
    yield { path: ['self_service', 'path'], message: `${pattern.text} is also ${other.what}; move one of the two` }
  }
}

/** Whether every path of the second is one of the first, which has no `*`. */
const covers = (one: Pattern, other: Pattern): boolean =>
  !other.wildcard &&
  one.segments.length === other.segments.length &&
  one.segments.every((segment, index) => {
    const same = other.segments[index]
    return segment.kind === 'parameter' || (same?.kind === 'literal' && same.text === segment.text)
  })

function againstOwn(places: readonly OwnPlace[], path: string, pattern: Pattern): string | undefined {
  for (const { pattern: own, what } of places) {
    if (covers(own, pattern)) {
      return `${path} is ${what}, which wins over every route; remove the route, or move the other`
    }
    const looks = looksOf(own)
    if ([...looksOf(pattern)].some((look) => looks.has(look))) {
      return `${path} differs from ${own.text}, ${what}, ${onlyIn}. Rename it, or remove it`
    }
  }
  return undefined
}

/** By host and shape, names of parameters ignored. */
function againstSame(
  places: Map<string, NumberedRoute[]>,
  numbered: NumberedRoute,
  pattern: Pattern,
): string | undefined {
  const place = `${numbered.route.host ?? ''} ${pattern.shape}`
  const others = places.get(place) ?? []
  places.set(place, [...others, numbered])
  for (const { route, index } of others) {
    const common = methodInCommon(numbered.route.methods, route.methods)
    if (common === undefined) continue
    return `routes[${index}] (${route.path}) has the same path and also takes ${common}; give them different methods, or make one route of the two`
  }
  return undefined
}

/** The route table would refuse requests to either of two routes that an API may take for one. */
function againstTwins(
  looks: Map<string, NumberedRoute>,
  numbered: NumberedRoute,
  pattern: Pattern,
): string | undefined {
  let message: string | undefined
  for (const look of looksOf(pattern)) {
    const key = `${numbered.route.host ?? ''} ${look}`
    const twin = looks.get(key)
    if (twin === undefined) looks.set(key, numbered)
    else if (twin.pattern?.shape !== pattern.shape) {
      message = `${numbered.route.path} differs from ${twin.route.path} (routes[${twin.index}]) ${onlyIn}. Rename one, or remove it`
    }
  }
  return message
}

const onlyIn =
  'only in upper and lower case, spaces or non-ASCII; an API may take the two for the same, so requests to either would be refused'

/** The pattern as an API may read it; see the look-alikes of the route table, which refuses such requests. */
function looksOf({ segments, wildcard }: Pattern): Set<string> {
  const disguised = (change: (text: string) => string): string =>
    segments
      .map((segment) => (segment.kind === 'parameter' ? '/{}' : `/${change(decodeSegment(segment.text))}`))
      .filter((segment) => segment !== '/')
      .join('') + (wildcard ? '/{*}' : '')
  return new Set(lookAlikes.map(({ look }, number) => `${number} ${disguised(look)}`))
}

/** @returns a method that both take; a route without methods takes all, one for GET also HEAD. */
function methodInCommon(one: readonly string[] | undefined, other: readonly string[] | undefined): string | undefined {
  if (one === undefined && other === undefined) return 'every method'
  if (one === undefined) return other?.[0]
  if (other === undefined) return one[0]
  const taken = new Set(withHead(other))
  return withHead(one).find((method) => taken.has(method))
}

const withHead = (methods: readonly string[]): readonly string[] =>
  methods.includes('GET') ? [...methods, 'HEAD'] : methods
