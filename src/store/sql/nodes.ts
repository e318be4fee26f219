import { sql } from 'kysely'
import type { Store } from '../store.ts'
import type { SqlEngine } from './engine.ts'

export type NodeMethods = Pick<Store, 'beat' | 'listNodes' | 'removeNode'>

/** Single statements, which wait for nobody who changes keys. */
export const nodeMethods = ({ db, databaseNow }: SqlEngine): NodeMethods => ({
  async beat({ id, reached }) {
    await db
      .insertInto('nodes')
      .values({ id, reached, seen_at: databaseNow() })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet(({ ref }) => ({
          reached: sql<number>`case when ${ref('nodes.reached')} > ${ref('excluded.reached')} then ${ref('nodes.reached')} else ${ref('excluded.reached')} end`,
          seen_at: ref('excluded.seen_at'),
        })),
      )
      .execute()
  },
  listNodes: (withinMs) =>
    db
      .selectFrom('nodes')
      .select(['id', 'reached'])
      .where('seen_at', '>', sql<number>`${databaseNow()} - ${sql.lit(withinMs)}`)
      .orderBy('id')
      .execute(),
  async removeNode(id) {
    await db
      .deleteFrom('nodes')
      .where(({ or, eb }) =>
        or([eb('id', '=', id), eb('seen_at', '<', sql<number>`${databaseNow()} - ${sql.lit(forgottenAfterMs)}`)]),
      )
      .execute()
  },
})

const forgottenAfterMs = 3_600_000
