import type { NumberedRoute, Subject } from './check.ts'
import { checkOverlap } from './check-overlap.ts'
import { suggest } from './check-scopes.ts'
import { nearest } from './nearest.ts'
import { parsePattern } from './pattern.ts'
import { either, type Finding } from './problems.ts'

/** Each route in itself, and against the tables that it names; then all against each other. */
export function* checkRoutes(subject: Subject): Generator<Finding> {
  for (const numbered of subject.routes) {
    yield* checkPath(numbered)
    yield* checkTogether(numbered)
    yield* checkUpstream(numbered, subject)
    yield* checkLimits(numbered, subject)
  }
  yield* checkOverlap(subject)
}

function* checkPath({ route, index, removed, pattern }: NumberedRoute): Generator<Finding> {
  const complaint = removed.has('path') ? undefined : parsePattern(route.path)
  if (typeof complaint === 'string')
    yield { path: ['routes', index, 'path'], message: `${JSON.stringify(route.path)} ${complaint}` }
  if (route.workspace === undefined || pattern === undefined) return
  const { parameters } = pattern
  if (parameters.includes(route.workspace.slice(1))) return
  const there =
    parameters.length === 0 ? 'which has no parameters' : `which has ${either(parameters.map((name) => `:${name}`))}`
  yield {
    path: ['routes', index, 'workspace'],
    message: `${route.workspace} does not stand in the path ${route.path}, ${there}`,
  }
}

/** Keys that contradict each other: one of the two is a mistake, and nobody can tell which. */
function* checkTogether({ route, index }: NumberedRoute): Generator<Finding> {
  const keyed = ['scopes', 'any_scope', 'workspace'] as const
  for (const key of keyed) {
    if (!route.public || route[key] === undefined) continue
    yield {
      path: ['routes', index, key],
      atKey: true,
      message: `a public route asks for no key, so it can't ask for ${key}; remove public or ${key}`,
    }
  }
  if (route.deny && route.public) {
    yield {
      path: ['routes', index, 'public'],
      atKey: true,
      message: 'a route is either public (everyone) or has deny (no one); remove one of the two',
    }
  }
}

function* checkUpstream(
  { route, index, removed }: NumberedRoute,
  { declared: { upstreams } }: Subject,
): Generator<Finding> {
  const path = ['routes', index, 'upstream']
  if (route.deny) return
  if (route.upstream === undefined) {
    // One of these was there, and something else in it was wrong.
    if ([...removed].some((key) => nearest(key, ['upstream', 'deny']) !== undefined)) return
    const names = [...(upstreams ?? [])].slice(0, 10)
    const what =
      names.length === 0 ? 'declare one under upstreams and name it here' : `write upstream: ${either(names)}`
    const which = removed.has('path') ? 'the route' : `the route to ${route.path}`
    yield { path: ['routes', index], message: `${which} has no upstream; ${what}` }
  } else if (upstreams && !upstreams.has(route.upstream)) {
    yield {
      path,
      message: `"${route.upstream}" is not an upstream; ${suggest(route.upstream, upstreams, 'declare it under upstreams')}`,
    }
  }
}

function* checkLimits({ route, index }: NumberedRoute, { config, declared: { limits } }: Subject): Generator<Finding> {
  for (const [position, name] of route.limits.entries()) {
    const path = ['routes', index, 'limits', position]
    const limit = Object.hasOwn(config.limits, name) ? config.limits[name] : undefined
    if (limit === undefined) {
      if (limits && !limits.has(name))
        yield { path, message: `"${name}" is not a limit; ${suggest(name, limits, 'declare it under limits')}` }
      continue
    }
    if (route.limits.indexOf(name) !== position)
      yield { path, message: `"${name}" stands here twice, which would charge it twice; remove one` }
    const keyed = limit.by.filter((by) => by === 'key' || by === 'org')
    if (route.public && keyed.length > 0) {
      yield {
        path,
        message: `"${name}" counts by ${either(keyed)}, and a public route knows neither key nor organization; use a limit by ip`,
      }
    }
    if (route.cost > limit.requests) {
      yield {
        path: ['routes', index, 'cost'],
        message: `${route.cost} is more than the limit "${name}" ever has (${limit.requests}), so no request could pass; lower the cost or raise the limit`,
      }
    }
  }
}
