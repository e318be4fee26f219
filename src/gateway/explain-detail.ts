import { assertNever, type ErrorCode } from '../errors.ts'
import type { AuthFailure } from '../events.ts'
import type { Exchange } from './exchange.ts'
import type { StepName } from './route.ts'

/** What a step has found, and when it refused, what would make it pass. */
export function detailOf(
  step: Exclude<StepName, 'read'>,
  exchange: Exchange,
  denial: ErrorCode | undefined,
  failure: AuthFailure | undefined,
): string {
  const { key, route } = exchange
  if (exchange.shadowCode !== undefined && denial === undefined && (step === 'scopes' || step === 'rate_limits')) {
    return `would be refused with ${exchange.shadowCode}; the route is in shadow mode, so it passes`
  }
  switch (step) {
    case 'authenticate':
      if (denial && failure !== undefined) return notValid[failure] ?? failure
      return denial ? 'no key is sent, and the route is not public' : `as ${key?.name}`
    case 'organization':
      return denial
        ? `the organization ${key?.organization.name} is suspended; make it active again`
        : 'the organization is active'
    case 'ip_access':
      return denial
        ? `${exchange.address} is not in the key's allowed_ips: ${key?.allowedIps.join(', ')}`
        : `${exchange.address} may use the key`
    case 'route':
      if (denial === 'METHOD_NOT_ALLOWED') return `the path has ${exchange.allow}; no route takes ${exchange.method}`
      return denial === 'ROUTE_DENIED'
        ? 'the route says deny: true, so no key passes'
        : 'no route matches this path (or only one that differs from it in upper and lower case, spaces or non-ASCII)'
    case 'scopes':
      return scopesText(exchange, denial)
    case 'workspace':
      return workspaceText(exchange, denial)
    case 'rate_limits':
      return denial
        ? `used up: ${exchange.violated.join(', ')}; room again in ${Math.ceil(exchange.retryAfterMs / 1000)} s`
        : exchange.limits
            .map(({ limit, remaining, requests }) => `${limit}: ${remaining} of ${requests} left`)
            .join('; ') || 'no limit applies'
    case 'rewrite':
      return denial ? 'the rewritten path is not canonical' : `goes on as ${exchange.upstreamTarget}`
    case 'body':
      return `a body of up to ${exchange.bodyBytesMax} bytes may follow, to ${route?.upstreamName ?? 'the gateway itself'}`
    case 'context':
    case 'audit':
      return 'done when the request is real'
    default:
      return assertNever(step)
  }
}

const notValid: Readonly<Partial<Record<AuthFailure, string>>> = {
  revoked: 'the key is revoked, for good; make another',
  expired: 'the key is expired; make another',
  inactive_owner: 'the service account that owns the key is inactive; make it active again',
}

function scopesText({ key, route }: Exchange, denial: ErrorCode | undefined): string {
  const needed = route?.requiredScopes.join(', ')
  return denial
    ? `needs ${needed}; the key has ${key?.scopes.join(', ') || 'none'}`
    : `asked for is ${needed}; the key has ${key?.scopes.join(', ')}`
}

function workspaceText({ workspace }: Exchange, denial: ErrorCode | undefined): string {
  if (denial && workspace === undefined) return 'the key is bound to one project, and this route has no workspace'
  if (denial) return `the key has no grant for workspace ${workspace}; grant it`
  return workspace === undefined ? 'the route has no workspace' : `the key has a grant for ${workspace}`
}
