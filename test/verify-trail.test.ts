import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, it as test } from 'vitest'
import { openPostgresStore } from '../src/store/postgres.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { type Store, StoreUnavailable } from '../src/store/store.ts'
import type { Checkpoint } from '../src/store/verify-events.ts'
import { createTrailCheck, type TrailCheckOptions } from '../src/verify-trail.ts'
import { testClock } from './helpers/clock.ts'
import { postgresDatabases } from './helpers/postgres.ts'

const actor = { type: 'cli', id: null } as const

async function makeEvents(store: Store, count: number): Promise<void> {
  for (let made = 0; made < count; made++) {
    await store.appendEvent(
      { type: 'config.reloaded', organizationId: null, target: `t${made}`, after: { made } },
      actor,
    )
  }
}

async function onSqlite(events: number, options: Partial<TrailCheckOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-trail-'))
  const file = join(folder, 'store.db')
  const store = await openSqliteStore(file, { clock: testClock() })
  await makeEvents(store, events)
  let asked = 0
  const trail = createTrailCheck({
    store: `sqlite:${file}`,
    ping: () => store.ping(),
    async checkpoint(): Promise<Checkpoint | undefined> {
      asked++
      return undefined
    },
    ...options,
  })
  onTestFinished(async () => {
    await trail.close()
    await store.close()
    await rm(folder, { recursive: true })
  })
  const tamper = (sql: string): void => {
    using database = new DatabaseSync(file, { timeout: 2000 })
    database.exec(sql)
  }
  return { file, store, trail, tamper, asked: () => asked }
}

test('is gone through once for all who ask meanwhile, and anew for whoever asks later', async () => {
  const { trail, tamper, asked } = await onSqlite(30)
  const verdicts = await Promise.all([trail.verify(), trail.verify(), trail.verify()])
  expect([verdicts, asked()]).toEqual([Array(3).fill({ valid: true, checked: 30 }), 1])
  tamper(`update admin_events set after = '{"made":99}' where seq = 20`)
  expect(await trail.verify()).toMatchObject({ valid: false, checked: 19, firstBad: { seq: 20 } })
  expect(asked()).toBe(2)
})

test('is read to what has just been committed', async () => {
  const { store, trail } = await onSqlite(3)
  for (const checked of [3, 4, 5]) {
    expect(await trail.verify()).toEqual({ valid: true, checked })
    await makeEvents(store, 1)
  }
})

test('is held against a checkpoint', async () => {
  const last = { seq: 9, hash: 'f'.repeat(64) }
  const { trail } = await onSqlite(5, { checkpoint: async () => last })
  expect(await trail.verify()).toMatchObject({ valid: false, firstBad: { seq: 6, id: null } })
})

test('is not verified, and says so, where it takes too long, the store is away or the gateway ends', async () => {
  const slow = await onSqlite(2, { limitMs: 1 })
  await expect(slow.trail.verify()).rejects.toThrow(/takes too long/)

  const moved = await onSqlite(2)
  await rename(moved.file, `${moved.file}.away`)
  await expect(moved.trail.verify()).rejects.toThrow(StoreUnavailable)
  await rename(`${moved.file}.away`, moved.file)
  expect(await moved.trail.verify()).toMatchObject({ valid: true })

  const ending = await onSqlite(2)
  const verdict = ending.trail.verify()
  const closed = ending.trail.close()
  await expect(verdict).rejects.toThrow(/shutting down/)
  await closed
  await expect(ending.trail.verify()).rejects.toThrow(/shutting down/)
})

test('is gone through on PostgreSQL too', async () => {
  const databases = await postgresDatabases()
  onTestFinished(() => databases.close())
  const url = await databases.create()
  const store = await openPostgresStore(url, { clock: testClock() })
  onTestFinished(() => store.close())
  await makeEvents(store, 5)
  const trail = createTrailCheck({ store: url, ping: () => store.ping(), checkpoint: async () => undefined })
  expect(await trail.verify()).toEqual({ valid: true, checked: 5 })
  await databases.query(url, `update admin_events set actor_id = 'usr_x' where seq = 4`)
  expect(await trail.verify()).toMatchObject({ valid: false, firstBad: { seq: 4 } })
})
