import type { Counter, Holding } from './authority.ts'
import { Lease } from './lease.ts'
import type { Charge } from './limiter.ts'

/** Leases by limit and bucket; bounded. */
export class LeaseTable {
  readonly #limits = new Map<string, Map<string, Lease>>()
  readonly #max: number
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  find({ limit, bucket }: Counter): Lease | undefined {
    return this.#limits.get(limit)?.get(bucket)
  }

  /** @returns undefined when there is no room. */
  open(charge: Charge, now: number): Lease | undefined {
    const there = this.find(charge)
    if (there !== undefined || this.#size >= this.#max) return there
    const lease = new Lease(charge, now)
    const buckets = this.#limits.get(charge.limit) ?? new Map<string, Lease>()
    this.#limits.set(charge.limit, buckets.set(charge.bucket, lease))
    this.#size++
    return lease
  }

  /** Takes out what nobody has used for a while. @returns what was held of it. */
  collectIdle(now: number): Holding[] {
    const holdings: Holding[] = []
    for (const [limit, buckets] of this.#limits) {
      for (const [bucket, lease] of buckets) {
        if (!lease.isIdle(now)) continue
        if (!lease.isSettled) holdings.push(lease.release())
        buckets.delete(bucket)
        this.#size--
      }
      if (buckets.size === 0) this.#limits.delete(limit)
    }
    return holdings
  }

  releaseAll(): Holding[] {
    const leases = [...this.#limits.values()].flatMap((buckets) => [...buckets.values()])
    return leases.filter((lease) => !lease.isSettled).map((lease) => lease.release())
  }
}
