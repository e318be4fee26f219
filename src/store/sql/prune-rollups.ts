import type { AnalyticsAge } from '../analytics-store.ts'
import type { Reader } from './engine.ts'
import { type Dimension, grainsOf } from './rollup-kinds.ts'

/** Deletes some of the oldest sums of each kind. @returns how many went. */
export async function pruneRollups(db: Reader, { fine, coarse }: AnalyticsAge, limit: number): Promise<number> {
  let gone = 0
  for (const dimension of dimensions) {
    for (const [index, grain] of grainsOf[dimension].entries()) {
      gone += await pruneOne(db, dimension, grain, index === 0 ? fine : coarse, limit)
    }
  }
  return gone
}

/** Whole points of time, since the key begins with them: at least one, and about as many as make `limit` rows. */
async function pruneOne(db: Reader, dimension: Dimension, grain: number, before: number, limit: number) {
  const old = db
    .selectFrom('request_rollups')
    .where('dimension', '=', dimension)
    .where('grain', '=', grain)
    .where('at', '<', before - grain + 1)
  const last = await old
    .select('at')
    .orderBy('at')
    .limit(1)
    .offset(limit - 1)
    .executeTakeFirst()
  const { numDeletedRows } = await db
    .deleteFrom('request_rollups')
    .where('dimension', '=', dimension)
    .where('grain', '=', grain)
    .where('at', '<', before - grain + 1)
    .$if(last !== undefined, (query) => query.where('at', '<=', last?.at ?? 0))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

const dimensions = ['route', 'key', 'code'] as const satisfies readonly Dimension[]
