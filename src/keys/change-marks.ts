import type { KeyRecord } from '../store/store.ts'

/** Which ids have changed since when, kept for as long as a look-up is on its way: its answer may be from before. */
export class ChangeMarks {
  /** Counts changes; a look-up notes it at its start. */
  now = 0
  #all = 0
  readonly #changed = new Map<string, number>()

  /** @param watched whether any look-up is on its way: without one nobody will ask. */
  add(id: string, watched: boolean): void {
    this.now++
    if (!watched) return
    this.#changed.set(id, this.now)
    if (this.#changed.size > idsMax) this.addAll()
  }

  addAll(): void {
    this.#all = ++this.now
    this.#changed.clear()
  }

  /** Whether the key or its organization has changed after `startedAt`. */
  touched({ keyId, organization }: KeyRecord, startedAt: number): boolean {
    const last = Math.max(this.#all, this.#changed.get(keyId) ?? 0, this.#changed.get(organization.id) ?? 0)
    return last > startedAt
  }

  /** No look-up is on its way any more. */
  forget(): void {
    this.#changed.clear()
  }
}

const idsMax = 10_000
