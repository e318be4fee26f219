import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** Secrets kept encrypted, and the answers to requests that may be sent again. */
export function secrets({ integer, bytes, tableOptions }: ColumnTypes): Migration {
  const options = sql.raw(tableOptions)
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      // A table of its own, not a column: nobody who reads the secrets of a key gets a ciphertext along with them.
      await schema
        .createTable('sealed_secrets')
        .addColumn('secret_id', 'text', (c) =>
          c.primaryKey().notNull().references('key_secrets.id').onDelete('cascade'),
        )
        .addColumn('sealed', bytes, (c) => c.notNull())
        .addColumn('sealed_with', 'text', (c) => c.notNull())
        .modifyEnd(options)
        .execute()
      await schema
        .createIndex('sealed_secrets_by_sealed_with')
        .on('sealed_secrets')
        .columns(['sealed_with', 'secret_id'])
        .execute()
      await schema
        .createTable('idempotent_requests')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('lease', 'text', (c) => c.notNull())
        .addColumn('lease_ends_at', integer, (c) => c.notNull())
        .addColumn('expires_at', integer, (c) => c.notNull())
        .addColumn('answer', bytes)
        .modifyEnd(options)
        .execute()
      await schema
        .createIndex('idempotent_requests_by_expires_at')
        .on('idempotent_requests')
        .column('expires_at')
        .execute()
    },
  }
}
