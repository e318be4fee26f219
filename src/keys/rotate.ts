import type { Clock } from '../clock.ts'
import type { Actor, ApiKey, Store } from '../store/store.ts'
import type { FreshSecret } from './create.ts'
import type { Secret } from './secret.ts'

/** 30 days. */
export const gracePeriodSecondsMax = 2_592_000

export interface RotateKeyOptions {
  readonly store: Pick<Store, 'findKey' | 'rotateKey'>
  readonly clock: Pick<Clock, 'now'>
  /** `keys.environments`; empty when keys have none. */
  readonly environments: readonly string[]
  readonly generate: (environment: string | null) => FreshSecret
  readonly organizationId: string
  readonly actor: Actor
}

export type RotatedKey =
  | { readonly ok: true; readonly key: ApiKey; readonly secret: Secret }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_active' | 'environment_gone' | 'bad_grace_period' }

/**
 * Gives a key a new secret; id and scopes stay. The old secret ends at once, or after the grace period, but never later
 * than the key itself. Shared by the command line and the admin API.
 * @throws StoreUnavailable
 */
export async function rotateKey(
  keyId: string,
  gracePeriodSeconds: number,
  { store, clock, environments, generate, organizationId, actor }: RotateKeyOptions,
): Promise<RotatedKey> {
  if (!Number.isInteger(gracePeriodSeconds) || gracePeriodSeconds < 0 || gracePeriodSeconds > gracePeriodSecondsMax) {
    return { ok: false, reason: 'bad_grace_period' }
  }
  const before = await store.findKey(organizationId, keyId)
  if (!before) return { ok: false, reason: 'not_found' }

  const now = clock.now()
  if (before.revokedAt !== null || (before.expiresAt ?? Infinity) <= now) return { ok: false, reason: 'not_active' }

  // A new secret could carry no environment that the gateway would accept.
  if (environments.length > 0 && !environments.includes(before.environment ?? '')) {
    return { ok: false, reason: 'environment_gone' }
  }
  const { secret, stored } = generate(before.environment)
  const graceEndsAt =
    gracePeriodSeconds === 0 ? null : Math.min(now + gracePeriodSeconds * 1000, before.expiresAt ?? Infinity)
  const key = await store.rotateKey(organizationId, keyId, stored, graceEndsAt, actor)
  return key ? { ok: true, key, secret } : { ok: false, reason: 'not_active' }
}
