import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Who has suspended an organization. Of suspensions from before this nobody knows: root's, so that only root lifts them. */
export function suspendedBy(): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('organizations')
        .addColumn('suspended_by', 'text', (c) => c.check(sql`suspended_by in ('root', 'owner')`))
        .execute()
      await sql`update organizations set suspended_by = 'root' where status = 'suspended'`.execute(db)
    },
  }
}
