import { afterAll, beforeAll } from 'vitest'
import { openPostgresStore } from '../../src/store/postgres.ts'
import type { Store } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { type PostgresDatabases, postgresDatabases } from '../helpers/postgres.ts'
import { type OpenedStore, storeContract } from './store.ts'

let databases: PostgresDatabases
/** For one test after the other. */
let url: string

beforeAll(async () => {
  databases = await postgresDatabases()
  url = await databases.create()
})

afterAll(() => databases?.close())

storeContract('PostgreSQL', async (): Promise<OpenedStore> => {
  const clock = testClock()
  const opened: Store[] = []
  const openOne = async (): Promise<Store> => {
    const store = await openPostgresStore(url, { clock })
    opened.push(store)
    return store
  }
  const store = await openOne()
  return {
    store,
    clock,
    openAnother: openOne,
    async reopen() {
      await store.close()
      return openOne()
    },
    eventRows: () => databases.query(url, 'select * from admin_events order by seq'),
    async close() {
      for (const one of opened) await one.close()
      await databases.clear(url)
    },
  }
})
