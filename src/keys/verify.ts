import type { AuthFailure } from '../events.ts'
import type { KeyRecord } from '../store/store.ts'

/**
 * Whether a known key may be used at `now` (milliseconds since the epoch). Its organization is judged in a step of its
 * own, which answers differently.
 * @returns why not; undefined when it may.
 */
export function verify(record: KeyRecord, now: number): AuthFailure | undefined {
  if (record.revokedAt !== null) return 'revoked'
  if (record.expiresAt !== null && record.expiresAt <= now) return 'expired'
  if (record.secretExpiresAt !== null && record.secretExpiresAt <= now) return 'expired'
  if (!record.serviceAccountActive) return 'inactive_owner'
  return undefined
}
