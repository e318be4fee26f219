import type { Certificates } from '../config/certificates.ts'
import type { Config, UpstreamConfig } from '../config/schema.ts'
import type { SharedPlan } from './protocol.ts'

export interface PlanSource {
  readonly first: Config
  /** How many workers share what the configuration bounds. */
  readonly size: number
  /** PEM of the keys that sign contexts, the one in use first; asked where `context.sign` is on. */
  readonly signingKeys: () => readonly string[]
}

/** @returns what makes of each configuration the plan that workers are given, numbered one after the other. */
export function planSharing({
  first,
  size,
  signingKeys,
}: PlanSource): (config: Config, certificates: Certificates) => SharedPlan {
  let version = 0
  return (config, certificates) => ({
    version: ++version,
    config: fitting(first, config, size),
    certificates,
    signingKeys: config.context.sign ? signingKeys() : [],
    workers: size,
  })
}

/**
 * A worker that starts after a reload must be like those that started before it: half of the connections to one port with TLS,
 * or half of the limits on another Redis, would be neither the old configuration nor the new one. And it needs no secrets of
 * the admin plane.
 */
function fitting(first: Config, { admin, keys, timeouts, upstreams, ...config }: Config, size: number): Config {
  const { store, redis, tls, audit, log } = first
  const { head, keep_alive } = first.timeouts
  const { oidc: _, ...harmless } = admin
  return {
    ...{ ...config, admin: harmless, store, redis, tls, audit, log },
    keys: { ...keys, cache: first.keys.cache },
    upstreams: Object.fromEntries(Object.entries(upstreams).map(([name, upstream]) => [name, shareOf(upstream, size)])),
    timeouts: { ...timeouts, head, keep_alive },
  }
}

/** What a target is spared is a bound for all workers together. */
const shareOf = (upstream: UpstreamConfig, size: number): UpstreamConfig => ({
  ...upstream,
  max_connections: Math.ceil(upstream.max_connections / size),
})
