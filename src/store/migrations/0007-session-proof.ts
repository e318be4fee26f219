import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'

/** When the operator of a session last proved who it is. Sessions from before this are taken for long unproved. */
export function sessionProof({ integer }: ColumnTypes): Migration {
  return {
    async up({ schema }: Kysely<unknown>): Promise<void> {
      await schema
        .alterTable('operator_sessions')
        .addColumn('proved_at', integer, (c) => c.notNull().defaultTo(0))
        .execute()
    },
  }
}
