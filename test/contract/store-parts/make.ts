import { randomBytes } from 'node:crypto'
import { test as base } from 'vitest'
import { uuidv7 } from '../../../src/ids.ts'
import type { Actor, ApiKey, NewKey, NewSecret, RequestRow, Store } from '../../../src/store/store.ts'
import type { OpenedStore, OpenStore } from '../store.ts'

export const actor: Actor = { type: 'operator', id: 'usr_1', requestId: 'req-1' }
export const dayMs = 86_400_000

/** A test that gets a store of its own, closed afterwards. */
export const testOn = (open: OpenStore) =>
  base.extend<{ opened: OpenedStore; store: Store }>({
    // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the fixtures it needs from the pattern
    opened: async ({}, use) => {
      const opened = await open()
      try {
        await use(opened)
      } finally {
        await opened.close()
      }
    },
    store: async ({ opened }, use) => use(opened.store),
  })

export const newSecret = (keyPrefix = 'sk_live_abcd'): NewSecret => ({
  sha256: randomBytes(32),
  keyPrefix,
  keySuffix: randomBytes(2).toString('hex'),
})

export async function makeOrganization(store: Store, name = 'Acme'): Promise<string> {
  const { id } = await store.createOrganization({ name }, actor)
  return id
}

export interface MadeKey {
  readonly key: ApiKey
  readonly secret: NewSecret
}

export async function makeKey(
  store: Store,
  organizationId: string,
  input: Partial<Omit<NewKey, 'organizationId'>> = {},
): Promise<MadeKey> {
  const secret = input.secret ?? newSecret()
  const key = await store.createKey(
    { name: 'CI', scopes: ['projects:read'], environment: 'live', ...input, organizationId, secret },
    actor,
  )
  return { key, secret }
}

export function requestRow(at: number, fields: Partial<RequestRow> = {}): RequestRow {
  return {
    id: uuidv7(at),
    at,
    organizationId: 'org_a',
    keyId: 'key_a',
    method: 'GET',
    path: '/api/v1/projects/1',
    route: '/api/v1/projects/:id',
    status: 200,
    code: null,
    durationMs: 12.5,
    upstreamMs: 10.25,
    bytesIn: 0,
    bytesOut: 512,
    ip: '203.0.113.7',
    userAgent: 'curl/8.4',
    requestId: 'req-1',
    shadowCode: null,
    ...fields,
  }
}
