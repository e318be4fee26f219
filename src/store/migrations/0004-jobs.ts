import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** Jobs, and in parts what they work on and what they give. */
export function jobs({ integer, tableOptions }: ColumnTypes): Migration {
  const options = sql.raw(tableOptions)
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      await schema
        .createTable('jobs')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id'))
        .addColumn('type', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) =>
          c.notNull().check(sql`status in ('pending', 'running', 'completed', 'failed', 'cancelled')`),
        )
        .addColumn('progress', integer, (c) => c.notNull())
        .addColumn('total', integer)
        .addColumn('created_by', 'text')
        .addColumn('created_at', integer, (c) => c.notNull())
        .addColumn('started_at', integer)
        .addColumn('completed_at', integer)
        .addColumn('updated_at', integer, (c) => c.notNull())
        .addColumn('error_message', 'text')
        .addColumn('output_parts', integer, (c) => c.notNull())
        .addColumn('output_bytes', integer, (c) => c.notNull())
        .addColumn('cancel_requested', integer, (c) => c.notNull().check(sql`cancel_requested in (0, 1)`))
        .addColumn('lease_token', 'text')
        .addColumn('lease_ends_at', integer)
        .addColumn('lost', integer, (c) => c.notNull())
        .addColumn('actor_type', 'text', (c) => c.notNull())
        .addColumn('request_id', 'text')
        .addColumn('params', 'text', (c) => c.notNull())
        .addColumn('checkpoint', 'text')
        .addColumn('result', 'text')
        .modifyEnd(options)
        .execute()
      // No reference: input comes before its job, so that a large one needs no large transaction.
      await schema
        .createTable('job_parts')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('job_id', 'text', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull().check(sql`kind in ('input', 'output')`))
        .addColumn('created_at', integer, (c) => c.notNull())
        .addColumn('data', 'text', (c) => c.notNull())
        .modifyEnd(options)
        .execute()
      const index = (table: string, columns: string[]) =>
        schema
          .createIndex([table, 'by', ...columns].join('_'))
          .on(table)
          .columns(columns)
          .execute()
      await index('jobs', ['organization_id', 'id'])
      await index('jobs', ['status', 'id'])
      await index('job_parts', ['job_id', 'kind'])
    },
  }
}
