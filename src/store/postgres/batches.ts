import type { SqlEngine } from '../sql/engine.ts'
import { type BatchStatement, forManyRows } from './batch-statement.ts'
import { causeCode, isRetryable } from './errors.ts'
import type { Lane, Session } from './lane.ts'
import { lockSpace, type Partitions } from './partitions.ts'

export type Batches = Pick<SqlEngine, 'many' | 'batch'>

/**
 * One statement and one round trip for a whole batch, however many rows. It does not wait for the lock of those who change
 * keys. Rows of one batch shall concern different objects; where two concern the same one, the rows go one by one.
 */
export function createBatches(lane: Lane, partitions: Partitions): Batches {
  const known = new Map<string, BatchStatement | undefined>()

  const prepared = async (session: Session, sql: string): Promise<BatchStatement | undefined> => {
    if (!known.has(sql)) known.set(sql, forManyRows(sql, await parameterTypes(session, sql)))
    return known.get(sql)
  }

  const makeRoom = async (session: Session, { timeAt }: BatchStatement, rows: Rows): Promise<void> => {
    if (timeAt === undefined) return
    await partitions.ensure(
      session,
      rows.map((row) => Number(row[timeAt])),
    )
  }

  /** Once more where a day is missing that was there: retention has dropped it since, or another program did. */
  const withRoom = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run()
    } catch (error) {
      if (causeCode(error) !== noPartition) throw error
      partitions.forget()
      return run()
    }
  }

  const runMany = (sql: string, rows: Rows): Promise<void> =>
    lane.use(async (session) => {
      const statement = await prepared(session, sql)
      if (statement === undefined) return oneByOne(session, sql, rows)
      await makeRoom(session, statement, rows)
      try {
        await session.query(statement.text, columns(rows, statement.width), statement.name)
      } catch (error) {
        if (causeCode(error) !== sameRowTwice) throw error
        await oneByOne(session, sql, rows)
      }
    }, answerWithinMs)

  const runBatch: Batches['batch'] = (statements) =>
    lane.use(async (session) => {
      const all = []
      for (const { sql, rows } of statements) {
        const statement = await prepared(session, sql)
        if (statement !== undefined) await makeRoom(session, statement, rows)
        all.push({ sql, rows, statement })
      }
      const [first, ...others] = all
      if (first === undefined) return []
      try {
        await session.query('begin')
        if ((await runAtOnce(session, first)) < first.rows.length) {
          await session.query('rollback')
          return unchanged(session, first.sql, first.rows)
        }
        if (others.length > 0) await session.query(lockSums)
        for (const other of others) await runAtOnce(session, other)
        await session.query('commit')
        return []
      } catch (error) {
        await session.rollback()
        throw error
      }
    }, answerWithinMs)

  return {
    async many(sql, rows) {
      if (rows.length > 0) await withRoom(() => retried(() => runMany(sql, rows)))
    },
    batch: (statements) => withRoom(() => retried(() => runBatch(statements.filter(({ rows }) => rows.length > 0)))),
  }
}

/** The next batch waits for this one, and so do the rows that there is room for: a connection that is dead is given up soon. */
const answerWithinMs = 10_000

type Rows = readonly (readonly unknown[])[]

/** @returns how many rows changed something. */
async function runAtOnce(
  session: Session,
  { sql, rows, statement }: { sql: string; rows: Rows; statement: BatchStatement | undefined },
): Promise<number> {
  let changed = 0
  if (statement === undefined) for (const row of rows) changed += (await session.query(sql, row)).count
  else {
    // Else one row that is there twice would end the transaction; so it only ends this part of it.
    await session.query('savepoint at_once')
    try {
      changed = (await session.query(statement.text, columns(rows, statement.width), statement.name)).count
    } catch (error) {
      if (causeCode(error) !== sameRowTwice) throw error
      await session.query('rollback to savepoint at_once')
      for (const row of rows) changed += (await session.query(sql, row)).count
    }
  }
  return changed
}

/** Rare: a batch is sent again because its answer was lost. @returns the indexes of the rows that change nothing. */
async function unchanged(session: Session, sql: string, rows: Rows): Promise<number[]> {
  const indexes: number[] = []
  await session.query('begin')
  for (const [index, row] of rows.entries()) if ((await session.query(sql, row)).count === 0) indexes.push(index)
  await session.rollback()
  return indexes
}

/** Tries again where two transactions stood in each other's way and the server has ended this one. */
export async function retried<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      if (tries === triesMax || !isRetryable(error)) throw error
    }
  }
}

async function oneByOne(session: Session, sql: string, rows: readonly (readonly unknown[])[]): Promise<void> {
  try {
    await session.query('begin')
    for (const row of rows) await session.query(sql, row)
    await session.query('commit')
  } catch (error) {
    await session.rollback()
    throw error
  }
}

/** What the server takes the parameters of a statement for. */
async function parameterTypes(session: Session, sql: string): Promise<readonly string[]> {
  const name = 'sallyport_described'
  await session.query(`prepare ${name} as ${sql}`)
  try {
    const { rows } = await session.query(
      `select parameter_types::text[] as types from pg_prepared_statements where name = '${name}'`,
    )
    const [row] = rows as { types: string[] }[]
    return row?.types ?? []
  } finally {
    await session.query(`deallocate ${name}`)
  }
}

/** Rows as lists of parameters, turned over: one array for each parameter. */
const columns = (rows: readonly (readonly unknown[])[], width: number): unknown[][] =>
  Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? null))

/**
 * Batches add to the same sums in no order: one at a time, of all nodes. After the rows, which are each batch's own: while they
 * are written nobody needs to wait.
 */
const lockSums = `set local lock_timeout = '10s'; select pg_advisory_xact_lock(${lockSpace}, 3)`
const triesMax = 4
const sameRowTwice = '21000'
const noPartition = '23514'
