import { type BatchStatement, forManyRows } from './batch-statement.ts'
import { causeCode, isRetryable } from './errors.ts'
import type { Lane, Session } from './lane.ts'
import type { Partitions } from './partitions.ts'

/** Runs a statement that was written for one row over many, in one transaction: all of them or none. */
export type RunMany = (sql: string, rows: readonly (readonly unknown[])[]) => Promise<void>

/**
 * One statement and one round trip for a whole batch, however many rows. It does not wait for the lock of those who change
 * keys. Rows of one batch shall concern different objects; where two concern the same one, the rows go one by one.
 */
export function createBatches(lane: Lane, partitions: Partitions): RunMany {
  const known = new Map<string, BatchStatement | undefined>()

  const prepared = async (session: Session, sql: string): Promise<BatchStatement | undefined> => {
    if (!known.has(sql)) known.set(sql, forManyRows(sql, await parameterTypes(session, sql)))
    return known.get(sql)
  }

  const runOnce: RunMany = (sql, rows) =>
    lane.use(async (session) => {
      const statement = await prepared(session, sql)
      const timeAt = statement?.timeAt
      if (timeAt !== undefined)
        await partitions.ensure(
          session,
          rows.map((row) => Number(row[timeAt])),
        )
      if (statement === undefined) return oneByOne(session, sql, rows)
      try {
        await session.query(statement.text, columns(rows, statement.width), statement.name)
      } catch (error) {
        switch (causeCode(error)) {
          case sameRowTwice:
            return oneByOne(session, sql, rows)
          case noPartition:
            // Retention has dropped it since we saw it, or another program did.
            if (timeAt === undefined) throw error
            partitions.forget()
            await partitions.ensure(
              session,
              rows.map((row) => Number(row[timeAt])),
            )
            await session.query(statement.text, columns(rows, statement.width), statement.name)
            return
          default:
            throw error
        }
      }
    })

  return async (sql, rows) => {
    if (rows.length === 0) return
    await retried(() => runOnce(sql, rows))
  }
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

const triesMax = 4
const sameRowTwice = '21000'
const noPartition = '23514'
