import { canonicalPath } from '../path.ts'
import type { NumberedRoute } from './check.ts'
import type { Pattern } from './pattern.ts'
import { either, type Finding } from './problems.ts'

/** `strip_prefix` and `rewrite`: what goes upstream must be a path that would be let in from outside. */
export function* checkRewrites(routes: readonly NumberedRoute[]): Generator<Finding> {
  for (const { route, index, pattern } of routes) {
    const { strip_prefix: prefix, rewrite } = route
    if (prefix !== undefined) {
      const complaint = prefixComplaint(prefix, route.path, pattern)
      if (complaint)
        yield { path: ['routes', index, 'strip_prefix'], message: `${JSON.stringify(prefix)} ${complaint}` }
    }
    if (rewrite === undefined) continue
    if (prefix !== undefined) {
      yield {
        path: ['routes', index, 'rewrite'],
        atKey: true,
        message: 'a route has either strip_prefix or rewrite, not both; remove one',
      }
    }
    const complaint = rewriteComplaint(rewrite, route.path, pattern)
    if (complaint) yield { path: ['routes', index, 'rewrite'], message: `${JSON.stringify(rewrite)} ${complaint}` }
  }
}

/** @param pattern of the path; undefined where that is wrong, and then only what needs no path is judged. */
function prefixComplaint(prefix: string, path: string, pattern: Pattern | undefined): string | undefined {
  if (prefix === '/') return 'takes nothing off; remove strip_prefix'
  const bare = prefix.replace(/\/$/, '')
  const complaint = literalComplaint(bare)
  if (complaint || pattern === undefined) return complaint
  const wanted = bare.slice(1).split('/')
  const fits = wanted.every((text, i) => {
    const segment = pattern.segments[i]
    return segment?.kind === 'literal' && segment.text === text
  })
  return fits
    ? undefined
    : `is not what the path ${path} begins with; write whole segments of it that are not parameters`
}

function rewriteComplaint(rewrite: string, path: string, pattern: Pattern | undefined): string | undefined {
  const segments = rewrite.slice(1).split('/')
  const literals: string[] = []
  for (const [position, segment] of segments.entries()) {
    if (segment === '*') {
      if (position < segments.length - 1) return 'has a * before its end; * may only be the last segment'
      if (pattern && !pattern.wildcard) return `ends in *, and the path ${path} has none whose rest it could stand for`
    } else if (segment.startsWith(':')) {
      if (pattern && !pattern.parameters.includes(segment.slice(1)))
        return `uses ${segment}, which does not stand in the path ${path}${have(pattern)}`
    } else {
      const inside = pattern?.parameters.find((name) => segment.includes(`:${name}`) || segment.includes(`{${name}}`))
      if (inside !== undefined) return `has "${segment}"; a parameter is a whole segment: :${inside}`
      literals.push(segment)
    }
  }
  if (rewrite === '/' || literals.length === 0) return undefined
  return literalComplaint(`/${literals.join('/')}`)
}

const have = ({ parameters }: Pattern): string =>
  parameters.length === 0 ? '' : `; it has ${either(parameters.map((name) => `:${name}`))}`

function literalComplaint(path: string): string | undefined {
  const encoded = path.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
  const canonical = canonicalPath(encoded)
  if (canonical === undefined)
    return 'is not a path that the API could be sent: no empty, . or .. segments, no ; ? # \\ and no broken escapes'
  return canonical === path ? undefined : `must be written as it is sent: ${canonical}`
}
