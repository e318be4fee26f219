import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { KeyRecord } from '../store/store.ts'

export interface CachedKey {
  readonly record: KeyRecord
  readonly sha256: Buffer
  /** Monotonic, milliseconds. */
  readonly loadedAt: number
  /** Monotonic; before it the store need not be asked, since it was down a moment ago. */
  askAgainAt: number
  readonly key: Group
  readonly organization: Group
}

/** All records of one key or of one organization. What is not live is forgotten, though it may still take up room. */
interface Group {
  readonly id: string
  live: boolean
  records: number
}

/**
 * The least recently used records make room. Forgetting an organization marks its group instead of going through its keys:
 * suspending one with 50,000 keys must not stop traffic.
 */
export class KeyCache {
  readonly #records: LRUCache<string, CachedKey>
  readonly #groups = new Map<string, Group>()

  constructor(max: number) {
    this.#records = new LRUCache({
      max,
      dispose: (record) => {
        this.#leave(record.key)
        this.#leave(record.organization)
      },
    })
  }

  get size(): number {
    return this.#records.size
  }

  /** @param id the hash as text: as latin1 it is made in half the time that base64url takes. */
  get(id: string, sha256: Buffer): CachedKey | undefined {
    const found = this.#records.get(id)
    if (found === undefined) return undefined
    if (!found.key.live || !found.organization.live) {
      this.#records.delete(id)
      return undefined
    }
    return timingSafeEqual(found.sha256, sha256) ? found : undefined
  }

  set(id: string, sha256: Buffer, record: KeyRecord, loadedAt: number): void {
    const key = this.#join(record.keyId)
    const organization = this.#join(record.organization.id)
    this.#records.set(id, { record, sha256, loadedAt, askAgainAt: loadedAt, key, organization })
  }

  /** @param id of a key or of an organization. */
  forget(id: string): void {
    const group = this.#groups.get(id)
    if (group === undefined) return
    group.live = false
    this.#groups.delete(id)
  }

  clear(): void {
    this.#records.clear()
  }

  #join(id: string): Group {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = { id, live: true, records: 0 }
      this.#groups.set(id, group)
    }
    group.records++
    return group
  }

  #leave(group: Group): void {
    if (--group.records === 0 && group.live) this.#groups.delete(group.id)
  }
}
