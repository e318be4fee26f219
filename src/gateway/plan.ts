import { compileCidrs } from '../config/cidr.ts'
import { compilePattern } from '../config/pattern.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { Limiter } from '../limiter/limiter.ts'
import type { Authenticate } from '../policy/authenticate.ts'
import { identityNames } from '../policy/identity.ts'
import { compileHeaderKinds } from '../proxy/header-kinds.ts'
import { type BeginTrace, compileBeginTrace, type RequestTracer } from '../tracing/tracing.ts'
import { isPreflight } from './cors.ts'
import { createDeny } from './deny.ts'
import type { Exchange } from './exchange.ts'
import type { Finish } from './finish.ts'
import { compileQueryTokens } from './query-tokens.ts'
import { type ReadRules, readRequest } from './read.ts'
import type { Route, Verdict } from './route.ts'
import { buildRouteTable, nameParameters, type RouteEntry } from './route-table.ts'
import { compileRoutes } from './routes.ts'

/** What a configuration comes to: built whole when the file is loaded, swapped in one step, never changed. */
export interface Plan {
  readonly config: Config
  /** Steps 1 and 2. */
  read(exchange: Exchange): Verdict
  /** What `read` begins with; for what can't be read. */
  readonly beginTrace: BeginTrace
  /** Whether there is too much to do for this one to be looked at. */
  sheds(exchange: Exchange): boolean
  /** Step 3. There is always a route; the one for what matches none refuses, after authentication. */
  match(exchange: Exchange): Route
  /** A promise where it has to be asked whether the key has been refused too often. */
  deny(exchange: Exchange, code: ErrorCode): void | Promise<void>
}

export interface PlanDependencies {
  readonly formats: KeyFormats
  readonly sheds: (exchange: Exchange) => boolean
  readonly authenticate: Authenticate
  /** A key was accepted: whatever changes about it from now on concerns this request. */
  authenticated(exchange: Exchange): void
  /** How many changes were told so far. */
  changesTold(): number
  /** Judges an authenticated request again, as things are now. */
  confirm(exchange: Exchange): Promise<Verdict>
  /** Until an address with too many failed authentications is heard again. */
  authRetryAfterMs(address: string): number
  readonly limiter: Limiter
  /** A limit has refused a request. */
  rateLimited(limit: string): void
  readonly finish: Finish
  /** A text that holds a credential came in a URL. */
  exposed(text: string): void
  /** Commits the decision before the request goes on; undefined where `audit.durability` is async. */
  readonly admit: ((exchange: Exchange) => Promise<boolean>) | undefined
  /** Makes the signed context of a request; undefined where `context.sign` is off. */
  readonly signContext: ((exchange: Exchange, upstream: string) => string | Promise<string>) | undefined
  /** Undefined where no traces are exported. */
  readonly tracer: RequestTracer | undefined
}

/** What the compiled routes need beside. */
export interface RouteDependencies extends PlanDependencies {
  /** Whether a path that goes upstream could be taken there for one that another rule judges. */
  isAmbiguous(exchange: Exchange, path: string): boolean
}

/** A path as it stands in the file or is built in, with its routes by method. */
interface Place {
  readonly byMethod: ReadonlyMap<string, Route>
  readonly anyMethod: Route | undefined
  readonly otherMethod: Route
  readonly allow: string
}

/** @param config must have passed the configuration check. @throws on what that check should have found. */
export function compilePlan(config: Config, dependencies: PlanDependencies): Plan {
  const { formats, exposed, limiter, rateLimited } = dependencies
  const names = identityNames(config.context)
  const rules: ReadRules = {
    classify: compileHeaderKinds(Object.values(names)),
    trusts: compileCidrs(config.trust_proxy),
    queryTokens: compileQueryTokens(config.query_tokens, formats.containsKey),
    containsKey: formats.containsKey,
    exposed,
    beginTrace: compileBeginTrace({
      accepts: config.tracing.accept,
      containsKey: formats.containsKey,
      tracer: dependencies.tracer,
    }),
  }
  const routes = compileRoutes(config, names, {
    ...dependencies,
    isAmbiguous: ({ head }, path) => table.isAmbiguous(head.host, path),
  })
  const entries = placesOf(config, routes)
  // They win over every route, also over one with a host; in the table they keep look-alikes of theirs from passing.
  const hosts = new Set([undefined, ...entries.map(({ host }) => host)])
  const builtIn = new Map<string, Place>()
  const below: { readonly prefix: string; readonly place: Place }[] = []
  for (const { path, routes: here, otherMethod } of routes.builtIn) {
    const place = placeOf(
      here.map(([method, route]) => [[method], route]),
      otherMethod,
    )
    const pattern = compilePattern(path)
    if (pattern.parameters.length === 0) builtIn.set(path, place)
    else below.push({ prefix: path.slice(0, path.lastIndexOf('/') + 1), place })
    for (const host of hosts) entries.push({ host, pattern, value: place })
  }
  const table = buildRouteTable(entries)

  return {
    config,
    read: (exchange) => readRequest(exchange, rules),
    beginTrace: rules.beginTrace,
    sheds: dependencies.sheds,
    match: (exchange) => {
      const route = isPreflight(exchange.method, exchange.head) && routes.preflight ? routes.preflight : find(exchange)
      exchange.route = route
      return route
    },
    deny: createDeny(config, limiter, rateLimited),
  }

  function find(exchange: Exchange): Route {
    const own = ownPlace(exchange)
    if (own !== undefined) return byMethod(own, exchange)
    const found = table.match(exchange.head.host, exchange.path)
    if (found === undefined) return routes.nowhere
    exchange.captured = found.captured
    return byMethod(found.value, exchange)
  }

  function ownPlace(exchange: Exchange): Place | undefined {
    const { path } = exchange
    const plain = path.endsWith('/') ? path.slice(0, -1) : path
    const exact = builtIn.get(plain)
    if (exact !== undefined) return exact
    for (const { prefix, place } of below) {
      if (!plain.startsWith(prefix) || plain.includes('/', prefix.length)) continue
      exchange.captured = [plain.slice(prefix.length)]
      return place
    }
    return undefined
  }
}

function byMethod({ byMethod, anyMethod, otherMethod, allow }: Place, exchange: Exchange): Route {
  const { method } = exchange
  const route = byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined) ?? anyMethod
  if (route !== undefined) {
    // Each route calls the parameters by names of its own, whatever its neighbours with the same shape call them.
    if (route.pattern !== undefined) exchange.params = nameParameters(route.pattern, exchange.captured)
    return route
  }
  exchange.allow = allow
  return otherMethod
}

type Routes = ReturnType<typeof compileRoutes>

function placesOf(config: Config, routes: Routes): RouteEntry<Place>[] {
  const configured = new Map<string, { host: string | undefined; path: string; routes: [RouteConfig, Route][] }>()
  for (const [index, route] of config.routes.entries()) {
    const id = `${route.host ?? ''} ${compilePattern(route.path).shape}`
    const place = configured.get(id) ?? { host: route.host, path: route.path, routes: [] }
    place.routes.push([route, routes.configured[index] as Route])
    configured.set(id, place)
  }
  return [...configured.values()].map(({ host, path, routes: here }) => ({
    host,
    pattern: compilePattern(path),
    value: placeOf(
      here.map(([route, compiled]) => [route.methods, compiled]),
      routes.wrongMethod(path),
    ),
  }))
}

function placeOf(routes: readonly (readonly [readonly string[] | undefined, Route])[], otherMethod: Route): Place {
  const byMethod = new Map<string, Route>()
  let anyMethod: Route | undefined
  for (const [methods, route] of routes) {
    if (methods === undefined) anyMethod = route
    else for (const method of methods) byMethod.set(method, route)
  }
  const allowed = [...byMethod.keys()]
  if (byMethod.has('GET') && !byMethod.has('HEAD')) allowed.push('HEAD')
  return { byMethod, anyMethod, otherMethod, allow: allowed.join(', ') }
}
