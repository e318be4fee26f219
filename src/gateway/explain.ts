import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { catalogue, type ErrorCode, statusOf } from '../errors.ts'
import { compileKeyFormats } from '../keys/format.ts'
import { verify } from '../keys/verify.ts'
import type { Charge, Limiter } from '../limiter/limiter.ts'
import type { Wire } from '../proxy/wire.ts'
import type { KeyRecord } from '../store/store.ts'
import { Exchange } from './exchange.ts'
import { detailOf } from './explain-detail.ts'
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
  /** Of that key; null when left out. */
  readonly environment?: string
  /** 127.0.0.1 when left out. */
  readonly ip?: string
}

export interface Explanation {
  readonly decision: 'allow' | 'deny'
  readonly code: ErrorCode | null
  /** That of the refusal; null where the answer is the API's. */
  readonly status: number | null
  /** The pattern of the route, null where none matched. */
  readonly route: string | null
  readonly steps: readonly ExplainedStep[]
}

export interface ExplainedStep {
  readonly step: 'framing' | 'target' | 'query_tokens' | Exclude<StepName, 'read'>
  readonly result: 'pass' | 'deny' | 'skipped'
  readonly detail: string
}

export type Explain = (request: ExplainRequest) => Promise<Explanation>

/** One question; for several about the same configuration use `createExplain`. */
export const explain = (config: Config, request: ExplainRequest): Promise<Explanation> => createExplain(config)(request)

/**
 * Compiles the configuration once. What it returns sends requests through the same steps as the data plane does, without an
 * upstream call and without a charge.
 * @param limiter whose counters are looked at; left out, every limit has its full number left.
 */
export function createExplain(config: Config, limiter?: Limiter): Explain {
  let caller: KeyRecord | undefined
  const plan = compilePlan(config, {
    formats: compileKeyFormats(config.keys),
    sheds: () => false,
    authenticate: () => caller ?? 'INVALID_API_KEY',
    authenticated: () => {},
    changesTold: () => 0,
    confirm: async () => undefined,
    authRetryAfterMs: () => 0,
    rateLimited: () => {},
    limiter: lookingOnly(limiter),
    finish: { ...noFinish, jwks: config.context.sign ? nothing : undefined },
    exposed: () => {},
    admit: undefined,
    signContext: config.context.sign ? () => '' : undefined,
    tracer: undefined,
  })

  return async (request) => {
    const key = request.record ?? madeUpKey(request)
    const failure = key && verify(key, request.now ?? systemClock.now())
    const exchange = exchangeFor(request)
    const malformed = isMethod.test(request.method) ? plan.read(exchange) : 'BAD_REQUEST'
    const steps = readSteps(exchange, malformed)
    if (malformed) return { ...denied(malformed), route: null, steps }

    const route = plan.match(exchange)
    let code: ErrorCode | undefined
    for (const { name, run } of route.steps) {
      // Compiled routes have no such step.
      if (name === 'read') continue
      if (code !== undefined) {
        steps.push({ step: name, result: 'skipped', detail: 'not asked: the request was refused before' })
        continue
      }
      // Set for each step anew: it is asked for before the step returns, and others ask while this one waits.
      caller = failure === undefined ? key : undefined
      code = await run(exchange)
      steps.push({
        step: name,
        result: code === undefined ? 'pass' : 'deny',
        detail: detailOf(name, exchange, code, failure),
      })
    }
    return { ...(code ? denied(code) : allowed), route: route.label, steps }
  }
}

const denied = (code: ErrorCode) => ({ decision: 'deny', code, status: statusOf(code) }) as const
const allowed = { decision: 'allow', code: null, status: null } as const

/** What may stand in front of a request line; see SPEC of framing. */
const isMethod = /^[A-Z-]{1,32}$/

/** Steps 1 and 2, which the data plane does in one go. */
function readSteps(exchange: Exchange, malformed: ErrorCode | undefined): ExplainedStep[] {
  const names = ['framing', 'target', 'query_tokens'] as const
  const passes = {
    framing: 'there is one way to read the request',
    target: `the path is ${exchange.path}`,
    query_tokens: 'there is no credential in path and query',
  }
  const at =
    malformed === undefined
      ? names.length
      : malformed === 'BAD_REQUEST_TARGET'
        ? 1
        : malformed === 'QUERY_TOKEN_REJECTED'
          ? 2
          : 0
  return names.map((step, index): ExplainedStep => {
    if (malformed === undefined || index < at) return { step, result: 'pass', detail: passes[step] }
    if (index === at) return { step, result: 'deny', detail: catalogue[malformed][2] }
    return { step, result: 'skipped', detail: 'not asked: the request was refused before' }
  })
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

function madeUpKey({ scopes, workspaces = [], environment }: ExplainRequest): KeyRecord | undefined {
  if (scopes === undefined) return undefined
  return {
    ...{ secretId: 'explain', secretExpiresAt: null, keyId: 'key_explain', name: 'a key made up for this question' },
    ...{
      keyPrefix: '',
      environment: environment ?? null,
      scopes,
      createdAt: 0,
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    },
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
  ...{ answer: never, abort: never, hangUp: never, takeSocket: never },
}
