import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { packRequests } from '../../src/store/packed-requests.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { type RequestWrite, type Store, StoreUnavailable } from '../../src/store/store.ts'
import { createGatheredWrites, type GatheredWrites } from '../../src/workers/gathered-writes.ts'
import { requestRow } from '../helpers/request-row.ts'

let store: Store
let writes: GatheredWrites
/** What became one transaction: of which kind, and of how many batches. */
let transactions: string[]

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-gathered-'))
  store = await openSqliteStore(join(folder, 's.db'), { clock: systemClock })
  transactions = []
  writes = createGatheredWrites({
    store: {
      writePackedRequests(write: RequestWrite, parts) {
        transactions.push(`${write} ${parts.length}`)
        return store.writePackedRequests(write, parts)
      },
    },
  })
  return async () => {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
})
afterEach(() => expect(transactions.length).toBeGreaterThan(0))

const paths = async (): Promise<string[]> => (await store.listRequests()).rows.map(({ path }) => path).sort()
const row = (path: string) => packRequests([requestRow({ path })])
// biome-ignore lint/suspicious/noExplicitAny: what the store refuses, no type allows
const refused = (): any => null

describe('batches of several workers', () => {
  it('are one transaction, and are committed when it is said so', async () => {
    await Promise.all(['/a', '/b', '/c'].map((path) => writes.write('insert', row(path))))
    expect(await paths()).toEqual(['/a', '/b', '/c'])
    expect(transactions).toEqual(['insert 3'])
    await writes.write('insert', row('/d'))
    expect(await paths()).toEqual(['/a', '/b', '/c', '/d'])
  })

  it('wait for each other, and a decision that a request waits for does not', async () => {
    const startedAt = performance.now()
    const later = writes.write('insert', row('/later'))
    const now = writes.write('admit', row('/now'))
    expect(transactions).toEqual(['admit 1'])
    await later
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39)
    await now
    expect(transactions).toEqual(['admit 1', 'insert 1'])
    expect(await paths()).toEqual(['/later', '/now'])
  })

  it('are not mixed with those that complete what was admitted', async () => {
    const decided = requestRow({ path: '/decided', status: 0 })
    await writes.write('admit', packRequests([decided]))
    await Promise.all([
      writes.write('finish', packRequests([{ ...decided, status: 201 }])),
      writes.write('insert', row('/other')),
    ])
    expect((await store.listRequests({ status: 201 })).rows.map(({ path }) => path)).toEqual(['/decided'])
    expect(transactions.toSorted()).toEqual(['admit 1', 'finish 1', 'insert 1'])
  })

  it('fail for the one alone that has sent what the store refuses', async () => {
    const outcomes = await Promise.allSettled([
      writes.write('insert', row('/a')),
      writes.write('insert', packRequests([requestRow({ path: refused() })])),
      writes.write('insert', row('/b')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await paths()).toEqual(['/a', '/b'])
  })

  it('fail for their sender where they can not be read', async () => {
    const outcomes = await Promise.allSettled([
      writes.write('insert', row('/a')),
      writes.write('insert', new Uint8Array([1, 2, 3])),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await paths()).toEqual(['/a'])
  })

  it('are all told that the store does not answer', async () => {
    await store.close()
    const outcomes = await Promise.allSettled(['/a', '/b'].map((path) => writes.write('insert', row(path))))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) })
    }
    expect(transactions).toEqual(['insert 2', 'insert 1', 'insert 1'])
  })
})
