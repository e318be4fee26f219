import { expect, it } from 'vitest'
import { verify } from '../../src/keys/verify.ts'
import { keyRecord } from './key-record.ts'

const now = 1_000_000

it('passes a live key', () => {
  expect(verify(keyRecord(), now)).toBeUndefined()
  expect(verify(keyRecord({ expiresAt: now + 1, secretExpiresAt: now + 1 }), now)).toBeUndefined()
})

it('leaves a suspended organization to the step that answers for it', () => {
  const { organization } = keyRecord()
  expect(verify(keyRecord({ organization: { ...organization, status: 'suspended' } }), now)).toBeUndefined()
})

it.each([
  ['revoked', 'a revoked key', { revokedAt: now - 1 }],
  ['revoked', 'a key whose revocation is dated ahead by a clock that was wrong', { revokedAt: now + 1 }],
  ['expired', 'a key in the moment it expires', { expiresAt: now }],
  ['expired', 'an old secret in the moment its grace period ends', { secretExpiresAt: now }],
  ['inactive_owner', 'a key of an inactive service account', { serviceAccountActive: false }],
] as const)('answers %s for %s', (failure, _, changed) => {
  expect(verify(keyRecord(changed), now)).toBe(failure)
})
