import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { type Store, StoreUnavailable } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { actor, makeOrganization, requestRow } from './store-parts/make.ts'

/** What SQLite alone promises of its file, beyond the contract of all stores. */

const clock = testClock()
let folder: string
let file: string
let opened: Store[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-sqlite-'))
  file = join(folder, 'data', 'deep', 'store.db')
  opened = []
})

afterEach(async () => {
  for (const store of opened) await store.close()
  rmSync(folder, { recursive: true })
})

async function open(): Promise<Store> {
  const store = await openSqliteStore(file, { clock })
  opened.push(store)
  return store
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('the file of a SQLite store', () => {
  it('is made with its folder, both closed to other users', async () => {
    await makeOrganization(await open())
    expect(mode(dirname(file))).toBe('700')
    for (const suffix of ['', '-wal', '-shm']) expect(mode(file + suffix)).toBe('600')
  })

  it('is closed to other users where it was open to them', async () => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '', { mode: 0o644 })
    await open()
    expect(mode(file)).toBe('600')
  })

  it('is one file again once the store is closed', async () => {
    const store = await open()
    await makeOrganization(store)
    await store.close()
    expect(statSync(`${file}-wal`, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('of before it was known who had suspended an organization says that root had', async () => {
    const store = await open()
    const [suspended, active] = [await makeOrganization(store), await makeOrganization(store)]
    await store.updateOrganization(suspended, { status: 'suspended', suspendedBy: 'owner' }, actor)
    await store.close()
    const database = new DatabaseSync(file)
    database.exec('alter table organizations drop column suspended_by')
    database.exec("delete from kysely_migration where name >= '0010-suspended-by'")
    database.close()
    const later = await open()
    expect(await later.findOrganization(suspended)).toMatchObject({ status: 'suspended', suspendedBy: 'root' })
    expect(await later.findOrganization(active)).toMatchObject({ status: 'active', suspendedBy: null })
  })

  it('is in WAL mode, so that readers never wait for the writer', async () => {
    await open()
    const database = new DatabaseSync(file)
    expect(database.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
    database.close()
  })

  it('can be made by several processes at once', async () => {
    const stores = await Promise.all([open(), open(), open(), open()])
    for (const [index, store] of stores.entries()) await makeOrganization(store, `Org ${index}`)
    expect(await stores[0]?.listOrganizations()).toHaveLength(4)
  })
})

describe('retention on SQLite', () => {
  it('deletes row by row, the oldest first and not more than asked', async () => {
    const store = await open()
    await store.insertRequests(Array.from({ length: 10 }, (_, index) => requestRow(index)))
    expect(await store.pruneRequests(8, 5)).toBe(5)
    expect((await store.listRequests()).rows.map(({ at }) => at)).toEqual([9, 8, 7, 6, 5])
    expect(await store.pruneRequests(8, 5)).toBe(3)
    expect(await store.pruneRequests(8, 5)).toBe(0)
    expect((await store.listRequests()).rows).toHaveLength(2)
  })
})

describe('a SQLite store that can not be opened says what to do', () => {
  const refused = async (): Promise<string> => {
    const error = await open().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(StoreUnavailable)
    return error instanceof Error ? error.message : ''
  }

  it('for a file that is no database', async () => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, 'listen: 0.0.0.0:8080\n'.repeat(100))
    expect(await refused()).toMatch(/store\.db: it is not a SQLite database\. Name another file under "store"/)
  })

  it('for a folder, and for a path that goes through a file', async () => {
    mkdirSync(file, { recursive: true })
    expect(await refused()).toMatch(/this is a folder\. Name a file under "store"/)
    writeFileSync(join(folder, 'plain'), '')
    file = join(folder, 'plain', 'store.db')
    expect(await refused()).toMatch(/a part of the path is a file/)
  })

  it('for a place where no folder can be made, at once', async () => {
    // The kernel says there that the folder is missing in which it should make one, though it is there.
    file = '/proc/nowhere/deep/store.db'
    expect(await refused()).toMatch(/can't open the store .*no folder can be made there/)
  })

  it('for the database of another program', async () => {
    mkdirSync(dirname(file), { recursive: true })
    const database = new DatabaseSync(file)
    database.exec('create table invoices (id integer)')
    database.close()
    expect(await refused()).toMatch(/holds the tables of another program\. Name a file of its own/)
  })

  it('for a schema that a newer version has written', async () => {
    await (await open()).close()
    const database = new DatabaseSync(file)
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-future', '2030-01-01')")
    database.close()
    expect(await refused()).toMatch(/newer version of Sallyport \(9999-future\)\. Start that version or a later one/)
  })

  it('for a damaged file', async () => {
    const store = await open()
    await store.insertRequests(Array.from({ length: 500 }, (_, index) => requestRow(index)))
    await store.close()
    const { size } = statSync(file)
    writeFileSync(file, Buffer.alloc(size - 100, 0xa5), { flag: 'r+' })
    expect(await refused()).toMatch(/not a SQLite database|damaged/)
  })
})
