import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { unpackRequests } from '../packed-requests.ts'
import type { StatementRows } from '../sql/engine.ts'
import { type RequestStatements, statementsFor } from '../sql/request-writes.ts'
import type { RequestRow, RequestWrite } from '../store.ts'
import { openedId, type ThreadData, type ThreadError, type ThreadReply, type ThreadRequest } from './messages.ts'

/**
 * The thread that owns the writing connection: whatever waits for the disk waits here, not in the event loop that carries
 * traffic. It knows no rules; it runs what it is sent, in order.
 */

const busyTimeoutMs = 5000
const statementsMax = 256
/** SQLITE_BUSY, the lower byte of its extended codes. */
const sqliteBusy = 5
/** Stands before the parameters: an object in their first place would else be taken for names, and shift the others. */
const noNames = {}

const port = parentPort
if (!port) throw new Error('worker.ts runs as a worker thread only')
const reply = (message: ThreadReply): void => port.postMessage(message)

try {
  const { path, requests }: ThreadData = workerData
  const database = open(path)
  const statements = new Map<string, StatementSync>()
  port.on('message', (request: ThreadRequest) => {
    try {
      reply({ id: request.id, ...run(database, statements, requests, request) })
    } catch (error) {
      reply({ id: request.id, error: describe(error) })
    }
    if (request.op === 'close') port.close()
  })
  reply({ id: openedId, rows: [], changes: 0 })
} catch (error) {
  reply({ id: openedId, error: describe(error) })
  port.close()
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  enterWal(database)
  // FULL: a commit is on the disk before it is answered. NORMAL would lose the last ones when the power fails.
  // 16 MB of pages: rows of the log and their sums go to many places, and with the 2 MB that are usual each is read again.
  database.exec('pragma synchronous = full; pragma journal_size_limit = 67108864; pragma cache_size = -16384')
  return database
}

/** The change to WAL needs the file for itself and does not always honour the busy timeout: another process may be at it. */
function enterWal(database: DatabaseSync): void {
  const deadline = performance.now() + busyTimeoutMs
  for (;;) {
    try {
      database.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if ((describe(error).code & 0xff) !== sqliteBusy || performance.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

function run(
  database: DatabaseSync,
  statements: Map<string, StatementSync>,
  requests: RequestStatements | undefined,
  request: ThreadRequest,
): { rows: readonly unknown[]; changes: number } {
  const nothing = { rows: [], changes: 0 }
  switch (request.op) {
    case 'query': {
      const statement = prepare(database, statements, request.sql)
      const parameters = request.parameters as SQLInputValue[]
      if (statement.columns().length > 0) return { rows: statement.all(noNames, ...parameters), changes: 0 }
      return { rows: [], changes: Number(statement.run(noNames, ...parameters).changes) }
    }
    case 'many':
      return { rows: [], changes: runMany(database, prepare(database, statements, request.sql), request.rows) }
    case 'batch':
      return { rows: runBatch(database, statements, request.statements), changes: 0 }
    case 'requests':
      if (requests === undefined) throw new Error('this thread was started without what requests are written with')
      writeRequests(database, statements, requests, request.write, request.parts.flatMap(unpackRequests))
      return nothing
    case 'rollback':
      if (database.isTransaction) database.exec('rollback')
      return nothing
    case 'close':
      database.close()
      return nothing
  }
}

function writeRequests(
  database: DatabaseSync,
  statements: Map<string, StatementSync>,
  requests: RequestStatements,
  write: RequestWrite,
  rows: readonly RequestRow[],
): void {
  let fresh = rows
  while (fresh.length > 0) {
    const all = statementsFor(write, fresh, requests)
    if (write === 'admit') return void runMany(database, prepare(database, statements, all[0].sql), all[0].rows)
    // What changes nothing was written and counted before; it must not be counted again with the others.
    const known = new Set(runBatch(database, statements, all))
    if (known.size === 0) return
    fresh = fresh.filter((_, index) => !known.has(index))
  }
}

function runMany(database: DatabaseSync, statement: StatementSync, rows: readonly (readonly unknown[])[]): number {
  database.exec('begin immediate')
  try {
    let changes = 0
    for (const row of rows) changes += Number(statement.run(noNames, ...(row as SQLInputValue[])).changes)
    database.exec('commit')
    return changes
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

/** @returns the rows of the first statement that changed nothing, for which everything was rolled back. */
function runBatch(
  database: DatabaseSync,
  statements: Map<string, StatementSync>,
  [first, ...others]: readonly StatementRows[],
): number[] {
  const idle: number[] = []
  if (first === undefined) return idle
  database.exec('begin immediate')
  try {
    const statement = prepare(database, statements, first.sql)
    for (const [index, row] of first.rows.entries()) {
      if (Number(statement.run(noNames, ...(row as SQLInputValue[])).changes) === 0) idle.push(index)
    }
    if (idle.length === 0) {
      for (const { sql, rows } of others) {
        const other = prepare(database, statements, sql)
        for (const row of rows) other.run(noNames, ...(row as SQLInputValue[]))
      }
    }
    database.exec(idle.length === 0 ? 'commit' : 'rollback')
    return idle
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

/** The least recently prepared goes first; `in (?, ?, …)` would else leave one statement for each length. */
function prepare(database: DatabaseSync, statements: Map<string, StatementSync>, sql: string): StatementSync {
  const known = statements.get(sql)
  if (known) return known
  const statement = database.prepare(sql)
  if (statements.size >= statementsMax) {
    for (const oldest of statements.keys()) {
      statements.delete(oldest)
      break
    }
  }
  statements.set(sql, statement)
  return statement
}

function describe(error: unknown): ThreadError {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  return { code, message }
}
