import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What the audit trail is searched by. Writing one more event costs some microseconds for each, and events are few. */
export function eventFilters(): Migration {
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      const index = (columns: string[]) =>
        schema
          .createIndex(['admin_events', 'by', ...columns].join('_'))
          .ifNotExists()
          .on('admin_events')
          .columns(columns)
          .execute()
      await index(['target', 'seq'])
      await index(['organization_id', 'target', 'seq'])
      await index(['actor_id', 'seq'])
      await index(['type', 'seq'])
      await index(['at', 'seq'])
      await index(['organization_id', 'at', 'seq'])
    },
  }
}
