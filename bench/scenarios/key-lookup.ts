import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { configSchema } from '../../src/config/schema.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { createKeyLookup, type KeyLookup } from '../../src/keys/lookup.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import type { Case, Scenario } from './scenario.ts'

/** From the text of a key to its record, among 2,000 keys in SQLite. */
export const scenario: Scenario = {
  about: 'key look-up, 2,000 keys in SQLite: nanoseconds',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'))
    const store = await openSqliteStore(join(folder, 'keys.db'), { clock: systemClock })
    return {
      cases: casesOf(store, await createKeys(store)),
      async [Symbol.asyncDispose]() {
        await store.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
}

const keyCount = 2000
const actor = { type: 'system', id: null } as const
const { keys: settings } = configSchema.parse({})
const formats = compileKeyFormats(settings)

/** @returns the keys as their owners have them. */
async function createKeys(store: Store): Promise<string[]> {
  const organization = await store.createOrganization({ name: 'Bench' }, actor)
  const texts: string[] = []
  for (let i = 0; i < keyCount; i++) {
    const { secret, stored } = formats.generate('live')
    const key = { organizationId: organization.id, name: `Key ${i}`, scopes: ['*'], environment: 'live' }
    await store.createKey({ ...key, secret: stored }, actor)
    texts.push(secret.reveal())
  }
  return texts
}

function casesOf(store: Store, texts: readonly string[]): Case[] {
  const events = { keyCache: () => {}, storeUp: () => {} }
  const lookup = createKeyLookup({
    store,
    events,
    clock: systemClock,
    cache: settings.cache,
    lastSyncAt: () => Date.now(),
  })
  const hashes = texts.map((text) => sha256Of(text))
  const unknown = Array.from({ length: 1000 }, () => sha256Of(formats.generate('live').secret.reveal()))
  const find = (i: number): number => known(lookup, hashes[i % keyCount])
  return [
    {
      name: 'format, checksum and SHA-256 of the text',
      run: (times) => repeat(times, (i) => sha256Of(texts[i % keyCount] ?? '').length),
    },
    { name: 'cached', run: (times) => repeat(times, find) },
    {
      name: 'not cached, found in the store',
      run: (times) =>
        repeat(times, (i) => {
          if (i % keyCount === 0) lookup.invalidateAll()
          return find(i)
        }),
    },
    {
      name: 'unknown key, asked of the store',
      run: (times) =>
        repeat(times, (i) => {
          const found = lookup.find(unknown[i % unknown.length] ?? Buffer.alloc(32))
          if (found !== undefined) throw new Error('found a key that nobody made')
          return 1
        }),
    },
  ]
}

function sha256Of(text: string): Buffer {
  const key = formats.parse(text)
  if (key === undefined) throw new Error('a key of our own is malformed')
  return key.sha256()
}

function known(lookup: KeyLookup, sha256: Buffer = Buffer.alloc(32)): number {
  const found = lookup.find(sha256)
  if (found === undefined || typeof found === 'string' || found instanceof Promise) throw new Error('no record')
  return found.name.length
}

function repeat(times: number, work: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < times; i++) sum += work(i)
  return sum
}
