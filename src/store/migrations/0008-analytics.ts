import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { bucketCount } from '../latency.ts'
import type { ColumnTypes } from './column-types.ts'

/** Sums over the request log, and which of its rows are in them. */
export function analytics({ integer, tableOptions, clusteredOptions = tableOptions }: ColumnTypes): Migration {
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      // Rows from before have no sums: then they count as finished, and nothing counts them again.
      await schema
        .alterTable('request_log')
        .addColumn('finished', integer, (c) => c.notNull().defaultTo(1))
        .execute()

      // No references: what has happened stays on record when the object is gone.
      let table: CreateTableBuilder<string, string> = schema
        .createTable('request_rollups')
        .addColumn('dimension', 'text', (c) => c.notNull())
        .addColumn('grain', integer, (c) => c.notNull())
        .addColumn('at', integer, (c) => c.notNull())
        .addColumn('organization_id', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
      const counts = ['requests', 'errors', 'denied', 'limited', 'bytes_in', 'bytes_out']
      const latencies = Array.from({ length: bucketCount }, (_, bucket) => `latency_${bucket}`)
      for (const column of [...counts, ...latencies]) {
        table = table.addColumn(column, integer, (c) => c.notNull().defaultTo(0))
      }
      // The time before the organization: a question about one names the times, and one about all reads them in a row.
      await table
        .addPrimaryKeyConstraint('request_rollups_key', ['dimension', 'grain', 'at', 'organization_id', 'name'])
        .modifyEnd(sql.raw(clusteredOptions))
        .execute()
    },
  }
}
