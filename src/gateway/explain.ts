import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { assertNever, catalogue, type ErrorCode } from '../errors.ts'
import type { AuthFailure } from '../events.ts'
import { compileKeyFormats } from '../keys/format.ts'
import { verify } from '../keys/verify.ts'
import type { Charge, Limiter } from '../limiter/limiter.ts'
import type { Wire } from '../proxy/wire.ts'
import type { KeyRecord } from '../store/store.ts'
import { Exchange } from './exchange.ts'
import type { Finish } from './finish.ts'
import { compilePlan } from './plan.ts'
import type { StepName } from './route.ts'

/** A request that nobody sends. Without `record` and `scopes` it comes without a key. */
export interface ExplainRequest {
  readonly method: string
  /** With its query, if it has one. */
  readonly path: string
  readonly host?: string
  /** A key as it is in the store. */
  readonly record?: KeyRecord
  /** When its state is judged, in milliseconds since the epoch; now when left out. */
  readonly now?: number
  /** Or a key made up with these scopes, and grants for these workspaces. */
  readonly scopes?: readonly string[]
  readonly workspaces?: readonly string[]
  /** 127.0.0.1 when left out. */
  readonly ip?: string
}

export interface Explanation {
  readonly decision: 'allow' | 'deny'
  readonly code: ErrorCode | null
  /** The pattern of the route, null where none matched. */
  readonly route: string | null
  readonly steps: readonly { step: StepName; result: 'pass' | 'deny' | 'skipped'; detail: string }[]
}

/**
 * Sends a request through the same steps as the data plane does, without an upstream call and without a charge.
 * @param limiter whose counters are looked at; left out, every limit has its full number left.
 */
export async function explain(config: Config, request: ExplainRequest, limiter?: Limiter): Promise<Explanation> {
  const key = request.record ?? madeUpKey(request)
  const failure = key && verify(key, request.now ?? systemClock.now())
  const plan = compilePlan(config, {
    formats: compileKeyFormats(config.keys),
    authenticate: () => (key === undefined || failure !== undefined ? 'INVALID_API_KEY' : key),
    authenticated: () => {},
    changesTold: () => 0,
    confirm: async () => undefined,
    authRetryAfterMs: () => 0,
    rateLimited: () => {},
    limiter: lookingOnly(limiter),
    finish: noFinish,
    exposed: () => {},
    admit: undefined,
    signContext: undefined,
  })
  const exchange = exchangeFor(request)
  const steps: Explanation['steps'][number][] = []
  const malformed = plan.read(exchange)
  steps.push({ step: 'read', result: malformed ? 'deny' : 'pass', detail: detailOf('read', exchange, malformed) })
  if (malformed) return { decision: 'deny', code: malformed, route: null, steps }

  const route = plan.match(exchange)
  let code: ErrorCode | null = null
  for (const step of route.steps) {
    if (code !== null) {
      steps.push({ step: step.name, result: 'skipped', detail: 'not asked: the request was refused before' })
      continue
    }
    code = (await step.run(exchange)) ?? null
    steps.push({
      step: step.name,
      result: code === null ? 'pass' : 'deny',
      detail:
        step.name === 'authenticate' && failure !== undefined
          ? (notValid[failure] ?? failure)
          : detailOf(step.name, exchange, code ?? undefined),
    })
  }
  return { decision: code === null ? 'allow' : 'deny', code, route: route.label, steps }
}

const notValid: Readonly<Partial<Record<AuthFailure, string>>> = {
  revoked: 'the key is revoked',
  expired: 'the key is expired',
  inactive_owner: 'the service account that owns the key is inactive',
}

function detailOf(step: StepName, exchange: Exchange, denial: ErrorCode | undefined): string {
  const { key, route } = exchange
  if (exchange.shadowCode !== undefined && denial === undefined && (step === 'scopes' || step === 'rate_limits')) {
    return `would be refused with ${exchange.shadowCode}; the route is in shadow mode, so it passes`
  }
  switch (step) {
    case 'read':
      return denial ? catalogue[denial][2] : `the path is ${exchange.path}`
    case 'authenticate':
      return denial ? 'no key is sent, and the route is not public' : `as ${key?.name}`
    case 'organization':
      return denial ? `the organization ${key?.organization.name} is suspended` : 'the organization is active'
    case 'ip_access':
      return denial
        ? `${exchange.address} is not in the key's allowed_ips: ${key?.allowedIps.join(', ')}`
        : `${exchange.address} may use the key`
    case 'route':
      return denial === 'METHOD_NOT_ALLOWED'
        ? `the path has ${exchange.allow}`
        : denial === 'ROUTE_DENIED'
          ? 'the route says deny: true'
          : 'no route matches this path'
    case 'scopes':
      return denial
        ? `needs ${route?.requiredScopes.join(', ')}; the key has ${key?.scopes.join(', ') || 'none'}`
        : `the key holds ${route?.requiredScopes.join(', ')}`
    case 'workspace':
      if (denial && exchange.workspace === undefined)
        return 'the key is bound to one project, and this route has no workspace'
      return denial
        ? `the key has no grant for workspace ${exchange.workspace}`
        : exchange.workspace === undefined
          ? 'the route has no workspace'
          : `the key has a grant for ${exchange.workspace}`
    case 'rate_limits':
      return denial
        ? `used up: ${exchange.violated.join(', ')}`
        : exchange.limits
            .map(({ limit, remaining, requests }) => `${limit}: ${remaining} of ${requests} left`)
            .join('; ') || 'no limit applies'
    case 'rewrite':
      return denial ? 'the rewritten path is not canonical' : `goes on as ${exchange.upstreamTarget}`
    case 'body':
      return 'a body of up to the limit may follow'
    case 'context':
    case 'audit':
      return 'done when the request is real'
    default:
      return assertNever(step)
  }
}

const host = (request: ExplainRequest): string => request.host ?? 'localhost'

function exchangeFor(request: ExplainRequest): Exchange {
  const raw = { method: request.method, target: request.path, version: '1.1', headers: ['Host', host(request)] }
  return new Exchange(
    raw,
    { id: 'explain', at: 0, startedAt: 0, peer: request.ip ?? '127.0.0.1', secure: false },
    noWire,
  )
}

function madeUpKey({ scopes, workspaces = [] }: ExplainRequest): KeyRecord | undefined {
  if (scopes === undefined) return undefined
  return {
    ...{ secretId: 'explain', secretExpiresAt: null, keyId: 'key_explain', name: 'a key made up for this question' },
    ...{ keyPrefix: '', environment: null, scopes, createdAt: 0, expiresAt: null, revokedAt: null, lastUsedAt: null },
    ...{ projectId: null, allowedIps: [], rateLimit: null, serviceAccountId: null, serviceAccountActive: true },
    workspaces: workspaces.map((id) => ({ id, externalId: null })),
    organization: { id: 'org_explain', name: 'Explain', slug: 'explain', status: 'active', rateLimit: null },
  }
}

/** Looks where the data plane would charge. */
const lookingOnly = (limiter: Limiter | undefined): Limiter => ({
  charge: (charges) => (limiter === undefined ? charges.map(untouched) : limiter.peek(charges)),
  peek: (charges) => charges.map(untouched),
  close: async () => {},
})

const untouched = ({ limit, requests, windowMs, cost }: Charge) => ({
  ...{ limit, requests, windowMs, remaining: requests, resetMs: windowMs, exceeded: cost > requests },
})

const nothing = (): void => {}
const noFinish: Finish = {
  ...{ forwardTo: () => nothing, me: () => nothing, preflight: () => nothing, jwks: undefined },
  selfService: () => ({ list: nothing, create: nothing, remove: nothing }),
}

const never = (): never => {
  throw new Error('an explained request goes nowhere')
}
const noWire: Wire = {
  ...{ body: undefined, requestComplete: true, bytesOut: 0, listener: undefined },
  ...{ sendContinue: never, sendInformation: never, writeHead: never, write: never, end: never },
  ...{ answer: never, abort: never, takeSocket: never },
}
