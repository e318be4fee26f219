import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { type Store, StoreUnavailable } from '../../src/store/store.ts'
import { verifyEvents } from '../../src/store/verify-events.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { type PostgresDatabases, postgresDatabases } from '../helpers/postgres.ts'
import { dayMs, makeKey, makeOrganization, requestRow } from './store-parts/make.ts'

/** What PostgreSQL alone promises of its database, beyond the contract of all stores. */

const clock = testClock()
let databases: PostgresDatabases
let url: string
let opened: Store[]

beforeAll(async () => {
  databases = await postgresDatabases()
})
afterAll(() => databases?.close())
beforeEach(async () => {
  url = await databases.create()
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  await databases.drop(url)
})

async function open(options = { clock }): Promise<Store> {
  const store = await openPostgresStore(url, options)
  opened.push(store)
  return store
}
const query = (text: string) => databases.query(url, text)

describe('a PostgreSQL database', () => {
  it('is set up once when ten nodes start at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 10 }, () => open()))
    const names = await query('select name from kysely_migration order by name')
    expect(new Set(names.map(({ name }) => name)).size).toBe(names.length)
    expect(names.length).toBeGreaterThanOrEqual(5)
    for (const [index, store] of stores.entries()) await makeOrganization(store, `Org ${index}`)
    expect(await stores[0]?.listOrganizations()).toHaveLength(10)
  }, 60_000)

  it('orders text by its bytes, whatever its language', async () => {
    await open()
    const columns = await query(`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' and data_type = 'text' and collation_name is distinct from 'C'`)
    expect(columns).toEqual([])
  })

  it('lets nodes write their rows of the request log side by side: only the sums are added one batch at a time', async () => {
    const [slow, quick] = [await open(), await open()]
    const row = requestRow(clock.now())
    await quick.insertRequests([requestRow(clock.now())])
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      // One node's rows have to wait, here for a transaction that holds the same one.
      await client.query('begin')
      await client.query(
        `insert into request_log select (jsonb_populate_record(l, jsonb_build_object('id', '${row.id}'))).* from request_log l`,
      )
      const held = slow.insertRequests([row])
      await eventually('it to wait', async () => {
        const [waiting] = await query("select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'")
        return Number(waiting?.n) > 0
      })
      await within(3000, 'the rows of another node', quick.insertRequests([requestRow(clock.now())]))
      await client.query('rollback')
      await held
    } finally {
      await client.end()
    }
    expect(await query('select count(*)::int as n from request_log')).toEqual([{ n: 3 }])
  })

  it('keeps one chain of events and a change log without holes when nodes with different clocks race', async () => {
    const behind = testClock(clock.now() - 300_000)
    const stores = [await open(), await open({ clock: behind }), await open()]
    const organizationId = await makeOrganization(stores[0] as Store)
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        makeKey(stores[index % 3] as Store, organizationId, { name: `k${index}` }),
      ),
    )
    const [store] = stores as [Store]
    const verdict = await verifyEvents((after, limit) => store.listEventChain(after, limit), undefined)
    expect(verdict).toEqual({ valid: true, checked: 61 })
    const { changes, gap } = await store.changesSince(0, 500)
    expect(gap).toBe(false)
    expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: 61 }, (_, index) => index + 1))
    const seen = []
    for (let before: string | undefined; ; ) {
      const page = await store.listKeys(organizationId, {}, { limit: 7, ...(before && { before }) })
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
      before = page.at(-1)?.id
    }
    expect(new Set(seen).size).toBe(60)
  }, 60_000)

  it('tells those who listen of each change, and stops when they have enough', async () => {
    const store = await open()
    const other = await open()
    let nudges = 0
    const end = store.watchChanges?.(() => nudges++)
    await eventually('the nudge of a new connection', () => nudges === 1)
    await makeOrganization(other)
    await eventually('a nudge for the change', () => nudges > 1)
    end?.()
    const rows = () =>
      query("select pid from pg_stat_activity where query like 'listen%' and datname = current_database()")
    await eventually('the connection to be gone', async () => (await rows()).length === 0)
  })

  it('takes text with NUL in it, which finds nothing and breaks nothing', async () => {
    const store = await open()
    expect(await store.findOrganization('a\0b')).toBeUndefined()
    await store.insertRequests([requestRow(clock.now(), { userAgent: 'a\0b' }), requestRow(clock.now())])
    expect((await store.listRequests()).rows.map(({ userAgent }) => userAgent).sort()).toEqual(['a\ufffdb', 'curl/8.4'])
  })

  it('writes rows one by one where a batch has one twice, and counts it once', async () => {
    const store = await open()
    const row = requestRow(clock.now(), { status: 201 })
    await store.finishRequests([row, { ...row, status: 500 }, requestRow(clock.now(), { status: 201 })])
    expect((await store.listRequests()).rows.map(({ status }) => status)).toEqual([201, 201])
  })

  it('keeps last_used_at from two nodes that touch the same secrets in opposite order', async () => {
    const [one, two] = [await open(), await open()]
    const organizationId = await makeOrganization(one)
    const ids: string[] = []
    for (let index = 0; index < 20; index++) ids.push((await makeKey(one, organizationId)).key.secrets[0]?.id ?? '')
    const at = clock.now()
    for (let round = 1; round <= 20; round++) {
      await Promise.all([
        one.touchSecrets(new Map(ids.map((id) => [id, at + round]))),
        two.touchSecrets(new Map(ids.toReversed().map((id) => [id, at - round]))),
      ])
    }
    const rows = await query('select distinct last_used_at from key_secrets')
    expect(rows).toEqual([{ last_used_at: at + 20 }])
  })
})

describe('the days of the request log', () => {
  const days = async () =>
    (
      await query(
        "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'request_log'::regclass order by 1",
      )
    ).map(({ name }) => name)

  it('are made ahead, and for rows of any other day when these come', async () => {
    const store = await open()
    expect(await days()).toEqual(['request_log_20260115', 'request_log_20260116', 'request_log_20260117'])
    await store.insertRequests([requestRow(clock.now() - 40 * dayMs), requestRow(clock.now() + 9 * dayMs)])
    expect(await days()).toHaveLength(5)
    expect((await store.listRequests()).rows).toHaveLength(2)
  })

  it('are made again where another node has dropped one', async () => {
    const store = await open()
    await store.insertRequests([requestRow(clock.now())])
    await query('drop table request_log_20260115')
    await store.insertRequests([requestRow(clock.now())])
    expect((await store.listRequests()).rows).toHaveLength(1)
  })

  it('are made once when several nodes need the same one', async () => {
    const stores = await Promise.all([open(), open(), open(), open()])
    await Promise.all(stores.map((store) => store.insertRequests([requestRow(clock.now() + 20 * dayMs)])))
    expect((await stores[0]?.listRequests())?.rows).toHaveLength(4)
  })

  it('go whole once they are over, and not while somebody reads them for long', async () => {
    const store = await open()
    const old = clock.now() - 3 * dayMs
    await store.insertRequests([requestRow(old), requestRow(old + 1), requestRow(clock.now())])
    const reader = new pg.Client({ connectionString: url })
    await reader.connect()
    await reader.query('begin; select count(*) from request_log')
    expect(await store.pruneRequests(clock.now(), 500)).toBe(0)
    await store.insertRequests([requestRow(clock.now())])
    await reader.end()
    expect(await store.pruneRequests(clock.now(), 500)).toBe(2)
    expect(await days()).not.toContain('request_log_20260112')
    expect((await store.listRequests()).rows).toHaveLength(2)
  })
})

describe('a PostgreSQL store that can not be opened says what to do', () => {
  const refused = async (change: (url: URL) => void): Promise<string> => {
    const changed = new URL(url)
    change(changed)
    const error = await openPostgresStore(changed.href, { clock }).then(
      async (store) => void (await store.close()),
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(StoreUnavailable)
    const text = error instanceof Error ? `${error.message} ${JSON.stringify(error)} ${String(error.stack)}` : ''
    const password = decodeURIComponent(new URL(url).password)
    expect(text).not.toContain(password)
    expect(text).not.toContain(encodeURIComponent(password))
    return text
  }
  const mayPass = (change: (url: URL) => void) => {
    const changed = new URL(url)
    change(changed)
    return openPostgresStore(changed.href, { clock }).catch((error: unknown) =>
      error instanceof StoreUnavailable ? error.mayPass : undefined,
    )
  }

  it('for a wrong password', async () => {
    const change = (to: URL) => {
      to.password = 'not-this-one'
    }
    const text = await refused(change)
    expect(text).toMatch(/the user postgres and the password don't belong together/)
    expect(text).not.toContain('not-this-one')
    expect(await mayPass(change)).toBe(false)
  })

  it('for a database that is not there', async () => {
    expect(await refused((to) => (to.pathname = '/nowhere'))).toMatch(
      /no database "nowhere".*create database "nowhere"/,
    )
  })

  it('for a port where nothing listens, which may be there later', async () => {
    const change = (to: URL) => {
      to.port = '1'
    }
    expect(await refused(change)).toMatch(/nothing answers at 127\.0\.0\.1:1/)
    expect(await mayPass(change)).toBe(true)
  })

  it('for a server without TLS where TLS is asked for', async () => {
    expect(await refused((to) => to.searchParams.set('sslmode', 'require'))).toMatch(/the server has no TLS/)
  })

  it('for a parameter that it does not know', async () => {
    expect(await refused((to) => to.searchParams.set('sslmod', 'require'))).toMatch(
      /unknown parameter "sslmod"; allowed are/,
    )
  })

  it('for the database of another program', async () => {
    await query('create table invoices (id integer)')
    expect(await refused(() => undefined)).toMatch(/tables of another program\. Make a database of its own/)
  })

  it('for a schema that a newer version has written', async () => {
    await open()
    await query("insert into kysely_migration (name, timestamp) values ('9999-future', '2030-01-01')")
    expect(await refused(() => undefined)).toMatch(/newer version of Sallyport \(9999-future\)\. Start that version/)
    expect(await mayPass(() => undefined)).toBe(false)
  })

  it('for a user who may not make tables', async () => {
    const name = new URL(url).pathname.slice(1)
    await query(`create role guest_${name} login password 'guest'`)
    const text = await refused((to) => {
      to.username = `guest_${name}`
      to.password = 'guest'
    })
    await query(`drop role guest_${name}`)
    expect(text).toMatch(/may not make tables in it\. On the server: alter database/)
  })
})
