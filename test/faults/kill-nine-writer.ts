import { createHash } from 'node:crypto'
import { systemClock } from '../../src/clock.ts'
import { uuidv7 } from '../../src/ids.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Actor } from '../../src/store/store.ts'

/**
 * Writes without end and prints one line for each thing that the store has acknowledged, until it is killed.
 * Arguments: the store's file, and a name that makes the secrets of this run its own.
 */

const [file = '', run = ''] = process.argv.slice(2)
const actor: Actor = { type: 'system', id: null }
const store = await openSqliteStore(file, { clock: systemClock })
const say = (what: string, ...ids: string[]): void => void process.stdout.write(`${[what, ...ids].join(' ')}\n`)

const writeKeys = async (lane: number): Promise<never> => {
  for (let count = 0; ; count++) {
    const { id: organizationId } = await store.createOrganization({ name: `Org ${run} ${lane} ${count}` }, actor)
    say('organization', organizationId)
    const sha256 = createHash('sha256').update(`${run} ${lane} ${count}`).digest()
    const secret = { sha256, keyPrefix: 'sk_live_kill', keySuffix: 'nine' }
    const key = await store.createKey({ organizationId, name: 'k', scopes: ['*'], environment: 'live', secret }, actor)
    say('key', organizationId, key.id, sha256.toString('hex'))
    await store.revokeKey(organizationId, key.id, null, actor)
    say('revoked', organizationId, key.id, sha256.toString('hex'))
  }
}

const writeRequests = async (): Promise<never> => {
  for (;;) {
    const at = systemClock.now()
    const rows = Array.from({ length: 20 }, () => ({
      id: uuidv7(at),
      at,
      organizationId: null,
      keyId: null,
      method: 'GET',
      path: '/',
      route: null,
      status: 401,
      code: 'INVALID_API_KEY',
      durationMs: 1,
      upstreamMs: null,
      bytesIn: 0,
      bytesOut: 0,
      ip: '127.0.0.1',
      userAgent: null,
      requestId: 'r',
      shadowCode: null,
    }))
    await store.insertRequests(rows)
    say('requests', ...rows.map(({ id }) => id))
  }
}

say('ready')
await Promise.all([writeKeys(1), writeKeys(2), writeRequests()])
