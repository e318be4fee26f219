import type { Clock } from '../clock.ts'
import type { Config, CorsConfig, RouteConfig } from '../config/schema.ts'
import { Forwarding } from '../proxy/forward.ts'
import type { Upstream } from '../proxy/upstream.ts'
import type { KeyRecord } from '../store/store.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import type { Exchange } from './exchange.ts'
import type { Live } from './live.ts'

/** How an admitted request ends: carried upstream, or answered here. Each makes the last function of a route. */
export interface Finish {
  forwardTo(
    upstream: string,
    route: RouteConfig,
    config: Config,
    identity: Identity | undefined,
  ): (exchange: Exchange) => void
  me(config: Config): (exchange: Exchange) => void
  selfService(config: Config): Record<'list' | 'create' | 'remove', (exchange: Exchange) => void>
  preflight(cors: CorsConfig): (exchange: Exchange) => void
  /** Public keys of the signed context; undefined where nothing is signed. */
  readonly jwks: ((exchange: Exchange) => void) | undefined
}

/** What is told to the API of who is calling. */
export interface Identity {
  identify(key: KeyRecord): readonly string[]
  readonly workspaceHeader: string
}

export interface FinishDependencies {
  readonly clock: Clock
  readonly live: Live
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly me: Finish['me']
  readonly selfService: Finish['selfService']
  readonly jwks: (() => object) | undefined
}

export function createFinish({ clock, live, upstreams, me, selfService, jwks }: FinishDependencies): Finish {
  return {
    me,
    selfService,
    forwardTo: (name, route, config, identity) => {
      const upstream = upstreams.get(name)
      if (upstream === undefined) throw new Error(`route ${route.path}: there is no upstream ${name}`)
      const cors = route.cors ?? config.cors
      return (exchange) => {
        exchange.upstreamTarget ||= exchange.path + exchange.query
        exchange.upstreamHeaders = headersFor(exchange, upstream, route, identity)
        exchange.trace?.forward(exchange.upstreamHeaders, clock.monotonic() - exchange.arrival.startedAt)
        exchange.bodyIdleMs = config.timeouts.body_idle
        exchange.bodyRateMin = config.body_rate
        exchange.corsIsOurs = cors !== undefined
        if (cors !== undefined) exchange.extraResponseHeaders.push(...corsHeaders(cors, exchange.head.origin))
        if (exchange.key !== undefined) addSunset(exchange.key, clock.now(), exchange.extraResponseHeaders)
        exchange.forwarding = new Forwarding(exchange, upstream, clock)
        live.add(exchange)
        exchange.forwarding.start()
      }
    },
    preflight: (cors) => (exchange) => answer(exchange, 204, preflightHeaders(cors, exchange.head.origin ?? ''), ''),
    jwks:
      jwks &&
      ((exchange) =>
        answer(
          exchange,
          200,
          ['Content-Type', 'application/jwk-set+json', 'Cache-Control', 'max-age=300'],
          JSON.stringify(jwks()),
        )),
  }
}

/** A whole answer of the gateway's own, with the headers that every answer has. */
export function answer(exchange: Exchange, status: number, headers: string[], body: string): void {
  exchange.status = status
  const all = [...headers, ...exchange.responseHeaders()]
  if (status !== 204) all.push('Content-Length', String(Buffer.byteLength(body)))
  exchange.wire.answer(status, all, exchange.method === 'HEAD' ? '' : body, false)
}

function headersFor(
  exchange: Exchange,
  upstream: Upstream,
  route: RouteConfig,
  identity: Identity | undefined,
): string[] {
  const { head, arrival, peerTrusted } = exchange
  const headers = head.forwardable
  const host = head.host ?? ''
  if (peerTrusted) headers.push(...head.fromTrustedProxy)
  if (exchange.key !== undefined && identity !== undefined) {
    for (const text of identity.identify(exchange.key)) headers.push(text)
    if (exchange.workspace !== undefined) headers.push(identity.workspaceHeader, exchange.workspace)
    if (exchange.contextToken !== undefined) headers.push('Sallyport-Context', exchange.contextToken)
  }
  headers.push('X-Request-Id', exchange.requestId)
  const forwardedFor =
    peerTrusted && head.forwardedFor !== undefined ? `${head.forwardedFor}, ${arrival.peer}` : arrival.peer
  headers.push('X-Forwarded-For', forwardedFor, 'X-Forwarded-Proto', protocolOf(exchange))
  const forwardedHost = (peerTrusted && head.forwardedHost) || host
  if (forwardedHost !== '') headers.push('X-Forwarded-Host', forwardedHost)
  if (upstream.config.preserve_host && host !== '') headers.push('Host', host)
  if (head.contentLength !== undefined) headers.push('Content-Length', String(head.contentLength))
  if (route.forward_authorization && head.authorization !== undefined && !head.authorizationRepeated) {
    headers.push('Authorization', head.authorization)
  }
  return headers
}

function protocolOf({ head, peerTrusted, arrival }: Exchange): string {
  if (peerTrusted && (head.forwardedProto === 'http' || head.forwardedProto === 'https')) return head.forwardedProto
  return arrival.secure ? 'https' : 'http'
}

const sunsetNoticeMs = 14 * 86_400_000

/** RFC 8594: when the secret in use, or its key, stops working, if that is soon. */
function addSunset(key: KeyRecord, now: number, headers: string[]): void {
  let end = key.secretExpiresAt ?? Number.POSITIVE_INFINITY
  if (key.expiresAt !== null && key.expiresAt - now <= sunsetNoticeMs) end = Math.min(end, key.expiresAt)
  if (Number.isFinite(end)) headers.push('Sunset', new Date(end).toUTCString())
}
