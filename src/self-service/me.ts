import type { Config } from '../config/schema.ts'
import { corsHeaders } from '../gateway/cors.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { answer } from '../gateway/finish.ts'
import type { ChargeState, Limiter } from '../limiter/limiter.ts'
import { compileCharges } from '../policy/rate-limit.ts'
import type { KeyRecord } from '../store/store.ts'

/** `GET /api/v1/me`: tells a caller who it is and what it may do. Any valid key, no scope needed. */
export function createMe(limiter: Pick<Limiter, 'peek'>): (config: Config) => (exchange: Exchange) => void {
  return (config) => {
    // Limits that a caller can exhaust by itself; those by address or route say nothing about the key.
    const names = Object.entries(config.limits).filter(([, { by }]) =>
      by.every((part) => part === 'key' || part === 'org'),
    )
    const chargesFor = compileCharges(
      names.map(([name]) => name),
      config.limits,
      1,
    )
    return (exchange) => {
      const { key } = exchange
      if (key === undefined) throw new Error('the caller’s own endpoint needs an authenticated request')
      const states = limiter.peek(chargesFor({ key, address: exchange.address, route: config.me.path }))
      const tell = (known: readonly ChargeState[]): void =>
        answer(
          exchange,
          200,
          headersFor(exchange, config.cors),
          JSON.stringify(describe(key, known, config.me.contract_version)),
        )
      if (states instanceof Promise) states.then(tell, () => exchange.fail('LIMITER_UNAVAILABLE'))
      else tell(states)
    }
  }
}

const headersFor = ({ head }: Exchange, cors: Config['cors']): string[] => {
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store']
  return cors === undefined ? headers : [...headers, ...corsHeaders(cors, head.origin)]
}

function describe(key: KeyRecord, states: readonly ChargeState[], contractVersion: string) {
  const { id, name, slug, status } = key.organization
  return {
    organization: { id, name, slug, status },
    key: {
      id: key.keyId,
      name: key.name,
      key_prefix: key.keyPrefix,
      environment: key.environment,
      created_at: iso(key.createdAt),
      expires_at: iso(key.expiresAt),
      last_used_at: iso(key.lastUsedAt),
    },
    scopes: key.scopes,
    workspaces: key.workspaces.map((workspace) => ({ id: workspace.id, external_id: workspace.externalId })),
    rate_limits: states.map(({ limit, requests, remaining, resetMs }) => ({
      ...{ name: limit, limit: requests, remaining, reset_seconds: Math.ceil(resetMs / 1000) },
    })),
    contract_version: contractVersion,
  }
}

const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString())
