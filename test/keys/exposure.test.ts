import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createExposureWatch } from '../../src/keys/exposure.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import type { KeyRecord } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { keyRecord } from './key-record.ts'

const formats = compileKeyFormats({ prefix: 'sk', environments: ['live'], accept: [] })
const newKey = (): string => formats.generate('live').secret.reveal()

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp({ revoke = false } = {}) {
  const clock = testClock()
  const done: string[] = []
  const world = {
    clock,
    done,
    lookups: 0,
    find: (): KeyRecord | undefined | Promise<KeyRecord | undefined> => keyRecord(),
    append: async (): Promise<void> => {},
    revoke: async (): Promise<undefined> => undefined,
  }
  const watch = createExposureWatch({
    formats: () => formats,
    clock,
    store: {
      findKeyByHash() {
        world.lookups++
        return world.find()
      },
      async appendEvent(event, actor) {
        await world.append()
        done.push(`event ${event.type} ${event.organizationId} ${event.target} by ${actor.type}`)
      },
      async revokeKey(organizationId, keyId, reason, actor) {
        await world.revoke()
        done.push(`revoke ${organizationId} ${keyId} by ${actor.type}: ${reason}`)
        return undefined
      },
    },
    events: {
      keyExposed: (keyId) => void done.push(`exposed ${keyId}`),
      fault: (where) => void done.push(`fault ${where}`),
    },
    revoke: () => revoke,
  })
  return Object.assign(world, { watch })
}

const event = 'event api_key.exposed org_1 key_1 by system'

it('records a live key, however it was encoded, and does nothing before report has returned', async () => {
  const world = setUp()
  world.watch.report(`/x?q=${newKey().replace('sk_', '%73k%5F')}`)
  expect(world.lookups).toBe(0)
  await vi.advanceTimersByTimeAsync(100)
  expect(world.lookups).toBe(1)
  expect(world.done).toEqual([event, 'exposed key_1'])
})

it('revokes it where the configuration says so', async () => {
  const { watch, done } = setUp({ revoke: true })
  watch.report(newKey())
  await vi.advanceTimersByTimeAsync(100)
  expect(done).toEqual([event, 'exposed key_1', 'revoke org_1 key_1 by system: exposed in a URL'])
})

it.each([
  ['unknown', undefined],
  ['revoked', keyRecord({ revokedAt: 1 })],
  ['expired', keyRecord({ expiresAt: 1 })],
])('counts a key that is %s, and neither records nor revokes it', async (_, record) => {
  const world = setUp({ revoke: true })
  world.find = () => record
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(100)
  expect(world.done).toEqual(['exposed null'])
})

it('does not look up what has a wrong checksum', async () => {
  const world = setUp()
  world.watch.report(`/sk_live_${'a'.repeat(36)}`)
  await vi.advanceTimersByTimeAsync(1000)
  expect(world.lookups).toBe(0)
})

it('looks at one key once an hour, however often it comes', async () => {
  const world = setUp()
  const key = newKey()
  for (let request = 0; request < 100; request++) {
    world.watch.report(`/?${key}&${key}`)
    await vi.advanceTimersByTimeAsync(50)
  }
  expect(world.lookups).toBe(1)
  world.clock.advance(3_600_000)
  world.watch.report(key)
  await vi.advanceTimersByTimeAsync(50)
  expect(world.lookups).toBe(2)
})

it('makes at most 20 look-ups a second and keeps at most 1000 waiting', async () => {
  const world = setUp()
  for (let index = 0; index < 1100; index++) world.watch.report(newKey())
  expect(world.done).toEqual(new Array(100).fill('exposed null'))
  await vi.advanceTimersByTimeAsync(1000)
  expect(world.lookups).toBe(20)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(world.lookups).toBe(1000)
})

it.each([
  [
    'throws',
    () => {
      throw new Error('down')
    },
  ],
  ['rejects', () => Promise.reject(new Error('down'))],
  ['hangs', () => new Promise<undefined>(() => {})],
])('tries again, without hurry, when the store %s', async (_, find) => {
  const world = setUp()
  world.find = find
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(10_000)
  expect(world.lookups).toBeGreaterThan(1)
  expect(world.lookups).toBeLessThan(11)
  world.find = () => keyRecord()
  await vi.advanceTimersByTimeAsync(4000)
  expect(world.done.filter((line) => line === event)).toHaveLength(1)
})

it('asks a slow store one thing at a time', async () => {
  const world = setUp()
  const found = Promise.withResolvers<undefined>()
  world.find = () => found.promise
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(50)
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(1000)
  expect(world.lookups).toBe(1)
  found.resolve(undefined)
  await vi.advanceTimersByTimeAsync(50)
  expect(world.lookups).toBe(2)
})

it('tries a failed revocation again without a second event', async () => {
  const world = setUp({ revoke: true })
  world.revoke = () => Promise.reject(new Error('down'))
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(1000)
  world.revoke = async () => undefined
  await vi.advanceTimersByTimeAsync(3000)
  expect(world.done).toEqual([
    event,
    'exposed key_1',
    'fault looking up an exposed key',
    'revoke org_1 key_1 by system: exposed in a URL',
  ])
})

it('stops when it is closed, and waits for what is under way', async () => {
  const world = setUp()
  const found = Promise.withResolvers<KeyRecord>()
  world.find = () => found.promise
  for (let index = 0; index < 5; index++) world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(50)
  const closed = world.watch.close()
  found.resolve(keyRecord())
  await closed
  expect(world.done).toEqual([event, 'exposed key_1'])
  world.watch.report(newKey())
  await vi.advanceTimersByTimeAsync(10_000)
  expect(world.lookups).toBe(1)
})
