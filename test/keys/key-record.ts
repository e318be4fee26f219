import { hash } from 'node:crypto'
import type { KeyRecord } from '../../src/store/store.ts'

/** A live key of an active organization. */
export function keyRecord(changed: Partial<KeyRecord> = {}): KeyRecord {
  return {
    secretId: 'sec_1',
    secretExpiresAt: null,
    keyId: 'key_1',
    name: 'first',
    keyPrefix: 'sk_live_0000',
    environment: 'live',
    scopes: ['*'],
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    projectId: null,
    allowedIps: [],
    rateLimit: null,
    serviceAccountId: null,
    serviceAccountActive: true,
    workspaces: [],
    organization: { id: 'org_1', name: 'Acme', slug: 'acme', status: 'active', rateLimit: null },
    ...changed,
  }
}

export const hashOf = (text: string): Buffer => hash('sha256', text, 'buffer')
