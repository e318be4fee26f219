import { describe, expect, it } from 'vitest'
import { rotateKey } from '../../src/keys/rotate.ts'
import { Secret } from '../../src/keys/secret.ts'
import type { ApiKey } from '../../src/store/store.ts'

const now = Date.UTC(2026, 0, 1)

/** Rotates a key with these facts in a store that holds it alone. @returns the answer and the ends of grace that the store was given. */
async function rotate(key: Partial<ApiKey> | undefined, gracePeriodSeconds: number) {
  const graceEnds: (number | null)[] = []
  const stored = key && ({ environment: 'live', revokedAt: null, expiresAt: null, ...key } as ApiKey)
  const answer = await rotateKey('key_1', gracePeriodSeconds, {
    store: {
      findKey: async () => stored,
      rotateKey: async (_organization, _key, _secret, graceEndsAt) => {
        graceEnds.push(graceEndsAt)
        return stored
      },
    },
    clock: { now: () => now },
    environments: ['live'],
    generate: () => ({
      secret: new Secret('sk_live_x'),
      stored: { sha256: Buffer.alloc(32), keyPrefix: 'sk_live_xxxx', keySuffix: 'xxxx' },
    }),
    organizationId: 'org_1',
    actor: { type: 'cli', id: null },
  })
  return { answer, graceEnds }
}

describe('rotateKey', () => {
  it('ends the old secret at once without a grace period', async () => {
    expect(await rotate({}, 0)).toMatchObject({ answer: { ok: true }, graceEnds: [null] })
  })

  it('lets the old secret live for the grace period', async () => {
    expect((await rotate({}, 2_592_000)).graceEnds).toEqual([now + 2_592_000_000])
  })

  it('never lets the old secret outlive the key', async () => {
    expect((await rotate({ expiresAt: now + 1000 }, 3600)).graceEnds).toEqual([now + 1000])
  })

  it.each([-1, 0.5, 2_592_001, Number.NaN])('writes nothing for a grace period of %d seconds', async (seconds) => {
    expect(await rotate({}, seconds)).toEqual({ answer: { ok: false, reason: 'bad_grace_period' }, graceEnds: [] })
  })

  it.each([
    ['is revoked', { revokedAt: now - 1 }, 'not_active'],
    ['expires this very moment', { expiresAt: now }, 'not_active'],
    ['has an environment that is no longer configured', { environment: 'test' }, 'environment_gone'],
    ['is not there', undefined, 'not_found'],
  ])('writes nothing when the key %s', async (_, key, reason) => {
    expect(await rotate(key, 0)).toEqual({ answer: { ok: false, reason }, graceEnds: [] })
  })
})
