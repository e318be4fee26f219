import { type Kysely, sql, type Transaction } from 'kysely'
import type { Tables } from './schema.ts'
import { toStoredEvent } from './sql/stored-event.ts'
import { StoreUnavailable } from './store.ts'
import { verifyEvents } from './verify-events.ts'

/** A database as the copy needs it. */
export interface CopyEnd {
  /** One consistent view. */
  read<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** All or nothing, and no other writer beside it. */
  write<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Called with rows of the request log before they are written. */
  makeRoom(times: readonly number[]): Promise<void>
  close(): Promise<void>
}

export interface Copied {
  readonly table: string
  readonly rows: number
}

/**
 * Copies every table of a store into another one, which must be empty. The copy is compared before it is kept: rows are
 * counted and the audit trail is verified; where something does not fit the target stays empty.
 * @param progress told now and then how many rows of a table are over.
 * @throws StoreUnavailable when the target is not empty, or the copy is not whole.
 */
export async function copyStore(
  from: CopyEnd,
  to: CopyEnd,
  progress: (copied: Copied) => void = () => undefined,
): Promise<Copied[]> {
  return from.read(async (source) => {
    await requireKnownTables(source)
    return to.write(async (target) => {
      await requireEmpty(target)
      const copied: Copied[] = []
      for (const table of tableNames) copied.push({ table, rows: await copyTable(source, target, table, to, progress) })
      await compare(source, target, copied)
      return copied
    })
  })
}

/** The nodes that run on the source; those on the target will say so themselves. */
const leftBehind = 'nodes'

/** Those that others refer to first; with the columns that put the rows of each in an order. */
const keys = {
  organizations: ['id'],
  service_accounts: ['id'],
  workspaces: ['id'],
  api_keys: ['id'],
  key_secrets: ['id'],
  sealed_secrets: ['secret_id'],
  key_workspaces: ['key_id', 'workspace_id'],
  key_expiry_notices: ['key_id', 'days'],
  operators: ['id'],
  memberships: ['organization_id', 'operator_id'],
  operator_sessions: ['id'],
  operator_tokens: ['id'],
  operator_links: ['sha256'],
  webhooks: ['id'],
  webhook_secrets: ['id'],
  webhook_deliveries: ['id'],
  jobs: ['id'],
  job_parts: ['id'],
  idempotent_requests: ['id'],
  limit_counters: ['key'],
  changes: ['seq'],
  admin_events: ['seq'],
  request_log: ['at', 'id'],
  request_rollups: ['dimension', 'grain', 'at', 'organization_id', 'name'],
} as const satisfies Record<Exclude<keyof Tables, typeof leftBehind>, readonly string[]>

type TableName = keyof typeof keys
const tableNames = Object.keys(keys) as TableName[]

type Row = Readonly<Record<string, unknown>>

async function copyTable(
  source: Kysely<Tables>,
  target: Kysely<Tables>,
  table: TableName,
  to: CopyEnd,
  progress: (copied: Copied) => void,
): Promise<number> {
  let rows = 0
  for (let last: Row | undefined; ; ) {
    const page = await nextRows(source, table, last)
    if (page.length === 0) break
    if (table === 'request_log') await to.makeRoom(page.map(({ at }) => Number(at)))
    const columns = Object.keys(page[0] ?? {})
    const values = page.map((row) => sql`(${sql.join(columns.map((column) => sql`${row[column]}`))})`)
    const names = sql.join(columns.map((column) => sql.ref(column)))
    await sql`insert into ${sql.table(table)} (${names}) values ${sql.join(values)}`.execute(target)
    rows += page.length
    last = page.at(-1)
    if (page.length < pageSize) break
    if (rows % (pageSize * 100) === 0) progress({ table, rows })
  }
  progress({ table, rows })
  return rows
}

async function nextRows(source: Kysely<Tables>, table: TableName, last: Row | undefined): Promise<Row[]> {
  const names = keys[table]
  const order = sql.join(names.map((name) => sql.ref(name)))
  const after = last ? sql`where (${order}) > (${sql.join(names.map((name) => sql`${last[name]}`))})` : sql``
  const { rows } =
    await sql<Row>`select * from ${sql.table(table)} ${after} order by ${order} limit ${sql.lit(pageSize)}`.execute(
      source,
    )
  return rows
}

/** A table that a later version has added must not be left behind because nobody wrote it down here. */
async function requireKnownTables(source: Kysely<Tables>): Promise<void> {
  const tables = await source.introspection.getTables()
  const unknown = tables
    .map(({ name }) => name)
    .filter((name) => name !== leftBehind && !(name in keys) && !/^request_log_/.test(name))
  if (unknown.length > 0) throw new StoreUnavailable(`it has tables that can't be copied: ${unknown.join(', ')}`)
}

async function requireEmpty(target: Kysely<Tables>): Promise<void> {
  for (const table of tableNames) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(target)
    if (rows.length > 0) {
      throw new StoreUnavailable(
        `the target is not empty: there are rows in ${table}. Name a new file, or an empty database`,
      )
    }
  }
}

async function compare(source: Kysely<Tables>, target: Kysely<Tables>, copied: readonly Copied[]): Promise<void> {
  for (const { table, rows } of copied) {
    const [before, after] = [await countRows(source, table), await countRows(target, table)]
    if (before !== rows || after !== rows) {
      throw new StoreUnavailable(`the copy of ${table} has ${after} rows of ${before}. Nothing was kept; try again`)
    }
  }
  const trail = (after: number, limit: number) =>
    target.selectFrom('admin_events').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()
  const { valid, firstBad } = await verifyEvents(
    async (after, limit) => (await trail(after, limit)).map(toStoredEvent),
    undefined,
  )
  if (!valid) {
    throw new StoreUnavailable(
      `the audit trail is not valid at event ${firstBad?.seq}: ${firstBad?.reason}. Find out why with "sallyport verify-events" before it is copied`,
    )
  }
}

async function countRows(db: Kysely<Tables>, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(db)
  return Number(rows[0]?.count)
}

/** Times the columns of the widest table: below what either database takes as parameters of one statement. */
const pageSize = 500
