import type { Store } from '../store.ts'
import type { SqlEngine } from './engine.ts'

export type CounterMethods = Pick<Store, 'loadCounters' | 'saveCounters'>

export function counterMethods({ db, many, clock }: SqlEngine): CounterMethods {
  const save = db
    .insertInto('limit_counters')
    .values({ key: '', used: 0, ends_at: 0 })
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet(({ ref }) => ({ used: ref('excluded.used'), ends_at: ref('excluded.ends_at') })),
    )
    .compile().sql

  return {
    async loadCounters(now) {
      const rows = await db.selectFrom('limit_counters').selectAll().where('ends_at', '>', now).execute()
      return rows.map(({ key, used, ends_at }) => ({ key, used, endsAt: ends_at }))
    },

    async saveCounters(counters) {
      if (counters.length > 0) {
        await many(
          save,
          counters.map(({ key, used, endsAt }) => [key, used, Math.ceil(endsAt)]),
        )
      }
      // Windows that are over count for nothing; without this the table would keep every address ever seen.
      await db.deleteFrom('limit_counters').where('ends_at', '<=', clock.now()).execute()
    },
  }
}
