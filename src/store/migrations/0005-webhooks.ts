import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** Webhooks, their outbox, and which keys were said to expire. All of it goes with the organization. */
export function webhooks({ integer, real, bytes, tableOptions }: ColumnTypes): Migration {
  const options = sql.raw(tableOptions)
  const create = async <T extends string, C extends string>(table: CreateTableBuilder<T, C>): Promise<void> =>
    table.modifyEnd(options).execute()

  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      await create(
        schema
          .createTable('webhooks')
          .addColumn('id', 'text', (c) => c.primaryKey().notNull())
          .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id').onDelete('cascade'))
          .addColumn('url', 'text', (c) => c.notNull())
          .addColumn('description', 'text', (c) => c.notNull())
          .addColumn('events', 'text', (c) => c.notNull())
          .addColumn('status', 'text', (c) => c.notNull().check(sql`status in ('active', 'disabled')`))
          .addColumn('disabled_reason', 'text')
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull()),
      )
      await create(
        schema
          .createTable('webhook_secrets')
          .addColumn('id', 'text', (c) => c.primaryKey().notNull())
          .addColumn('webhook_id', 'text', (c) => c.notNull().references('webhooks.id').onDelete('cascade'))
          .addColumn('sealed', bytes, (c) => c.notNull())
          .addColumn('sealed_with', 'text', (c) => c.notNull())
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('ends_at', integer),
      )
      await create(
        schema
          .createTable('webhook_deliveries')
          .addColumn('id', 'text', (c) => c.primaryKey().notNull())
          .addColumn('organization_id', 'text', (c) => c.notNull())
          .addColumn('webhook_id', 'text', (c) => c.notNull().references('webhooks.id').onDelete('cascade'))
          .addColumn('event_id', 'text', (c) => c.notNull())
          .addColumn('message', 'text', (c) => c.notNull())
          .addColumn('status', 'text', (c) => c.notNull().check(sql`status in ('pending', 'delivered', 'failed')`))
          .addColumn('attempts', integer, (c) => c.notNull())
          .addColumn('next_attempt_at', integer)
          .addColumn('lease', 'text')
          .addColumn('response_at', integer)
          .addColumn('response_status', integer)
          .addColumn('response_ms', real)
          .addColumn('response_body', 'text')
          .addColumn('response_error', 'text')
          .addColumn('redelivery_of', 'text')
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('finished_at', integer),
      )
      await create(
        schema
          .createTable('key_expiry_notices')
          .addColumn('key_id', 'text', (c) => c.notNull().references('api_keys.id').onDelete('cascade'))
          .addColumn('days', integer, (c) => c.notNull())
          .addColumn('at', integer, (c) => c.notNull())
          .addPrimaryKeyConstraint('key_expiry_notices_key', ['key_id', 'days']),
      )

      const index = (table: string, columns: string[]) =>
        schema
          .createIndex([table, 'by', ...columns].join('_'))
          .on(table)
          .columns(columns)
          .execute()
      await index('webhooks', ['organization_id', 'id'])
      await index('webhook_secrets', ['webhook_id'])
      // Whether anything is due at all, asked twice a second; what is due of one webhook; how many of it are out.
      await index('webhook_deliveries', ['status', 'next_attempt_at'])
      await index('webhook_deliveries', ['webhook_id', 'status', 'next_attempt_at'])
      await index('webhook_deliveries', ['webhook_id', 'lease'])
      // Newest first, and what retention deletes.
      await index('webhook_deliveries', ['webhook_id', 'id'])
      await index('webhook_deliveries', ['created_at'])
      await index('api_keys', ['expires_at'])
    },
  }
}
