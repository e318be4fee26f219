import { keysManage } from '../config/grantable.ts'
import { compilePattern } from '../config/pattern.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import { LimiterUnavailable } from '../limiter/limiter.ts'
import { compileIdentity, type identityNames } from '../policy/identity.ts'
import { checkAddress } from '../policy/ip-access.ts'
import { checkOrganization } from '../policy/organization.ts'
import { compileCharges } from '../policy/rate-limit.ts'
import { checkScopes, type ScopeRule } from '../policy/scopes.ts'
import { checkWorkspace } from '../policy/workspace.ts'
import type { KeyRecord } from '../store/store.ts'
import { authenticateStep } from './authenticate-step.ts'
import type { Exchange } from './exchange.ts'
import type { PlanDependencies, RouteDependencies } from './plan.ts'
import { compileRewrite } from './rewrite.ts'
import type { Route, Step, Verdict } from './route.ts'

type Names = ReturnType<typeof identityNames>

/** Compiles what the file says, and the routes that are always there, into lists of steps. */
export function compileRoutes(config: Config, names: Names, dependencies: RouteDependencies) {
  const { finish } = dependencies
  const identify = compileIdentity(names)
  const entry: readonly Step[] = [authenticateStep(dependencies), organizationStep, ipAccessStep]

  const refusing = (label: string | null, code: ErrorCode, refusals: Route['refusals'] = 'problem'): Route => ({
    ...{ ...plainRoute, label, refusals },
    steps: [...entry, { name: 'route', run: () => code }],
    finish: refuseToFinish,
  })

  const ownLimits = (label: string, names: readonly string[]): Step =>
    rateLimitStep(compileCharges(names, config.limits, 1), label, dependencies.limiter)

  const me: Place = {
    path: config.me.path,
    routes: [
      [
        'GET',
        {
          ...{ ...plainRoute, label: config.me.path },
          steps: [...entry, ownLimits(config.me.path, [])],
          finish: finish.me(config),
          stillAllowed: (exchange, key) => checkOrganization(key) ?? checkAddress(key, exchange.address),
        },
      ],
    ],
    otherMethod: refusing(config.me.path, 'METHOD_NOT_ALLOWED'),
  }

  /** `/tenants/me/api-keys` and what is below it: for keys that may manage keys. */
  const selfService = (settings: Exclude<Config['self_service'], false>): Place[] => {
    const { list, create, remove } = finish.selfService(config)
    const rule: ScopeRule = { all: [keysManage], any: [] }
    const place = (path: string, methods: readonly (readonly [method: string, answer: Route['finish']])[]): Place => {
      const route = (answer: Route['finish']): Route => ({
        ...{
          ...plainRoute,
          label: path,
          pattern: compilePattern(path),
          requiredScopes: rule.all,
          refusals: 'envelope',
        },
        steps: [...entry, scopesStep(rule), bodyStep(selfServiceBytesMax), ownLimits(path, settings.limits)],
        finish: answer,
        stillAllowed: (exchange, key) =>
          checkOrganization(key) ?? checkAddress(key, exchange.address) ?? checkScopes(key.scopes, rule),
      })
      return {
        path,
        routes: methods.map(([method, answer]) => [method, route(answer)]),
        otherMethod: refusing(path, 'METHOD_NOT_ALLOWED', 'envelope'),
      }
    }
    return [
      place(settings.path, [
        ['GET', list],
        ['POST', create],
      ]),
      place(`${settings.path}/:key_id`, [['DELETE', remove]]),
    ]
  }

  const fromFile = (route: RouteConfig): Route => {
    if (route.deny) return refusing(route.path, 'ROUTE_DENIED')
    const upstream = route.upstream ?? ''
    const rule: ScopeRule = { all: route.scopes ?? [], any: route.any_scope ?? [] }
    const parameter = route.workspace?.slice(1)
    const shadow = route.shadow ? inShadow : (step: Step) => step
    const steps: Step[] = []
    if (!route.public) {
      steps.push(...entry)
      if (rule.all.length + rule.any.length > 0) steps.push(shadow(scopesStep(rule)))
      steps.push(workspaceStep(parameter))
    }
    steps.push(bodyStep(route.body_limit ?? config.body_limit))
    const rewrite = compileRewrite(route, dependencies.isAmbiguous)
    if (rewrite) steps.push(rewrite)
    const charges = compileCharges(route.limits, config.limits, route.cost)
    if (!route.public || route.limits.length > 0) {
      steps.push(shadow(rateLimitStep(charges, route.path, dependencies.limiter)))
    }
    if (!route.public && dependencies.signContext) steps.push(contextStep(dependencies.signContext, upstream))
    if (dependencies.admit) steps.push(auditStep(dependencies.admit))
    return {
      label: route.path,
      refusals: 'problem',
      pattern: compilePattern(route.path),
      upstreamName: upstream,
      steps,
      requiredScopes: rule.all.length > 0 ? rule.all : rule.any,
      cors: route.cors ?? config.cors,
      public: route.public === true,
      finish: finish.forwardTo(
        upstream,
        route,
        config,
        route.public ? undefined : { identify, workspaceHeader: names.workspace_id },
      ),
      stillAllowed: (exchange, key) =>
        checkOrganization(key) ??
        checkAddress(key, exchange.address) ??
        (route.shadow ? undefined : checkScopes(key.scopes, rule)) ??
        checkWorkspace(key, parameter === undefined ? undefined : exchange.params[parameter]),
    }
  }

  const builtIn: Place[] = [me]
  if (config.self_service) builtIn.push(...selfService(config.self_service))
  if (finish.jwks) {
    const path = '/.well-known/jwks.json'
    builtIn.push({
      path,
      routes: [['GET', { ...plainRoute, label: path, steps: [], public: true, finish: finish.jwks }]],
      otherMethod: refusing(path, 'METHOD_NOT_ALLOWED'),
    })
  }
  return {
    configured: config.routes.map(fromFile),
    builtIn,
    nowhere: refusing(null, 'NOT_FOUND'),
    wrongMethod: (label: string) => refusing(label, 'METHOD_NOT_ALLOWED'),
    preflight: config.cors && { ...plainRoute, steps: [], public: true, finish: finish.preflight(config.cors) },
  }
}

/** Something that the gateway answers itself. */
interface Place {
  /** One plain path, or one with a parameter as its last segment. */
  readonly path: string
  readonly routes: readonly (readonly [method: string, route: Route])[]
  readonly otherMethod: Route
}

/** A list of scopes and addresses is small; whoever sends more than this means something else. */
const selfServiceBytesMax = 64 * 1024

const plainRoute: Omit<Route, 'steps' | 'finish'> = {
  refusals: 'problem',
  label: null,
  pattern: undefined,
  upstreamName: null,
  requiredScopes: [],
  cors: undefined,
  public: false,
  stillAllowed: () => 'INVALID_API_KEY',
}

const refuseToFinish = (): never => {
  throw new Error('a refusing route was finished')
}

/** The key of an exchange that has passed authentication; a step that comes before it has no key to judge by. */
function keyOf(exchange: Exchange): KeyRecord {
  if (exchange.key === undefined) throw new Error('this step needs an authenticated request')
  return exchange.key
}

const organizationStep: Step = { name: 'organization', run: (exchange) => checkOrganization(keyOf(exchange)) }

const ipAccessStep: Step = { name: 'ip_access', run: (exchange) => checkAddress(keyOf(exchange), exchange.address) }

const scopesStep = (rule: ScopeRule): Step => ({
  name: 'scopes',
  run: (exchange) => checkScopes(keyOf(exchange).scopes, rule),
})

const workspaceStep = (parameter: string | undefined): Step => ({
  name: 'workspace',
  run(exchange) {
    exchange.workspace = parameter === undefined ? undefined : exchange.params[parameter]
    // A parameter that is not there would be no workspace at all: refused, not passed.
    if (parameter !== undefined && exchange.workspace === undefined) return 'NOT_FOUND'
    return checkWorkspace(keyOf(exchange), exchange.workspace)
  },
})

const bodyStep = (bytesMax: number): Step => ({
  name: 'body',
  run(exchange) {
    exchange.bodyBytesMax = bytesMax
    return exchange.head.contentLength !== undefined && exchange.head.contentLength > bytesMax
      ? 'BODY_TOO_LARGE'
      : undefined
  },
})

function rateLimitStep(
  chargesFor: ReturnType<typeof compileCharges>,
  label: string,
  limiter: PlanDependencies['limiter'],
): Step {
  const judge = (exchange: Exchange, states: Exchange['limits']): Verdict => {
    exchange.limits = states
    const exceeded = states.filter((state) => state.exceeded)
    if (exceeded.length === 0) return undefined
    exchange.violated = exceeded.map((state) => state.limit)
    exchange.retryAfterMs = Math.max(...exceeded.map((state) => state.resetMs))
    return 'RATE_LIMITED'
  }
  return {
    name: 'rate_limits',
    run(exchange) {
      const charges = chargesFor({ key: exchange.key, address: exchange.address, route: label })
      if (charges.length === 0) return undefined
      const states = limiter.charge(charges)
      if (!(states instanceof Promise)) return judge(exchange, states)
      return states.then((later) => judge(exchange, later), unavailable)
    },
  }
}

function unavailable(error: unknown): Verdict {
  if (error instanceof LimiterUnavailable) return 'LIMITER_UNAVAILABLE'
  throw error
}

function contextStep(sign: NonNullable<PlanDependencies['signContext']>, upstream: string): Step {
  return {
    name: 'context',
    run(exchange) {
      const token = sign(exchange, upstream)
      if (typeof token === 'string') {
        exchange.contextToken = token
        return undefined
      }
      return token.then((later) => {
        exchange.contextToken = later
        return undefined
      })
    },
  }
}

const auditStep = (admit: NonNullable<PlanDependencies['admit']>): Step => ({
  name: 'audit',
  run: async (exchange) => ((await admit(exchange)) ? undefined : 'OVERLOADED'),
})

/** `shadow: true`: what the step would have refused is recorded, not enforced. */
const inShadow = (step: Step): Step => ({
  name: step.name,
  run(exchange) {
    const note = (verdict: Verdict): Verdict => {
      exchange.shadowCode ??= verdict
      return undefined
    }
    const verdict = step.run(exchange)
    return verdict instanceof Promise ? verdict.then(note) : note(verdict)
  },
})
