import type { ColumnDataType } from 'kysely'

/** What the databases call the few types that the schema uses. */
export interface ColumnTypes {
  /** Whole numbers up to 2^53. */
  readonly integer: ColumnDataType
  readonly real: ColumnDataType
  readonly bytes: ColumnDataType
  /** What stands behind the closing parenthesis of `create table`. */
  readonly tableOptions: string
  /** The same for a table that is kept in the order of its primary key, where the database can do that. */
  readonly clusteredOptions?: string
}

export const sqliteTypes: ColumnTypes = {
  integer: 'integer',
  real: 'real',
  bytes: 'blob',
  tableOptions: 'strict',
  clusteredOptions: 'strict, without rowid',
}
