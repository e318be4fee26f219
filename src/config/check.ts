import { checkCors } from './check-cors.ts'
import { checkKeys } from './check-keys.ts'
import { checkOidc } from './check-oidc.ts'
import { checkPlanes } from './check-planes.ts'
import { checkRewrites } from './check-rewrites.ts'
import { checkRoutes } from './check-routes.ts'
import { checkScopes } from './check-scopes.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import type { Finding } from './problems.ts'
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
  /** Something that was wrong is taken out of it: what is missing may not be missing. */
  readonly partial: boolean
  /** Undefined where the path is wrong, which is told once. */
  readonly pattern: Pattern | undefined
}

const nothing: ReadonlySet<number> = new Set()

/** What can only be told from two places of the document together. */
export function checkConfig(
  config: Config,
  declared: Subject['declared'],
  { brokenRoutes = nothing, partialRoutes = nothing, brokenTests = nothing } = {},
): Finding[] {
  const routes = config.routes.flatMap((route, index): NumberedRoute[] => {
    const pattern = parsePattern(route.path)
    if (brokenRoutes.has(index)) return []
    const partial = partialRoutes.has(index)
    return [{ index, route, partial, pattern: typeof pattern === 'string' ? undefined : pattern }]
  })
  const tests = config.tests
    .map(({ scopes }, index) => ({ scopes, index }))
    .filter(({ index }) => !brokenTests.has(index))
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
