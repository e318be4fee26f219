import type { Rule } from './demand.ts'
import { ruleOf } from './demand.ts'
import { isMixed, type Judged, type JudgedMethod } from './judged.ts'

/** One route as it will stand in the file. */
export interface ImportedRoute {
  readonly path: string
  readonly shape: string
  /** Undefined for all. */
  readonly methods: readonly string[] | undefined
  readonly rule: Rule
  /** Where it comes from. */
  readonly comments: readonly string[]
}

/** The routes of the document: one for the methods of a path that ask for the same, in the order of their paths. */
export function toRoutes(all: readonly Judged[]): ImportedRoute[] {
  const sorted = all.toSorted((one, other) => (one.place.source < other.place.source ? -1 : 1))
  return sorted.flatMap(({ place: { source: path, pattern }, methods }): ImportedRoute[] => {
    const { shape } = pattern
    if (methods.size === 0) {
      const why = 'the document has nothing that can be called here'
      return [{ path, shape, methods: undefined, rule: { deny: true, why }, comments: [why] }]
    }
    const groups = Map.groupBy([...methods].sort(byMethod), ([, { demand }]) => JSON.stringify(ruleOf(demand)))
    return [...groups.values()].flatMap((group): ImportedRoute[] => {
      const [first] = group
      if (first === undefined) return []
      const comments = group.flatMap(([, judged]) => commentsOf(judged))
      return [{ path, shape, methods: group.map(([method]) => method), rule: ruleOf(first[1].demand), comments }]
    })
  })
}

function commentsOf(judged: JudgedMethod): string[] {
  const lines = judged.operations.map(
    ({ method, path, name, words }) => `${method} ${path}${name === '' ? '' : ` (${name})`}: ${words}`,
  )
  const rule = ruleOf(judged.demand)
  if ('deny' in rule) return [...lines, `denied: ${rule.why}`]
  return isMixed(judged)
    ? [...lines, 'a request here may be any of these, so all that they ask for is asked for']
    : lines
}

/** @param nameOf how a scope of the document is called in the file. */
export function routeFields(
  { path, methods, rule }: ImportedRoute,
  nameOf: (scope: string) => string,
): readonly (readonly [name: string, value: string])[] {
  const fields: [string, string][] = [['path', scalar(path)]]
  if (methods !== undefined) fields.push(['methods', `[${methods.join(', ')}]`])
  if ('deny' in rule) fields.push(['deny', 'true'])
  else if ('public' in rule) fields.push(['public', 'true'])
  else {
    const list = (scopes: readonly string[]): string => `[${scopes.map((scope) => quoted(nameOf(scope))).join(', ')}]`
    if (rule.scopes.length > 0) fields.push(['scopes', list(rule.scopes)])
    if (rule.anyScope.length > 0) fields.push(['any_scope', list(rule.anyScope)])
  }
  return fields
}

/** Text of the document, so that it stays one line of comment whatever is in it. */
export const comment = (text: string): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim()
  return `# ${line.length > 200 ? `${line.slice(0, 199)}…` : line}`
}

/** A YAML scalar in double quotes, in which no variable is replaced. */
export const quoted = (text: string): string =>
  JSON.stringify(text.replaceAll('${', () => '$${')).replace(
    /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const scalar = (text: string): string => (/^\/(?:[A-Za-z0-9._~/-]|:(?=[A-Za-z_]))*$/.test(text) ? text : quoted(text))

const order = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const byMethod = ([one]: [string, unknown], [other]: [string, unknown]): number => {
  const [a, b] = [order.indexOf(one), order.indexOf(other)].map((at) => (at < 0 ? order.length : at)) as [
    number,
    number,
  ]
  return a === b ? (one < other ? -1 : 1) : a - b
}
