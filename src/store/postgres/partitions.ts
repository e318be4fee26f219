import { StoreUnavailable } from '../store.ts'
import { causeCode } from './errors.ts'
import type { Lane, Session } from './lane.ts'

/** The request log, a table for each day (UTC): a day that is over goes in one step, whatever it holds. */
export interface Partitions {
  /** Makes the days of these times that are not there yet. */
  ensure(session: Session, times: readonly number[]): Promise<void>
  /** Other processes make and drop days too: look again. */
  forget(): void
  /** Makes the days ahead. */
  prepare(now: number): Promise<void>
  /** Drops the days that ended before. @returns how many rows went, counted up to some thousands for each day. */
  drop(before: number): Promise<number>
}

export function createPartitions(lane: Lane): Partitions {
  let known = new Set<number>()

  const ensure = async (session: Session, times: readonly number[]): Promise<void> => {
    for (const time of times) {
      const day = Math.floor(time / dayMs)
      if (known.has(day)) continue
      await make(session, day)
      if (known.size > knownMax) known = new Set()
      known.add(day)
    }
  }

  return {
    ensure,
    forget() {
      known = new Set()
    },
    prepare: (now) =>
      lane.use((session) =>
        ensure(
          session,
          Array.from({ length: daysAhead }, (_, day) => now + day * dayMs),
        ),
      ),
    async drop(before) {
      let gone = 0
      for (const day of await lane.use(daysThere)) {
        if ((day + 1) * dayMs > before) break
        const rows = await lane.use((session) => dropDay(session, day))
        if (rows === undefined) break
        known.delete(day)
        gone += rows
      }
      return gone
    },
  }
}

/**
 * Made beside the log and then attached: a table that is made as a part of it would lock the whole log, and wait for every
 * reader first.
 */
async function make(session: Session, day: number): Promise<void> {
  const table = tableOf(day)
  await inTransaction(session, async () => {
    const { rows } = await session.query('select 1 from pg_inherits where inhrelid = to_regclass($1)', [table])
    if (rows.length > 0) return
    await session.query(`create table if not exists ${table} (like request_log including all)`)
    const bounds = `from (${day * dayMs}) to (${(day + 1) * dayMs})`
    await session.query(`alter table request_log attach partition ${table} for values ${bounds}`)
  })
}

/** @returns undefined when the log is in use: it is tried again next time, and nobody waits behind it. */
async function dropDay(session: Session, day: number): Promise<number | undefined> {
  const table = tableOf(day)
  try {
    return await inTransaction(session, async () => {
      await session.query("set local lock_timeout = '500ms'")
      const { rows } = await session.query(
        `select count(*) as count from (select from ${table} limit ${countMax}) as counted`,
      )
      await session.query(`drop table ${table}`)
      const [row] = rows as { count: number }[]
      return row?.count ?? 0
    })
  } catch (error) {
    if (causeCode(error) === lockNotAvailable) return undefined
    // Another node was faster.
    if (causeCode(error) === undefinedTable) return 0
    throw error
  }
}

async function daysThere(session: Session): Promise<number[]> {
  const { rows } = await session.query(
    "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'request_log'::regclass order by c.relname",
  )
  return (rows as { name: string }[]).flatMap(({ name }) => {
    const [, year, month, day] = /^request_log_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? []
    return year === undefined ? [] : [Date.UTC(Number(year), Number(month) - 1, Number(day)) / dayMs]
  })
}

/** One process at a time makes and drops days. */
async function inTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  try {
    await session.query(
      `begin; set local lock_timeout = '5s'; select pg_advisory_xact_lock(${lockSpace}, ${partitionLock})`,
    )
    const result = await work()
    await session.query('commit')
    return result
  } catch (error) {
    await session.rollback()
    throw error
  }
}

function tableOf(day: number): string {
  const date = new Date(day * dayMs)
  if (!(date.getTime() >= 0 && date.getUTCFullYear() <= 9999))
    throw new StoreUnavailable(
      'a row of the request log has a time that no calendar has. Check the clock of this machine',
    )
  return `request_log_${date.toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** Of our advisory locks, which PostgreSQL keeps for each database: "SALY". */
export const lockSpace = 0x53414c59
const partitionLock = 2
const dayMs = 86_400_000
const daysAhead = 3
const knownMax = 1000
const countMax = 10_000
const lockNotAvailable = '55P03'
const undefinedTable = '42P01'
