import type { ColumnDataType, Kysely } from 'kysely'

/** What the databases call the few types that the schema uses. */
export interface ColumnTypes {
  /** Whole numbers up to 2^53. */
  readonly integer: ColumnDataType
  readonly real: ColumnDataType
  readonly bytes: ColumnDataType
  /** What stands behind the closing parenthesis of `create table`. */
  readonly tableOptions: string
  /** Where the request log is made otherwise than the other tables. */
  readonly requestLog?: { readonly primaryKey: readonly ('id' | 'at')[]; readonly options: string }
  /** What the first version has beyond its tables. */
  readonly beyondTables?: (db: Kysely<unknown>) => Promise<void>
  /** For whoever names the database of another program: what to name instead. */
  readonly ownPlace: string
  /** The same for a table that is kept in the order of its primary key, where the database can do that. */
  readonly clusteredOptions?: string
}

export const sqliteTypes: ColumnTypes = {
  integer: 'integer',
  real: 'real',
  bytes: 'blob',
  tableOptions: 'strict',
  ownPlace: 'Name a file of its own for Sallyport under "store"',
  clusteredOptions: 'strict, without rowid',
}
