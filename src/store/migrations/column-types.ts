import type { ColumnDataType } from 'kysely'

/** What the databases call the few types that the schema uses. */
export interface ColumnTypes {
  /** Whole numbers up to 2^53. */
  readonly integer: ColumnDataType
  readonly real: ColumnDataType
  readonly bytes: ColumnDataType
  /** What stands behind the closing parenthesis of `create table`. */
  readonly tableOptions: string
}

export const sqliteTypes: ColumnTypes = { integer: 'integer', real: 'real', bytes: 'blob', tableOptions: 'strict' }
