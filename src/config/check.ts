import { checkCors } from './check-cors.ts'
import { checkKeys } from './check-keys.ts'
import { checkOidc } from './check-oidc.ts'
import { checkPlanes } from './check-planes.ts'
import { checkRewrites } from './check-rewrites.ts'
import { checkRoutes } from './check-routes.ts'
import { checkScopes } from './check-scopes.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import type { Finding } from './problems.ts'
import type { Removed, Salvaged } from './salvage.ts'
import type { Config, RouteConfig } from './schema.ts'

/** A configuration as the checks see it. */
export interface Subject {
  readonly config: Config
  /** Those that can be judged, with their place in the file. */
  readonly routes: readonly NumberedRoute[]
  readonly tests: readonly { readonly index: number; readonly scopes: readonly string[] | undefined }[]
  /** Names that the file declares, also of entries whose content is wrong; undefined where the table itself is. */
  readonly declared: Readonly<Record<'scopes' | 'limits' | 'upstreams', ReadonlySet<string> | undefined>>
}

export interface NumberedRoute {
  readonly index: number
  readonly route: RouteConfig
  /** Keys that were wrong, and are told already: what stands in their place, or is missing, says nothing. */
  readonly removed: ReadonlySet<string>
  /** Undefined where the path is wrong, which is told once. */
  readonly pattern: Pattern | undefined
}

/**
 * What can only be told from two places of the document together.
 * @param salvaged what is wrong with the configuration otherwise, and told already.
 */
export function checkConfig(
  config: Config,
  declared: Subject['declared'],
  salvaged: Pick<Salvaged, 'routes' | 'tests'> = allWell,
): Finding[] {
  const routes = config.routes.flatMap((route, index): NumberedRoute[] => {
    const removed = salvaged.routes.get(index) ?? nothing
    if (removed === true) return []
    const pattern = removed.has('path') ? 'told already' : parsePattern(route.path)
    return [{ index, route, removed, pattern: typeof pattern === 'string' ? undefined : pattern }]
  })
  const tests = config.tests
    .map(({ scopes }, index) => ({ scopes, index }))
    .filter(({ index }) => salvaged.tests.get(index) !== true)
  const subject: Subject = { config, routes, tests, declared }
  return [
    ...checkPlanes(config),
    ...checkOidc(config.admin),
    ...checkKeys(config.keys),
    ...checkCors(subject),
    ...checkScopes(subject),
    ...checkRoutes(subject),
    ...checkRewrites(routes),
  ]
}

const nothing: ReadonlySet<string> = new Set()
const unharmed: ReadonlyMap<number, Removed> = new Map()
/** Nothing is wrong with any route or test by itself. */
export const allWell = { routes: unharmed, tests: unharmed }
