import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Which master key a kept answer takes, so that one still needed is not taken out. Null for those of before: gone in a day. */
export function keptAnswers(): Migration {
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      await schema.alterTable('idempotent_requests').addColumn('sealed_with', 'text').execute()
    },
  }
}
