import type { Config } from '../config/schema.ts'
import { openHotReads as openSqlite } from '../store/sqlite/hot-reads.ts'
import type { Store } from '../store/store.ts'

/** The look-up of keys, on a connection of this process that can't write. */
export function openHotReads({ store }: Pick<Config, 'store'>): Pick<Store, 'findKeyByHash'> {
  const { findKeyByHash } = openSqlite(store.slice('sqlite:'.length))
  return { findKeyByHash }
}
