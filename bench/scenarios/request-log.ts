import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { type Population, requestRows } from './request-rows.ts'
import type { Case, Scenario } from './scenario.ts'

/** Rows of the request log with the sums that are kept of them, committed to the disk in batches of 500. */
export const scenario: Scenario = {
  about: 'request log with its sums, batches of 500 on SQLite: nanoseconds per row, 16,667 are 60,000 rows a second',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'))
    const stores: Store[] = []
    const cases: Case[] = []
    for (const population of populations) {
      const store = await openSqliteStore(join(folder, `${stores.length}.db`), { clock: systemClock })
      stores.push(store)
      cases.push({ name: describe(population), run: (times) => write(store, population, times) })
    }
    return {
      cases,
      async [Symbol.asyncDispose]() {
        for (const store of stores) await store.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
}

const populations: readonly Population[] = [
  { organizations: 1, keys: 10, routes: 5 },
  { organizations: 20, keys: 500, routes: 20 },
  { organizations: 20, keys: 10_000, routes: 20 },
  { organizations: 400, keys: 10_000, routes: 20 },
]

const describe = ({ organizations, keys, routes }: Population): string =>
  `${organizations} organizations, ${keys} keys, ${routes} routes`

async function write(store: Store, population: Population, times: number): Promise<number> {
  const next = requestRows(population)
  for (let done = 0; done < times; done += batchSize) {
    const count = Math.min(batchSize, times - done)
    await store.insertRequests(Array.from({ length: count }, () => next(Date.now())))
  }
  return times
}

const batchSize = 500
