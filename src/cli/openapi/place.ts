import { type Pattern, parsePattern } from '../../config/pattern.ts'

/** A path of the document as a route has it. */
export interface Place {
  /** As gateway.yaml writes it. */
  readonly source: string
  readonly pattern: Pattern
  /** Why the pattern also covers what the path of the document does not; undefined where both are the same. */
  readonly wider: string | undefined
}

/**
 * `/pets/{petId}` → `/pets/:petId`.
 * @returns a complaint for a path that no request can have here.
 */
export function toPlace(path: string): Place | string {
  const [clean = ''] = path.split(/[?#]/, 1)
  const reasons = clean === path ? [] : ['a route is chosen by its path alone, without query']
  const names = new Set<string>()
  const segments = (clean.replace(/(?<!\/)\/+$/, '') || '/').slice(1).split('/')
  const written = segments.map((segment) => {
    const [, name] = /^\{([^{}]+)\}$/.exec(segment) ?? []
    if (name !== undefined) return `:${parameterName(name, names)}`
    if (!/[{}]/.test(segment)) return literal(segment)
    reasons.push(`in ${JSON.stringify(segment)} a parameter is a part of a segment, and here it is a whole one`)
    return `:${parameterName(segment, names)}`
  })
  const source = `/${written.join('/')}`
  const pattern = parsePattern(source)
  if (typeof pattern === 'string') return `it ${pattern}`
  return { source, pattern, wider: reasons[0] }
}

function parameterName(text: string, taken: Set<string>): string {
  const plain = text.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+(?=.)|(?<=.)_+$/g, '')
  const name = (/^[A-Za-z_]/.test(plain) ? plain : `p_${plain}`).slice(0, 50)
  let unique = name
  for (let number = 2; taken.has(unique); number++) unique = `${name}_${number}`
  taken.add(unique)
  return unique
}

/** What a route reads as a sign of its own is escaped. */
const literal = (segment: string): string =>
  segment
    .replaceAll('*', '%2A')
    .replace(/^:/, '%3A')
    .replace(/[<>[\]]/g, encodeURIComponent)
