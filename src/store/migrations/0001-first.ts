import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** The tables of the first version. */
export function first({ integer, real, bytes, tableOptions, requestLog, beyondTables }: ColumnTypes): Migration {
  const options = sql.raw(tableOptions)
  const create = async <T extends string, C extends string>(table: CreateTableBuilder<T, C>): Promise<void> =>
    table.modifyEnd(options).execute()

  return {
    async up(db: Kysely<unknown>): Promise<void> {
      const { schema } = db
      const withId = (name: string) => schema.createTable(name).addColumn('id', 'text', (c) => c.primaryKey().notNull())

      await create(
        withId('organizations')
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('slug', 'text', (c) => c.notNull().unique())
          .addColumn('status', 'text', (c) => c.notNull().check(sql`status in ('active', 'suspended')`))
          .addColumn('status_reason', 'text')
          .addColumn('rate_limit', 'text')
          .addColumn('metadata', 'text', (c) => c.notNull())
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull()),
      )
      await create(
        withId('service_accounts')
          .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id'))
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('slug', 'text', (c) => c.notNull())
          .addColumn('description', 'text', (c) => c.notNull())
          .addColumn('role', 'text', (c) => c.notNull().check(sql`role in ('owner', 'admin', 'engineer', 'viewer')`))
          .addColumn('is_active', integer, (c) => c.notNull().check(sql`is_active in (0, 1)`))
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull())
          .addUniqueConstraint('service_accounts_slug', ['organization_id', 'slug']),
      )
      await create(
        withId('workspaces')
          .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id'))
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('external_id', 'text')
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull())
          .addUniqueConstraint('workspaces_external_id', ['organization_id', 'external_id']),
      )
      await create(
        withId('api_keys')
          .addColumn('organization_id', 'text', (c) => c.notNull().references('organizations.id'))
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('description', 'text', (c) => c.notNull())
          .addColumn('environment', 'text')
          .addColumn('scopes', 'text', (c) => c.notNull())
          .addColumn('expires_at', integer)
          .addColumn('project_id', 'text')
          .addColumn('allowed_ips', 'text', (c) => c.notNull())
          .addColumn('rate_limit', 'text')
          .addColumn('service_account_id', 'text', (c) => c.references('service_accounts.id'))
          .addColumn('metadata', 'text', (c) => c.notNull())
          .addColumn('system', integer, (c) => c.notNull().check(sql`system in (0, 1)`))
          .addColumn('created_by', 'text')
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('updated_at', integer, (c) => c.notNull())
          .addColumn('revoked_at', integer)
          .addColumn('revoked_reason', 'text')
          .addColumn('deleted_at', integer),
      )
      await create(
        withId('key_secrets')
          .addColumn('key_id', 'text', (c) => c.notNull().references('api_keys.id'))
          .addColumn('sha256', bytes, (c) => c.notNull().unique().check(sql`length(sha256) = 32`))
          .addColumn('key_prefix', 'text', (c) => c.notNull())
          .addColumn('key_suffix', 'text', (c) => c.notNull())
          .addColumn('created_at', integer, (c) => c.notNull())
          .addColumn('expires_at', integer)
          .addColumn('ended_at', integer)
          .addColumn('last_used_at', integer),
      )
      await create(
        schema
          .createTable('key_workspaces')
          .addColumn('key_id', 'text', (c) => c.notNull().references('api_keys.id'))
          .addColumn('workspace_id', 'text', (c) => c.notNull().references('workspaces.id').onDelete('cascade'))
          .addColumn('created_at', integer, (c) => c.notNull())
          .addPrimaryKeyConstraint('key_workspaces_key', ['key_id', 'workspace_id']),
      )
      // No references from here on: what has happened stays on record when the object is gone.
      const logId = requestLog
        ? schema.createTable('request_log').addColumn('id', 'text', (c) => c.notNull())
        : withId('request_log')
      const log = logId
        .addColumn('at', integer, (c) => c.notNull())
        .addColumn('organization_id', 'text')
        .addColumn('key_id', 'text')
        .addColumn('method', 'text', (c) => c.notNull())
        .addColumn('path', 'text', (c) => c.notNull())
        .addColumn('route', 'text')
        .addColumn('status', integer, (c) => c.notNull())
        .addColumn('code', 'text')
        .addColumn('duration_ms', real, (c) => c.notNull())
        .addColumn('upstream_ms', real)
        .addColumn('bytes_in', integer, (c) => c.notNull())
        .addColumn('bytes_out', integer, (c) => c.notNull())
        .addColumn('ip', 'text', (c) => c.notNull())
        .addColumn('user_agent', 'text')
        .addColumn('request_id', 'text', (c) => c.notNull())
        .addColumn('shadow_code', 'text')
      await (requestLog
        ? log
            .addPrimaryKeyConstraint('request_log_pkey', [...requestLog.primaryKey])
            .modifyEnd(sql.raw(requestLog.options))
            .execute()
        : create(log))
      await create(
        schema
          .createTable('admin_events')
          .addColumn('seq', integer, (c) => c.primaryKey().notNull())
          .addColumn('id', 'text', (c) => c.notNull().unique())
          .addColumn('at', integer, (c) => c.notNull())
          .addColumn('type', 'text', (c) => c.notNull())
          .addColumn('organization_id', 'text')
          .addColumn('target', 'text')
          .addColumn('actor_type', 'text', (c) => c.notNull())
          .addColumn('actor_id', 'text')
          .addColumn('request_id', 'text')
          .addColumn('before', 'text')
          .addColumn('after', 'text')
          .addColumn('prev_hash', 'text', (c) => c.notNull().unique())
          .addColumn('hash', 'text', (c) => c.notNull().unique()),
      )
      await create(
        schema
          .createTable('changes')
          .addColumn('seq', integer, (c) => c.primaryKey().notNull())
          .addColumn('kind', 'text', (c) => c.notNull())
          .addColumn('id', 'text', (c) => c.notNull())
          .addColumn('at', integer, (c) => c.notNull()),
      )
      await create(
        schema
          .createTable('limit_counters')
          .addColumn('key', 'text', (c) => c.primaryKey().notNull())
          .addColumn('used', integer, (c) => c.notNull())
          .addColumn('ends_at', integer, (c) => c.notNull()),
      )

      const index = (table: string, columns: string[]) =>
        schema
          .createIndex([table, 'by', ...columns].join('_'))
          .on(table)
          .columns(columns)
          .execute()
      await index('api_keys', ['organization_id', 'id'])
      await index('api_keys', ['service_account_id'])
      await index('key_secrets', ['key_id'])
      await index('key_workspaces', ['workspace_id'])
      await index('admin_events', ['organization_id', 'seq'])
      // Newest first over all, in one organization and for one key; the first one also finds what retention deletes.
      await index('request_log', ['at', 'id'])
      await index('request_log', ['organization_id', 'at', 'id'])
      await index('request_log', ['key_id', 'at', 'id'])
      await index('limit_counters', ['ends_at'])
      await beyondTables?.(db)
    },
  }
}
