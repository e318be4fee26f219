import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** Operators, their memberships, sessions, personal tokens and one-time links. */
export function operators({ integer, bytes, tableOptions }: ColumnTypes): Migration {
  const options = sql.raw(tableOptions)
  const create = async <T extends string, C extends string>(table: CreateTableBuilder<T, C>): Promise<void> =>
    table.modifyEnd(options).execute()

  return {
    async up(db: Kysely<unknown>): Promise<void> {
      const { schema } = db
      const withId = (name: string) => schema.createTable(name).addColumn('id', 'text', (c) => c.primaryKey().notNull())

      await create(
        withId('operators')
          .addColumn('email', 'text', (c) => c.notNull().unique())
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('root_source', 'text', (c) => c.check(sql`root_source in ('manual', 'oidc')`))
          .addColumn('verified', integer, (c) => c.notNull().check(sql`verified in (0, 1)`))
          .addColumn('password_hash', 'text')
          .addColumn('oidc_subject', 'text', (c) => c.unique())
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull())
          .addColumn('last_login_at', integer),
      )
      // What hangs on an operator or an organization goes with it.
      await create(
        schema
          .createTable('memberships')
          .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id').onDelete('cascade'))
          .addColumn('operator_id', 'text', (c) => c.notNull().references('operators.id').onDelete('cascade'))
          .addColumn('role', 'text', (c) => c.notNull().check(sql`role in ('owner', 'admin', 'engineer', 'viewer')`))
          .addColumn('source', 'text', (c) => c.notNull().check(sql`source in ('manual', 'oidc')`))
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull())
          .addPrimaryKeyConstraint('memberships_key', ['organization_id', 'operator_id']),
      )
      await create(
        withId('operator_sessions')
          .addColumn('operator_id', 'text', (c) => c.notNull().references('operators.id').onDelete('cascade'))
          .addColumn('sha256', bytes, (c) => c.notNull().unique().check(sql`length(sha256) = 32`))
          .addColumn('method', 'text', (c) => c.notNull())
          .addColumn('ip', 'text', (c) => c.notNull())
          .addColumn('user_agent', 'text')
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('last_seen_at', integer, (c) => c.notNull()),
      )
      await create(
        withId('operator_tokens')
          .addColumn('operator_id', 'text', (c) => c.notNull().references('operators.id').onDelete('cascade'))
          .addColumn('sha256', bytes, (c) => c.notNull().unique().check(sql`length(sha256) = 32`))
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('role', 'text', (c) => c.notNull())
          .addColumn('organization_id', 'text', (c) => c.references('organizations.id').onDelete('cascade'))
          .addColumn('suffix', 'text', (c) => c.notNull())
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('expires_at', integer)
          .addColumn('last_used_at', integer),
      )
      await create(
        schema
          .createTable('operator_links')
          .addColumn('sha256', bytes, (c) => c.primaryKey().notNull().check(sql`length(sha256) = 32`))
          .addColumn('kind', 'text', (c) => c.notNull().check(sql`kind in ('setup', 'invitation', 'reset')`))
          .addColumn('operator_id', 'text', (c) => c.references('operators.id').onDelete('cascade'))
          .addColumn('expires_at', integer, (c) => c.notNull()),
      )

      const index = (table: string, columns: string[]) =>
        schema
          .createIndex([table, 'by', ...columns].join('_'))
          .on(table)
          .columns(columns)
          .execute()
      await index('memberships', ['operator_id'])
      await index('operator_sessions', ['operator_id', 'id'])
      await index('operator_sessions', ['last_seen_at'])
      await index('operator_tokens', ['operator_id', 'id'])
      await index('operator_tokens', ['organization_id'])
      await index('operator_links', ['operator_id'])
    },
  }
}
