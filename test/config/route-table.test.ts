import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Pattern, parsePattern } from '../../src/config/pattern.ts'
import { buildRouteTable, nameParameters, type RouteEntry } from '../../src/gateway/route-table.ts'
import { canonicalPath } from '../../src/path.ts'

describe('the route table', () => {
  it('lets the most specific pattern decide, whatever the order', () => {
    for (const order of [(list: string[]) => list, (list: string[]) => [...list].reverse()]) {
      const match = matcher(order(['/*', '/a/*', '/a/:x', '/a/b', '/a/:x/c', '/a/b/*']))
      expect(match('/a/b')).toBe('/a/b')
      expect(match('/a/z')).toBe('/a/:x')
      expect(match('/a/z/c')).toBe('/a/:x/c')
      expect(match('/a/b/c')).toBe('/a/b/*')
      expect(match('/a/z/z')).toBe('/a/*')
      expect(match('/z')).toBe('/*')
      expect(match('/')).toBe('/*')
    }
  })

  it('goes back to a less specific segment when the literal leads nowhere', () => {
    const match = matcher(['/a/b/c', '/a/:x/d', '/:y/b/e'])
    expect(match('/a/b/d')).toBe('/a/:x/d')
    expect(match('/a/b/e')).toBe('/:y/b/e')
    expect(match('/a/b/f')).toBeUndefined()
  })

  it('matches with * the prefix itself and everything below, and nothing beside it', () => {
    const match = matcher(['/files/*'])
    expect(match('/files')).toBe('/files/*')
    expect(match('/files/')).toBe('/files/*')
    expect(match('/files/a/b')).toBe('/files/*')
    expect(match('/filesystem')).toBeUndefined()
    expect(match('/')).toBeUndefined()
  })

  it('judges a final slash without it', () => {
    const match = matcher(['/a', '/', '/b/:x'])
    expect(match('/a/')).toBe('/a')
    expect(match('/')).toBe('/')
    expect(match('/b/c/')).toBe('/b/:x')
    expect(match('/b/')).toBeUndefined()
  })

  it('takes an exact host before none, with or without port, in any case, with a final dot', () => {
    const table = buildRouteTable([
      entry('/*', 'any'),
      entry('/a', 'own', 'api.example.com'),
      entry('/a', 'port', 'api.example.com:8443'),
    ])
    const value = (host: string | undefined, path: string) => table.match(host, path)?.value
    expect(value('api.example.com', '/a')).toBe('own')
    expect(value('API.Example.com:8080', '/a')).toBe('own')
    expect(value('api.example.com.', '/a')).toBe('own')
    expect(value('api.example.com.:8443', '/a')).toBe('port')
    expect(value('api.example.com', '/b')).toBe('any')
    expect(value('other.example.com', '/a')).toBe('any')
    expect(value(undefined, '/a')).toBe('any')
  })

  it('captures raw segments, also of a parameter called __proto__', () => {
    const table = buildRouteTable([entry('/:__proto__/x/:constructor', 1), entry('/plain', 2)])
    const params = table.match(undefined, '/caf%C3%A9/x/a%20b')?.params
    expect(Object.entries(params ?? {})).toEqual([
      ['__proto__', 'caf%C3%A9'],
      ['constructor', 'a%20b'],
    ])
    const none = table.match(undefined, '/plain')?.params as Record<string, unknown>
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) expect(none[name]).toBeUndefined()
  })

  it('names what it captured for another pattern of the same shape', () => {
    const table = buildRouteTable([entry('/p/:id/r/:run', 1)])
    const { captured } = table.match(undefined, '/p/1/r/2') ?? expect.fail('no match')
    expect({ ...nameParameters(pattern('/p/:project/r/:x'), captured) }).toEqual({ project: '1', x: '2' })
  })

  it('refuses two entries for the same place', () => {
    expect(() => buildRouteTable([entry('/a/:x', 1), entry('/a/:y', 2)])).toThrow('two routes for /a/:x')
  })

  it('does not know a path that is another route to an upstream that folds letters', () => {
    const match = matcher(['/admin/*', '/*', '/Docs', '/users/me', '/users/:id'])
    expect(match('/Admin/x')).toBeUndefined()
    expect(match('/admin/X')).toBe('/admin/*')
    expect(match('/ADMIN')).toBeUndefined()
    expect(match('/docs')).toBeUndefined()
    expect(match('/Docs')).toBe('/Docs')
    expect(match('/users/ME')).toBeUndefined()
    expect(match('/users/01ARZ3')).toBe('/users/:id')
    expect(match('/adm%C4%B1n')).toBeUndefined() // dotless i, a capital I to some
    expect(match('/u%C5%BFers/me')).toBeUndefined() // long s
  })

  it('does not know a path that is another route to an upstream that leaves out spaces and non-ASCII', () => {
    const match = matcher(['/admin/*', '/*', '/search', '/search/:q', '/caf%C3%A9/x'])
    expect(match('/ad%20min/x')).toBeUndefined()
    expect(match('/admin%20')).toBeUndefined()
    expect(match('/adm%C3%AFin')).toBeUndefined()
    expect(match('/%C2%A0/admin/x')).toBeUndefined()
    expect(match('/ADMIN%20/x')).toBeUndefined()
    expect(match('/admin/a%20b')).toBe('/admin/*')
    expect(match('/ad+min')).toBe('/*')
    expect(match('/search/%E6%97%A5')).toBeUndefined()
    expect(match('/search/a%E6%97%A5')).toBe('/search/:q')
    expect(match('/caf/x')).toBeUndefined()
    expect(match('/caf%C3%A9/x')).toBe('/caf%C3%A9/x')
    expect(match('/x/.%20./admin')).toBeUndefined()
    expect(match('/x/%20.')).toBeUndefined()
  })

  it('nor one that is another route to an upstream that leaves out the one and keeps the other', () => {
    const match = matcher(['/%C3%A9/*', '/:x/*', '/a%20b/:y', '/:x/:y'])
    expect(match('/%C3%A9%20/foo/bar')).toBeUndefined()
    expect(match('/a%20b%C3%A9/foo')).toBeUndefined()
    expect(match('/z%20/foo/bar')).toBe('/:x/*')
  })

  it('nor one that is another route to an upstream that normalises compatible forms', () => {
    const match = matcher(['/admin/*', '/*', '/k/:id', '/k/:id/*'])
    expect(match('/%EF%BD%81dmin/x')).toBeUndefined() // fullwidth a
    expect(match('/x/%EF%BC%8E%EF%BC%8E/admin')).toBeUndefined() // fullwidth dots
    expect(match('/x/%E2%80%A5/admin')).toBeUndefined() // two dot leader
    expect(match('/admin%EF%BC%9Bx')).toBeUndefined() // fullwidth ;
    expect(match('/admin%EF%BC%9F')).toBeUndefined() // fullwidth ?
    expect(match('/k/a%EF%BC%8Fb')).toBeUndefined() // fullwidth /
    expect(match('/k/x%EF%BD%81')).toBe('/k/:id')
    expect(match('/x/what%EF%BC%9F.pdf')).toBe('/*')
    expect(match('/x/100%25%20off')).toBe('/*')
    expect(match('/%25%2061dmin')).toBeUndefined() // `% 61`, without the space an escape
  })

  it('knows neither of two patterns that an upstream may take for the same', () => {
    const match = matcher(['/Reports', '/reports', '/other'])
    expect(match('/Reports')).toBeUndefined()
    expect(match('/reports')).toBeUndefined()
    expect(match('/other')).toBe('/other')
  })

  it('agrees with a slow matcher that is easy to check by eye', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(route, { selector: ({ id }) => id, maxLength: 8 }),
        hosts,
        requestPath,
        (routes, host, path) => {
          const entries = routes.map(({ host, pattern }, value): RouteEntry<number> => ({ host, pattern, value }))
          expect(buildRouteTable(entries).match(host, path)?.value).toBe(reference(entries, host, path))
        },
      ),
      { numRuns: 20_000 },
    )
  })

  it('looks up quickly among 500 routes', () => {
    const routes = Array.from({ length: 250 }, (_, i) => [
      `/api/v1/kind${i}/:id`,
      `/api/v1/kind${i}/:id/parts/*`,
    ]).flat()
    const match = matcher(routes)
    const start = performance.now()
    for (let i = 0; i < 20_000; i++) match(`/api/v1/kind${i % 250}/01ARZ3/parts/7`)
    expect((performance.now() - start) / 20_000).toBeLessThan(0.1)
  })
})

function pattern(text: string): Pattern {
  const parsed = parsePattern(text)
  return typeof parsed === 'string' ? expect.fail(`${text} ${parsed}`) : parsed
}

const entry = <T>(path: string, value: T, host?: string): RouteEntry<T> => ({ host, pattern: pattern(path), value })

function matcher(paths: readonly string[]): (path: string) => string | undefined {
  const table = buildRouteTable(paths.map((path) => entry(path, path)))
  return (path) => table.match(undefined, path)?.value
}

// Few letters, so that paths and patterns meet often.
const literal = fc.constantFrom('a', 'b', 'A', 'B', 'ab', 'aB', '%C3%A9', 'a%20', '%C3%A9b', '%20', 'a%C3%89', '.%20.')
const hosts = fc.constantFrom(undefined, 'one', 'two')
const route = fc
  .record({
    host: hosts,
    segments: fc.array(fc.oneof(literal, literal, fc.constant(':')), { maxLength: 3 }),
    wildcard: fc.boolean(),
  })
  .map(({ host, segments, wildcard }) => {
    const text = `/${[...segments.map((segment, i) => (segment === ':' ? `:p${i}` : segment)), ...(wildcard ? ['*'] : [])].join('/')}`
    return { host, pattern: pattern(text), id: `${host} ${pattern(text).shape}` }
  })
const requestPath = fc
  .tuple(fc.array(literal, { maxLength: 4 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`)
  .filter((path) => canonicalPath(path) === path)

/** SPEC section 2 "Paths", word by word: list all patterns that match, take the most specific; then again for each disguise. */
function reference(entries: readonly RouteEntry<number>[], host: string | undefined, path: string): number | undefined {
  const segments = path.split('/').filter((segment) => segment !== '')
  const chosen = choose(entries, host, segments, (text) => text)
  if (chosen.length === 0) return undefined
  for (const disguise of disguises) {
    const seen = segments.map((segment) => disguise(decodeURIComponent(segment))).filter((segment) => segment !== '')
    if (seen.includes('.') || seen.includes('..')) return undefined
    const others = choose(entries, host, seen, (text) => disguise(decodeURIComponent(text)))
    if (others.some((other) => other !== chosen[0])) return undefined
  }
  return chosen[0]?.value
}

const fold = (text: string) => text.toLowerCase()
const keeping = (wanted: (character: string) => boolean) => (text: string) => [...text].filter(wanted).join('')
const drops = [
  keeping((character) => character !== ' '),
  keeping((character) => character <= '~'),
  keeping((character) => character > ' ' && character <= '~'),
]
const disguises = [
  fold,
  ...drops.flatMap((drop) => [drop, (text: string) => drop(fold(text)), (text: string) => fold(drop(text))]),
]

/** Those that match and that no other one beats. */
function choose(
  entries: readonly RouteEntry<number>[],
  host: string | undefined,
  path: readonly string[],
  read: (literal: string) => string,
): RouteEntry<number>[] {
  const ranked = entries.flatMap((candidate) => {
    const rank = rankOf(candidate.pattern, path, read)
    if (rank === undefined || (candidate.host !== undefined && candidate.host !== host)) return []
    return [{ candidate, rank: (candidate.host === undefined ? 'z' : 'a') + rank }]
  })
  const best = ranked.map(({ rank }) => rank).sort()[0]
  return ranked.filter(({ rank }) => rank === best).map(({ candidate }) => candidate)
}

/** One letter per segment, so that text order is order of precedence: l(iteral) < p(arameter) < w(ildcard). */
function rankOf(
  { segments, wildcard }: Pattern,
  path: readonly string[],
  read: (literal: string) => string,
): string | undefined {
  const wanted = segments
    .map((segment) => (segment.kind === 'literal' ? read(segment.text) : segment))
    .filter((segment) => segment !== '')
  if (path.length < wanted.length || (path.length > wanted.length && !wildcard)) return undefined
  let rank = ''
  for (const [index, segment] of wanted.entries()) {
    if (typeof segment === 'string' && segment !== path[index]) return undefined
    rank += typeof segment === 'string' ? 'l' : 'p'
  }
  return rank + (wildcard ? 'w' : '')
}
