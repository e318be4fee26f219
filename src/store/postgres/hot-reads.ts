import { type ChangeRow, changePage } from '../sql/change-page.ts'
import { type HotRow, keyByHashSql, keyFound } from '../sql/hot-row.ts'
import type { HotReads } from '../sql.ts'
import type { Change } from '../store.ts'
import { causeCode } from './errors.ts'
import type { Answer, Lane } from './lane.ts'

/**
 * What the hot path asks: one round trip each, with statements that a connection has parsed once, on a lane that nothing
 * else is in.
 */
export function openHotReads(lane: Lane): HotReads {
  const read = async (name: string, text: string, values: readonly unknown[]): Promise<Answer> => {
    const once = () => lane.use((session) => session.query(text, values, name))
    try {
      return await once()
    } catch (error) {
      // The server was restarted since this connection was last used. One that hangs is not asked again: time is short.
      if (isStale(error)) return once()
      throw error
    }
  }

  return {
    async findKeyByHash(sha256) {
      const { rows } = await read('key_by_hash', findSql, [sha256])
      return keyFound((rows as HotRow[])[0], sha256)
    },

    async changesSince(seq, limit, at) {
      const { rows } = await read('changes_since', changesSinceSql, [seq, limit])
      const [first] = rows as LoggedRow[]
      const changes = (rows as LoggedRow[]).filter(({ seq }) => seq !== null)
      const log = { latest: Number(first?.latest ?? 0), known: first?.known ?? undefined }
      return changePage(changes, { seq, at }, log)
    },

    async latestChange() {
      const { rows } = await read('latest_change', 'select coalesce(max(seq), 0) as seq from changes', [])
      const [row] = rows as Pick<Change, 'seq'>[]
      return row?.seq ?? 0
    },
  }
}

interface LoggedRow extends ChangeRow {
  readonly latest: number
  /** When the one that was asked from was made. */
  readonly known: number | null
}

/** With the newest number in the same view, which two statements would not have. */
const changesSinceSql = `
  select c.seq, c.kind, c.id, c.at, l.latest, l.known
  from (
      select (select coalesce(max(seq), 0) from changes) as latest, (select at from changes where seq = $1) as known
    ) l
    left join lateral (select seq, kind, id, at from changes where seq > $1 order by seq limit $2) c on true
  order by c.seq`

const findSql = keyByHashSql(
  '$1',
  "coalesce(json_agg(json_build_object('id', w.id, 'externalId', w.external_id)), '[]')::text",
)

/** Failed on the connection, and at once. */
const isStale = (error: unknown): boolean => staleCodes.has(causeCode(error) ?? 'none')

/** The empty one: the driver's own, for a connection that has ended. */
const staleCodes = new Set(['', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '25006'])
