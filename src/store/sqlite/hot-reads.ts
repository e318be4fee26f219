import { timingSafeEqual } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { type HotRow, isAnotherLog, toKeyRecord } from '../sql/hot-row.ts'
import type { HotReads } from '../sql.ts'
import { type Change, StoreUnavailable } from '../store.ts'
import { toStoreError } from './errors.ts'
import { sameFile } from './identity.ts'

/**
 * What the hot path asks, answered in the thread that carries traffic: a few microseconds from the page cache, where a
 * message to the other thread and back would take tens. Reading in WAL mode never waits for the writer.
 * @param path of a database whose schema is up to date.
 */
export function openHotReads(path: string): HotReads & { close(): void } {
  const database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs })
  const check = sameFile(path)
  const keyByHash = database.prepare(keyByHashSql)
  const after = database.prepare('select seq, kind, id, at from changes where seq > ? order by seq limit ?')
  const timeOf = database.prepare('select at from changes where seq = ?')
  const latest = database.prepare('select coalesce(max(seq), 0) as seq from changes')
  const latestChange = (): number => Number(latest.get()?.seq ?? 0)

  return {
    findKeyByHash: guarded(check, (sha256: Buffer) => {
      const row = keyByHash.get(sha256) as HotRow | undefined
      // The index has compared already, but not in constant time.
      if (!row || !timingSafeEqual(row.sha256, sha256)) return undefined
      return toKeyRecord(row)
    }),

    changesSince: guarded(check, (seq: number, limit: number, at?: number) => {
      const changes = after.all(seq, limit) as unknown as (Change & { readonly at: number })[]
      const [oldest] = changes
      const known = timeOf.get(seq)?.at as number | undefined
      // Numbers have no holes and the newest row is never pruned. One that is lower than the follower's means that the
      // file was replaced by an older one, and then nothing of what the follower holds can be trusted.
      const gap = (oldest ? oldest.seq !== seq + 1 : seq > latestChange()) || isAnotherLog(known, at)
      return { changes: changes.map(({ seq, kind, id }) => ({ seq, kind, id })), gap, at: changes.at(-1)?.at ?? known }
    }),

    latestChange: guarded(check, latestChange),
    close: () => database.close(),
  }
}

/** Readers wait only while a crash is being recovered from; traffic must not stand still for it. */
const busyTimeoutMs = 25

const keyByHashSql = `
  select s.id as secret_id, s.sha256, s.expires_at as secret_expires_at, s.key_prefix,
    k.id as key_id, k.name, k.environment, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.project_id,
    k.allowed_ips, k.rate_limit, k.service_account_id, a.is_active as account_active,
    o.id as org_id, o.name as org_name, o.slug as org_slug, o.status as org_status, o.rate_limit as org_rate_limit,
    (select max(used.last_used_at) from key_secrets used where used.key_id = k.id) as last_used_at,
    (select json_group_array(json_object('id', w.id, 'externalId', w.external_id))
      from key_workspaces g join workspaces w on w.id = g.workspace_id where g.key_id = k.id) as workspaces
  from key_secrets s
    join api_keys k on k.id = s.key_id
    join organizations o on o.id = k.organization_id
    left join service_accounts a on a.id = k.service_account_id
  where s.sha256 = ? and s.ended_at is null`

/** Whatever goes wrong while reading is the store's failure, never "no such key". */
function guarded<A extends unknown[], R>(check: () => void, read: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    try {
      check()
      return read(...args)
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      if (error instanceof Error && 'errcode' in error) {
        throw toStoreError({ code: Number(error.errcode), message: error.message })
      }
      throw new StoreUnavailable("the store can't answer", { cause: error })
    }
  }
}
