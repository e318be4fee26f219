import { timingSafeEqual } from 'node:crypto'
import { type HotRow, isAnotherLog, toKeyRecord } from '../sql/hot-row.ts'
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
      const { rows } = await read('key_by_hash', keyByHashSql, [sha256])
      const [row] = rows as HotRow[]
      // The index has compared already, but not in constant time.
      if (!row || !timingSafeEqual(row.sha256, sha256)) return undefined
      return toKeyRecord(row)
    },

    async changesSince(seq, limit, at) {
      const { rows } = await read('changes_since', changesSinceSql, [seq, limit])
      const [first] = rows as ChangeRow[]
      const changes = (rows as ChangeRow[]).filter(({ seq }) => seq !== null)
      // Numbers have no holes and the newest row is never pruned. One that is lower than the follower's means that the
      // database was replaced by an older one, and then nothing of what the follower holds can be trusted.
      const known = first?.known ?? undefined
      const gap =
        (changes[0] ? changes[0].seq !== seq + 1 : seq > Number(first?.latest ?? 0)) || isAnotherLog(known, at)
      return { changes: changes.map(({ seq, kind, id }) => ({ seq, kind, id })), gap, at: changes.at(-1)?.at ?? known }
    },

    async latestChange() {
      const { rows } = await read('latest_change', 'select coalesce(max(seq), 0) as seq from changes', [])
      const [row] = rows as Pick<Change, 'seq'>[]
      return row?.seq ?? 0
    },
  }
}

interface ChangeRow extends Change {
  readonly latest: number
  readonly at: number
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

const keyByHashSql = `
  select s.id as secret_id, s.sha256, s.expires_at as secret_expires_at, s.key_prefix,
    k.id as key_id, k.name, k.environment, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.project_id,
    k.allowed_ips, k.rate_limit, k.service_account_id, a.is_active as account_active,
    o.id as org_id, o.name as org_name, o.slug as org_slug, o.status as org_status, o.rate_limit as org_rate_limit,
    (select max(used.last_used_at) from key_secrets used where used.key_id = k.id) as last_used_at,
    (select coalesce(json_agg(json_build_object('id', w.id, 'externalId', w.external_id)), '[]')::text
      from key_workspaces g join workspaces w on w.id = g.workspace_id where g.key_id = k.id) as workspaces
  from key_secrets s
    join api_keys k on k.id = s.key_id
    join organizations o on o.id = k.organization_id
    left join service_accounts a on a.id = k.service_account_id
  where s.sha256 = $1 and s.ended_at is null`

/** Failed on the connection, and at once. */
const isStale = (error: unknown): boolean => staleCodes.has(causeCode(error) ?? 'none')

/** The empty one: the driver's own, for a connection that has ended. */
const staleCodes = new Set(['', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '25006'])
