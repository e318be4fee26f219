import type { Subject } from './check.ts'
import { isGrantable, keysManage } from './grantable.ts'
import { nearest } from './nearest.ts'
import type { Finding, Path } from './problems.ts'

/** Scopes that a route asks for, or that a key gets, must be there to be granted. */
export function* checkScopes({ config, routes, tests, declared: { scopes: declared } }: Subject): Generator<Finding> {
  if (declared === undefined) return
  for (const { route, index } of routes) {
    for (const key of ['scopes', 'any_scope'] as const) {
      for (const [position, scope] of (route[key] ?? []).entries()) {
        if (scope === keysManage || declared.has(scope)) continue
        yield { path: ['routes', index, key, position], message: undeclared(scope, declared) }
      }
    }
  }
  yield* notGrantable(config.keys.default_scopes, ['keys', 'default_scopes'], declared)
  for (const { scopes, index } of tests) yield* notGrantable(scopes ?? [], ['tests', index, 'scopes'], declared)
}

function* notGrantable(scopes: readonly string[], path: Path, declared: ReadonlySet<string>): Generator<Finding> {
  for (const [position, scope] of scopes.entries()) {
    if (isGrantable(scope, declared)) continue
    const message = scope.endsWith(':*')
      ? `"${scope}" covers nothing: no name under scopes begins with ${scope.slice(0, -1)}`
      : undeclared(scope, declared)
    yield { path: [...path, position], message }
  }
}

const undeclared = (scope: string, declared: ReadonlySet<string>): string =>
  `"${scope}" is not declared under scopes; ${suggest(scope, declared, `declare it there`)}`

/** `did you mean …?`, or what there is. */
export function suggest(name: string, declared: ReadonlySet<string>, whenNone: string): string {
  const meant = nearest(name, declared)
  if (meant !== undefined) return `did you mean ${meant}?`
  if (declared.size === 0) return whenNone
  if (declared.size === 1) return `there is only ${[...declared].join()}`
  const shown = [...declared].slice(0, 10)
  const more = declared.size - shown.length
  return `there are ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
