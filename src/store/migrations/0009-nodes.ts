import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** The gateways that share the store. */
export const nodes = ({ integer, tableOptions }: ColumnTypes): Migration => ({
  async up({ schema }: Kysely<unknown>): Promise<void> {
    await schema
      .createTable('nodes')
      .addColumn('id', 'text', (c) => c.primaryKey().notNull())
      .addColumn('reached', integer, (c) => c.notNull())
      .addColumn('seen_at', integer, (c) => c.notNull())
      .modifyEnd(sql.raw(tableOptions))
      .execute()
  },
})
