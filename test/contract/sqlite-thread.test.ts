import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createQueue } from '../../src/store/queue.ts'
import { createThread } from '../../src/store/sqlite/thread.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { type Store, StoreUnavailable } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { actor, makeKey, makeOrganization } from './store-parts/make.ts'

/** What SQLite alone promises of its thread: nothing that waits or dies there holds up or deceives anybody. */

const clock = testClock()
let folder: string
let file: string
let opened: Store[]
const workers: Worker[] = []
const remember = (worker: Worker): void => void workers.push(worker)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-thread-'))
  file = join(folder, 'store.db')
  opened = []
  workers.length = 0
  process.on('worker', remember)
})

afterEach(async () => {
  process.off('worker', remember)
  for (const store of opened) await store.close()
  rmSync(folder, { recursive: true })
})

async function open(): Promise<Store> {
  const store = await openSqliteStore(file, { clock })
  opened.push(store)
  return store
}

describe('the thread of a SQLite store', () => {
  it('waits for another writer without holding up look-ups', async () => {
    const store = await open()
    const organizationId = await makeOrganization(store)
    const { key, secret } = await makeKey(store, organizationId)
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    let done = false
    const revoked = store.revokeKey(organizationId, key.id, null, actor).then(() => {
      done = true
    })
    const turns = await turnsOfTheEventLoop(20)
    expect(turns).toBe(20)
    expect(store.findKeyByHash(secret.sha256)).toMatchObject({ revokedAt: null })
    expect(done).toBe(false)
    other.exec('rollback')
    other.close()
    await revoked
    expect(store.findKeyByHash(secret.sha256)).toMatchObject({ revokedAt: clock.now() })
  })

  it('gives up on a writer that does not end, says so, and goes on afterwards', async () => {
    const store = await open()
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    await expect(makeOrganization(store, 'Waits in vain')).rejects.toThrow(StoreUnavailable)
    other.exec('rollback')
    other.close()
    await makeOrganization(store, 'Goes on')
    expect(await store.listOrganizations()).toMatchObject([{ name: 'Goes on' }])
  })

  it('rejects what was under way when it dies, and starts again with all that was acknowledged', async () => {
    const store = await open()
    await makeOrganization(store, 'Before')
    const [worker] = workers
    expect(workers).toHaveLength(1)
    // A writer outside keeps the thread busy, so that it dies in the middle of something.
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    const underWay = ['One', 'Two', 'Three'].map((name) => makeOrganization(store, name))
    const results = Promise.allSettled([underWay[0]])
    await turnsOfTheEventLoop(5)
    void worker?.terminate()
    // The native wait ends only with the lock.
    other.exec('rollback')
    other.close()
    const [first] = await results
    expect(first).toMatchObject({ status: 'rejected', reason: { name: 'StoreUnavailable' } })
    await Promise.all(underWay.slice(1))
    expect(workers).toHaveLength(2)
    const names = (await store.listOrganizations()).map(({ name }) => name)
    expect(names).toEqual(['Three', 'Two', 'Before'])
  })

  it('does not carry half a transaction over into the next thread', async () => {
    const store = await open()
    const organizationId = await makeOrganization(store)
    for (let round = 0; round < 10; round++) {
      await store.ping()
      const creation = makeKey(store, organizationId, { name: `round ${round}` })
      const settled = Promise.allSettled([creation])
      await turnsOfTheEventLoop(round % 4)
      await workers.at(-1)?.terminate()
      await settled
    }
    const keys = await store.listKeys(organizationId)
    const events = (await store.listEvents({}, { limit: 200 })).rows
    // Each key that is there has its secret, its event and its change; of one that is not there is no trace.
    for (const key of keys) expect(key.secrets).toHaveLength(1)
    const created = events.filter(({ type }) => type === 'api_key.created').map(({ target }) => target)
    expect(created).toEqual(keys.map(({ id }) => id))
    expect(await store.latestChange()).toBe(keys.length + 1)
  })

  it('gives up a call that hangs, with the thread it hangs in, and answers the next in a new one', async () => {
    await open()
    const thread = createThread(file, { callTimeoutMs: 2500 })
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    const hanging = await thread.lease()
    await expect(hanging.query('begin immediate', [])).rejects.toThrow(/no answer within 2500 ms/)
    await expect(hanging.query('select 1 as one', [])).rejects.toThrow(StoreUnavailable)
    hanging.release()
    other.exec('rollback')
    other.close()
    const next = await thread.lease()
    expect(await next.query('select 1 as one', [])).toMatchObject({ rows: [{ one: 1 }] })
    next.release()
    await thread.close()
  })

  it('refuses a parameter that can not be sent, and goes on', async () => {
    await open()
    const thread = createThread(file)
    const lease = await thread.lease()
    await expect(lease.query('select ?', [() => 1])).rejects.toThrow()
    await expect(lease.query('select ?', [{}])).rejects.toThrow(StoreUnavailable)
    expect(await lease.query('select ? as one', [1])).toMatchObject({ rows: [{ one: 1 }] })
    lease.release()
    await thread.close()
  })
})

it('closing is not held up for longer than it says by a file that somebody else has locked', async () => {
  await open()
  const thread = createThread(file, { closeWithinMs: 200 })
  const other = new DatabaseSync(file)
  other.exec('begin immediate')
  const writes = Array.from({ length: 20 }, async () => {
    const lease = await thread.lease()
    try {
      await lease.query('begin immediate', [])
    } finally {
      lease.release()
    }
  })
  const outcomes = Promise.allSettled(writes)
  const startedAt = performance.now()
  await thread.close()
  expect(performance.now() - startedAt).toBeLessThan(2000)
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) })
  }
  other.exec('rollback')
  other.close()
})

describe('the queue in front of the thread', () => {
  it('lets one in at a time, in order, and turns away what it has no room for', async () => {
    const queue = createQueue(2)
    const order: string[] = []
    const leave = await queue.enter()
    const waiting = ['a', 'b'].map(async (name) => {
      const leaveAgain = await queue.enter()
      order.push(name)
      leaveAgain()
      // Leaving twice must not let two in.
      leaveAgain()
    })
    await expect(queue.enter()).rejects.toThrow(StoreUnavailable)
    expect(order).toEqual([])
    leave()
    await Promise.all(waiting)
    expect(order).toEqual(['a', 'b'])
    await queue.enter()
  })
})

async function turnsOfTheEventLoop(count: number): Promise<number> {
  let turns = 0
  while (turns < count) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  return turns
}
