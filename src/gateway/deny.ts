import type { Config } from '../config/schema.ts'
import { catalogue, type ErrorCode, type ProblemExtras, problem, statusOf } from '../errors.ts'
import type { ChargeState, Limiter } from '../limiter/limiter.ts'
import { corsHeaders } from './cors.ts'
import type { Exchange } from './exchange.ts'

/** After these nothing more is read from the connection: what follows can't be told from a second request. */
const closing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['BAD_REQUEST', 'BAD_REQUEST_TARGET', 'VERSION_NOT_SUPPORTED', 'URI_TOO_LONG'] as const),
  ...(['HEADERS_TOO_LARGE', 'REQUEST_TIMEOUT', 'BODY_TOO_LARGE', 'DRAINING'] as const),
])

/** Denials that count against `denials`: a key that does nothing but probe is slowed down. */
const probing: ReadonlySet<number> = new Set([403, 404, 405])

/** Answers a refused request: one problem document, the same for every way to fail alike. */
export function createDeny(
  config: Pick<Config, 'errors' | 'denials' | 'cors'>,
  limiter: Limiter,
  rateLimited: (limit: string) => void,
) {
  const realm = `Bearer realm="${config.errors.realm}"`
  const { requests, per: windowMs } = config.denials

  const countDenial = (exchange: Exchange, code: ErrorCode): ErrorCode | Promise<ErrorCode> => {
    const key = exchange.key
    if (key === undefined || !probing.has(statusOf(code))) return code
    const states = limiter.charge([{ limit: 'denials', bucket: key.keyId, requests, windowMs, cost: 1 }])
    const judge = ([state]: readonly ChargeState[]): ErrorCode => {
      if (state === undefined || !state.exceeded) return code
      exchange.violated = ['denials']
      exchange.retryAfterMs = state.resetMs
      return 'RATE_LIMITED'
    }
    // It is refused anyway: a limiter that can't be asked changes nothing about that.
    return states instanceof Promise ? states.then(judge, () => code) : judge(states)
  }

  const authenticateHeader = (exchange: Exchange, code: ErrorCode): string | undefined => {
    if (code === 'INVALID_API_KEY') return tokenSent(exchange) ? `${realm}, error="invalid_token"` : realm
    if (code !== 'INSUFFICIENT_SCOPE') return undefined
    return `${realm}, error="insufficient_scope", scope="${exchange.route?.requiredScopes.join(' ') ?? ''}"`
  }

  const answer = (exchange: Exchange, denial: ErrorCode, code: ErrorCode): void => {
    const status = statusOf(code)
    if (code === 'RATE_LIMITED') for (const limit of exchange.violated) rateLimited(limit)
    const asEnvelope = exchange.key !== undefined && exchange.route?.refusals === 'envelope'
    const body = asEnvelope
      ? envelope(code, code === denial ? exchange.detail : undefined)
      : problem(code, exchange.requestId, extrasOf(exchange, code))
    const type = asEnvelope ? 'application/json' : 'application/problem+json'
    const headers = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body))]
    headers.push('Cache-Control', 'no-store', ...exchange.responseHeaders())
    const authenticate = authenticateHeader(exchange, code)
    if (authenticate !== undefined) headers.push('WWW-Authenticate', authenticate)
    if (code === 'METHOD_NOT_ALLOWED' && exchange.allow !== undefined) headers.push('Allow', exchange.allow)
    if (status === 429 || status === 503) {
      headers.push('Retry-After', String(Math.max(1, Math.ceil(exchange.retryAfterMs / 1000))))
    }
    // Before a key was accepted only the global policy answers: a route's own would tell that there is one.
    const cors =
      exchange.key === undefined && !exchange.route?.public ? config.cors : (exchange.route?.cors ?? config.cors)
    // On its way upstream it has them already.
    if (cors !== undefined && !exchange.corsIsOurs) headers.push(...corsHeaders(cors, exchange.head.origin))
    exchange.status = status
    exchange.code = code
    exchange.wire.answer(
      status,
      headers,
      exchange.method === 'HEAD' ? '' : body,
      exchange.turnedAway || closing.has(code),
    )
  }

  return (exchange: Exchange, denial: ErrorCode): void | Promise<void> => {
    const code = countDenial(exchange, denial)
    if (!(code instanceof Promise)) return answer(exchange, denial, code)
    return code.then((later) => {
      // It may have been answered meanwhile, because its connection broke.
      if (exchange.status === 0 && !exchange.gone) answer(exchange, denial, later)
    })
  }
}

/** How the endpoints under `self_service` tell that they have refused. */
const envelope = (code: ErrorCode, detail: string | undefined): string =>
  JSON.stringify({ success: false, error: { code, message: detail ?? catalogue[code][2] } })

const tokenSent = ({ head }: Exchange): boolean =>
  head.authorizationRepeated || (head.authorization !== undefined && /^bearer\b/i.test(head.authorization))

function extrasOf(exchange: Exchange, code: ErrorCode): ProblemExtras | undefined {
  if (code === 'INSUFFICIENT_SCOPE') return { required_scopes: exchange.route?.requiredScopes ?? [] }
  if (code === 'RATE_LIMITED') return { violated_policies: exchange.violated }
  return undefined
}
