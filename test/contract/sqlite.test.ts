import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { type OpenedStore, storeContract } from './store.ts'

storeContract('SQLite', async (): Promise<OpenedStore> => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'))
  const file = join(folder, 'store.db')
  const clock = testClock()
  const opened: Store[] = []
  const openOne = async (): Promise<Store> => {
    const store = await openSqliteStore(file, { clock })
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
    async eventRows() {
      const database = new DatabaseSync(file, { readOnly: true })
      try {
        return database.prepare('select * from admin_events order by seq').all()
      } finally {
        database.close()
      }
    },
    async close() {
      for (const one of opened) await one.close()
      await rm(folder, { recursive: true })
    },
  }
})
