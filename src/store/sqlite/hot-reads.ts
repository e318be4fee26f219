import { DatabaseSync } from 'node:sqlite'
import { type ChangeRow, changePage } from '../sql/change-page.ts'
import { type HotRow, keyByHashSql, keyFound } from '../sql/hot-row.ts'
import type { HotReads } from '../sql.ts'
import { StoreUnavailable } from '../store.ts'
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
  const keyByHash = database.prepare(findSql)
  const after = database.prepare('select seq, kind, id, at from changes where seq > ? order by seq limit ?')
  const timeOf = database.prepare('select at from changes where seq = ?')
  const latest = database.prepare('select coalesce(max(seq), 0) as seq from changes')
  const latestChange = (): number => Number(latest.get()?.seq ?? 0)

  return {
    findKeyByHash: guarded(check, (sha256: Buffer) => keyFound(keyByHash.get(sha256) as HotRow | undefined, sha256)),

    changesSince: guarded(check, (seq: number, limit: number, at?: number) => {
      const changes = after.all(seq, limit) as unknown as ChangeRow[]
      const log = { latest: latestChange(), known: timeOf.get(seq)?.at as number | undefined }
      return changePage(changes, { seq, at }, log)
    }),

    latestChange: guarded(check, latestChange),
    close: () => database.close(),
  }
}

/** Readers wait only while a crash is being recovered from; traffic must not stand still for it. */
const busyTimeoutMs = 25

const findSql = keyByHashSql('?', "json_group_array(json_object('id', w.id, 'externalId', w.external_id))")

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
