import type { Schema } from '../../api/client.ts'
import type { DecisionStep } from '../../components/decision-path.tsx'
import type { Rule } from '../policy/use-policy.ts'

type Row = Schema<'RequestRecord'>

export interface Known {
  /** The route as it is in force, for those who may see the policy. */
  readonly rule: Rule | undefined
  /** What the gateway answers itself: not forwarded. */
  readonly isOwn: boolean
  readonly keyName: string | undefined
}

/**
 * The way of a request of the log, as `explain` tells it. The log holds what came of it; which step that was follows from
 * the code, as each code has one place, or two that the rest of the row tells apart.
 */
export function decisionOf(row: Row, known: Known): DecisionStep[] {
  const refused = refusedAt(row, known)
  const steps = stepsOf(refused, known.isOwn)
  const end = refused === undefined ? steps.length : steps.indexOf(refused)
  const shadowed =
    row.shadow_code === null ? undefined : row.shadow_code === 'INSUFFICIENT_SCOPE' ? 'scopes' : 'rate_limits'
  return steps.map((step, index): DecisionStep => {
    if (index > end) return { step, result: 'skipped', detail: 'Not asked: the request was refused before' }
    if (index === end) return { step, result: 'deny', detail: whyRefused(step, row) }
    if (entry.has(step) && row.key_id === null) return { step, result: 'skipped', detail: 'The route asks for no key' }
    if (step === shadowed) {
      const detail = `Would be refused with ${row.shadow_code}; the route is in shadow mode, so it passed`
      return { step, result: 'shadow', detail }
    }
    if (step === 'forward' && row.status_code === 0) return { step, result: 'skipped', detail: leftEarly }
    return { step, result: 'pass', detail: whatPassed(step, row, known) }
  })
}

const reading = ['framing', 'target', 'query_tokens']
const entrance = ['authenticate', 'organization', 'ip_access']
const entry: ReadonlySet<string> = new Set(entrance)
const leftEarly = 'The caller left before there was an answer'

function stepsOf(refused: string | undefined, isOwn: boolean): string[] {
  // A route that is not there refuses only those who have shown a key: others learn nothing of which there are.
  if (refused === 'route') return [...reading, ...entrance, 'route', 'forward']
  if (isOwn) {
    const scopes = refused === 'scopes' ? ['scopes'] : []
    return [...reading, 'route', ...entrance, ...scopes, 'rate_limits', 'answer']
  }
  const rewrite = refused === 'rewrite' ? ['rewrite'] : []
  return [...reading, 'route', ...entrance, 'scopes', 'workspace', 'body', ...rewrite, 'rate_limits', 'forward']
}

const places: Readonly<Record<string, string>> = {
  ...{ URI_TOO_LONG: 'framing', HEADERS_TOO_LARGE: 'framing', VERSION_NOT_SUPPORTED: 'framing' },
  ...{ QUERY_TOKEN_REJECTED: 'query_tokens', ORGANIZATION_SUSPENDED: 'organization', IP_NOT_ALLOWED: 'ip_access' },
  ...{ ROUTE_DENIED: 'route', METHOD_NOT_ALLOWED: 'route', INSUFFICIENT_SCOPE: 'scopes' },
  ...{ LIMITER_UNAVAILABLE: 'rate_limits', RATE_LIMITED: 'rate_limits' },
}

function refusedAt(row: Row, { rule, isOwn }: Known): string | undefined {
  const { code, route, key_id, upstream_ms } = row
  if (code === null) return undefined
  const last = isOwn ? 'answer' : 'forward'
  if (wasBrokenOff(row)) return last
  const isUnderWay = upstream_ms !== null
  switch (code) {
    case 'NOT_FOUND':
      return route === null ? 'route' : isOwn ? last : 'workspace'
    case 'INVALID_API_KEY':
    case 'KEY_STORE_UNAVAILABLE':
      return isUnderWay ? last : 'authenticate'
    case 'RATE_LIMITED':
      // Too many wrong keys, unless the route asks for none and has a limit of its own.
      return key_id === null && rule?.public === false ? 'authenticate' : 'rate_limits'
    case 'BODY_TOO_LARGE':
      return isUnderWay || isOwn ? last : route === null ? 'framing' : 'body'
    case 'BAD_REQUEST_TARGET':
      return route === null ? 'target' : 'rewrite'
    case 'BAD_REQUEST':
    case 'REQUEST_TIMEOUT':
    case 'DRAINING':
      return route === null ? 'framing' : last
    default:
      return places[code] ?? last
  }
}

/** The answer had begun, as the status tells, and did not come to its end. */
const wasBrokenOff = ({ status_code: status, code }: Row): boolean => code !== null && status > 0 && status < 400

function whyRefused(step: string, row: Row): string | undefined {
  const { code, key_id, ip, upstream_ms, method, path } = row
  if (wasBrokenOff(row))
    return `The answer had begun with ${row.status_code}, and was broken off: ${brokenOff[code ?? ''] ?? code}`
  if (code === 'RATE_LIMITED') {
    return key_id === null
      ? `A limit for ${ip} is used up, or too many wrong keys came from there`
      : 'A limit is used up, or the key was refused too often in a short time'
  }
  if (code === 'INVALID_API_KEY') {
    return step === 'authenticate'
      ? 'No key was sent, or one that is not valid'
      : 'The key ended while the request was under way'
  }
  if (step === 'ip_access') return `${ip} is not among the addresses that the key may be used from`
  if (code === 'METHOD_NOT_ALLOWED') return `The path is there; no route of it takes ${method}`
  if (code === 'NOT_FOUND') {
    return step === 'route' ? `No route matches ${path}` : 'The key has no grant for this workspace'
  }
  if (step === 'forward' && upstream_ms !== null) return `After ${milliseconds(upstream_ms)} with the API`
  return undefined
}

const brokenOff: Readonly<Record<string, string>> = {
  UPSTREAM_UNAVAILABLE: 'the API went away',
  UPSTREAM_PROTOCOL_ERROR: 'what followed is not valid HTTP',
  UPSTREAM_TIMEOUT: 'nothing more came for too long',
  INVALID_API_KEY: 'the key ended',
  DRAINING: 'the gateway was shutting down',
}

function whatPassed(step: string, row: Row, { rule, keyName }: Known): string | undefined {
  switch (step) {
    case 'target':
      return row.path
    case 'route':
      return row.route ?? undefined
    case 'authenticate':
      return `As ${keyName ?? row.key_id}`
    case 'ip_access':
      return `${row.ip} may use the key`
    case 'scopes':
      return rule === undefined ? undefined : scopesOf(rule)
    case 'workspace':
      return rule === undefined ? undefined : (rule.workspace ?? 'The route has no workspace')
    case 'rate_limits':
      return rule === undefined ? undefined : rule.limits.join(', ') || 'The route has no limits of its own'
    case 'answer':
      return `The gateway answered ${row.status_code} itself`
    case 'forward':
      return `The API answered ${row.status_code}${row.upstream_ms === null ? '' : ` after ${milliseconds(row.upstream_ms)}`}`
    default:
      return undefined
  }
}

const scopesOf = ({ scopes, any_scope: any }: Rule): string =>
  scopes.length > 0
    ? `Asks for ${scopes.join(', ')}`
    : any.length > 0
      ? `Asks for one of ${any.join(', ')}`
      : 'The route asks for none'

export const milliseconds = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
