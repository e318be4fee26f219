import type { Kysely, RawBuilder, Transaction } from 'kysely'
import type { Clock } from '../../clock.ts'
import type { Tables } from '../schema.ts'
import type { Store } from '../store.ts'

/** What a database gives the store beyond Kysely. */
export interface SqlEngine {
  readonly clock: Pick<Clock, 'now'>
  /** The time as all who share the database see it; the clocks of nodes differ. Milliseconds, whole. */
  databaseNow(): RawBuilder<number>
  /** For statements that stand alone. */
  readonly db: Kysely<Tables>
  /**
   * A transaction that no other writer, of this process or another, runs beside: the chain of events and the change log
   * need an order. Durable when it resolves.
   */
  write<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** One consistent view for several queries. */
  read<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Runs one statement for each row of parameters in a transaction of its own. */
  many(sql: string, rows: readonly (readonly unknown[])[]): Promise<void>
  /** The primary key of the request log. Its time is in it where the table is divided by time. */
  readonly requestKey: readonly ('id' | 'at')[]
  /**
   * The same for several statements, in this order, in one transaction. Every row of the first has to change something:
   * where some do not, nothing at all is written. The others run for one batch at a time, of all processes: they touch the
   * same rows, in no order, and would lock each other out.
   * @returns which rows of the first these are, by their index; none when everything is written.
   */
  batch(statements: readonly StatementRows[]): Promise<readonly number[]>
  /** Where requests need not be unpacked before the database has them; left out: `many` and `batch` write them. */
  readonly writeRequests?: Store['writePackedRequests']
}

/** A statement, and the parameters of each time that it runs. */
export interface StatementRows {
  readonly sql: string
  readonly rows: readonly (readonly unknown[])[]
}

/** Either the database or a transaction on it. */
export type Reader = Kysely<Tables>
export type Writer = Transaction<Tables>
