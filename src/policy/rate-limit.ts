import type { Config } from '../config/schema.ts'
import type { Charge, ChargeState } from '../limiter/limiter.ts'
import { networkBytes, writeNetwork } from '../limiter/network.ts'
import type { KeyRecord } from '../store/store.ts'

/** Whom a request counts against. `key` is undefined on public routes. */
export interface Payer {
  readonly key: KeyRecord | undefined
  readonly address: string
  readonly route: string
}

export type ChargesFor = (payer: Payer) => readonly Charge[]

/** Compiles the limits of a route: those it names, then the key's own and the organization's. */
export function compileCharges(names: readonly string[], limits: Config['limits'], cost: number): ChargesFor {
  const makers = names.map((name) => {
    const limit = limits[name]
    if (limit === undefined) throw new Error(`limit ${name} is not defined`)
    const { by, requests, per: windowMs, lease } = limit
    return (payer: Payer): Charge => ({ limit: name, bucket: bucketOf(by, payer), requests, windowMs, cost, lease })
  })
  return (payer) => {
    const charges = makers.map((make) => make(payer))
    const { key } = payer
    if (key?.rateLimit) charges.push(own('key', key.keyId, key.rateLimit, cost))
    if (key?.organization.rateLimit) charges.push(own('org', key.organization.id, key.organization.rateLimit, cost))
    return charges
  }
}

const own = (limit: string, bucket: string, setting: { requests: number; perMs: number }, cost: number): Charge => ({
  limit,
  bucket,
  requests: setting.requests,
  windowMs: setting.perMs,
  cost,
  lease: false,
})

type Counted = Config['limits'][string]['by'][number]

function bucketOf(by: readonly Counted[], payer: Payer): string {
  if (by.length === 1) return partOf(by[0] as Counted, payer)
  return by.map((part) => partOf(part, payer)).join(' ')
}

function partOf(by: Counted, payer: Payer): string {
  switch (by) {
    case 'key':
      return payer.key?.keyId ?? refuseAnonymous(by)
    case 'org':
      return payer.key?.organization.id ?? refuseAnonymous(by)
    case 'ip':
      return networkOf(payer.address)
    case 'route':
      return payer.route
  }
}

/** Whoever has one IPv6 address has 2^64 of them: its /64 is what is counted. */
const networkOf = (address: string): string => {
  if (!address.includes(':')) return address
  const bytes = Buffer.alloc(networkBytes)
  writeNetwork(address, bytes)
  return bytes.toString('hex')
}

/** The configuration check forbids such limits on public routes; should one slip through, the request fails. */
function refuseAnonymous(by: string): never {
  throw new Error(`a limit by ${by} needs a key`)
}

/** Adds RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers) to flat name-value pairs. */
export function addRateLimitHeaders(states: readonly ChargeState[], headers: string[]): void {
  if (states.length === 0) return
  let policy = ''
  let limit = ''
  for (const state of states) {
    const comma = policy === '' ? '' : ', '
    policy += `${comma}"${state.limit}";q=${state.requests};w=${Math.ceil(state.windowMs / 1000)}`
    limit += `${comma}"${state.limit}";r=${state.remaining};t=${Math.ceil(state.resetMs / 1000)}`
  }
  headers.push('RateLimit-Policy', policy, 'RateLimit', limit)
}
