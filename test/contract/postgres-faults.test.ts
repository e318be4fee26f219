import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPostgresStore, type PostgresOptions } from '../../src/store/postgres.ts'
import { type Store, StoreUnavailable } from '../../src/store/store.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'
import { makeKey, makeOrganization, requestRow } from './store-parts/make.ts'

/** What happens when the server dies, hangs or is busy. It has a server of its own to do that to. */

const clock = testClock()
let server: PostgresServer
let opened: Store[]
let clients: pg.Client[]

beforeAll(async () => {
  server = await startPostgresServer()
})
afterAll(() => server?.stop())

beforeEach(() => {
  opened = []
  clients = []
})
afterEach(async () => {
  // Where a test has failed half-way.
  await server.restart()
  for (const client of clients) await client.end().catch(() => undefined)
  for (const store of opened) await store.close()
})

async function open(options: Partial<PostgresOptions> = {}, parameters = ''): Promise<Store> {
  const store = await openPostgresStore(`${server.url()}${parameters}`, { clock, ...options })
  opened.push(store)
  return store
}

/** Keeps everybody else away from a table, until the client ends. */
async function lock(table: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url() })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  await client.query(`begin; lock table ${table} in access exclusive mode`)
  return client
}

const failure = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(StoreUnavailable)
  return error instanceof Error ? error.message : ''
}

describe('a PostgreSQL server that was away', () => {
  it('is found again by itself, by look-ups, changes, batches and those who listen', async () => {
    const store = await open()
    const other = await open()
    const organizationId = await makeOrganization(store)
    const { secret } = await makeKey(store, organizationId)
    let nudges = 0
    const end = store.watchChanges?.(() => nudges++)
    await eventually('the first nudge', () => nudges > 0)
    expect(await store.findKeyByHash(secret.sha256)).toBeDefined()

    await server.kill()
    expect(await failure(Promise.resolve(store.findKeyByHash(secret.sha256)))).toMatch(/can't answer/)
    expect(await failure(makeOrganization(store))).toMatch(/can't answer/)
    expect(await failure(store.insertRequests([requestRow(clock.now())]))).toMatch(/can't answer/)
    expect(await failure(store.ping())).toMatch(/can't answer/)

    const before = nudges
    await server.restart()
    await eventually('a look-up', async () => (await store.findKeyByHash(secret.sha256)) !== undefined)
    await eventually('the listener to be back', () => nudges > before, { withinMs: 10_000 })
    const again = nudges
    await makeOrganization(other, 'After')
    await eventually('a nudge for a change', () => nudges > again)
    await store.insertRequests([requestRow(clock.now())])
    expect((await store.listRequests()).rows).toHaveLength(1)
    end?.()
  })

  it('costs no look-up an error when it was restarted between two of them', async () => {
    const store = await open()
    const { secret } = await makeKey(store, await makeOrganization(store))
    expect(await store.findKeyByHash(secret.sha256)).toBeDefined()
    await server.kill()
    await server.restart()
    expect(await store.findKeyByHash(secret.sha256)).toBeDefined()
  })
})

describe('a PostgreSQL server that hangs', () => {
  it('fails look-ups within their time, and is used again when it goes on', async () => {
    const store = await open()
    const { secret } = await makeKey(store, await makeOrganization(store))
    await store.findKeyByHash(secret.sha256)
    server.freeze()
    try {
      for (let round = 0; round < 2; round++) {
        const calls = Array.from({ length: 5 }, () => failure(Promise.resolve(store.findKeyByHash(secret.sha256))))
        const messages = await within(2500, 'the look-ups to fail', Promise.all(calls))
        for (const message of messages) expect(message).toMatch(/can't answer|overloaded/)
      }
    } finally {
      server.thaw()
    }
    await eventually('a look-up', async () => (await store.findKeyByHash(secret.sha256)) !== undefined)
  })

  it('does not hold up the end', async () => {
    const store = await open()
    await store.latestChange()
    server.freeze()
    try {
      const call = failure(Promise.resolve(store.latestChange()))
      await within(10_000, 'the store to close', store.close())
      await within(100, 'the call to have failed', call)
    } finally {
      server.thaw()
    }
  })
})

describe('a PostgreSQL server that is busy', () => {
  it('leaves look-ups their connections while slow queries hold all others', async () => {
    const store = await open({ acquireTimeoutMs: 500 }, '?connections=6')
    const organizationId = await makeOrganization(store)
    const { secret } = await makeKey(store, organizationId)
    const locked = await lock('operators')
    const slow = store.findOperator('usr_none').catch(() => undefined)
    expect(await within(2000, 'an answer', failure(store.listOrganizations()))).toMatch(
      /no connection was free within 500 ms/,
    )
    expect(await store.findKeyByHash(secret.sha256)).toBeDefined()
    await store.insertRequests([requestRow(clock.now())])
    await makeOrganization(store, 'Meanwhile')
    await locked.end()
    await slow
    expect(await store.listOrganizations({ limit: 1 })).toMatchObject([{ name: 'Meanwhile' }])
  })

  it('ends a query that takes too long', async () => {
    const store = await open({ statementTimeoutMs: 300 })
    await lock('operators')
    expect(await within(3000, 'the query to end', failure(store.findOperator('usr_none')))).toMatch(/taken too long/)
  })

  it('keeps a change from waiting for ever for those of other nodes', async () => {
    const store = await open({ statementTimeoutMs: 500 })
    const client = new pg.Client({ connectionString: server.url() })
    clients.push(client)
    await client.connect()
    await client.query(`begin; select pg_advisory_xact_lock(${0x53414c59}, 1)`)
    expect(await within(3000, 'the change to fail', failure(makeOrganization(store)))).toMatch(
      /taken too long|too long/,
    )
    await client.query('rollback')
    await makeOrganization(store, 'Afterwards')
  })
})
