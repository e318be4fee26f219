import type { RequestRow } from '../store/store.ts'

/** Rows as requests end, for those who watch. Costs nothing while nobody does. */
export interface Tail {
  /** Whether anybody watches. */
  readonly watched: boolean
  publish(row: RequestRow): void
  /**
   * @param who watches: nobody takes the places of all others.
   * @returns how to stop, or undefined when too many watch already. `listen` must not throw.
   */
  watch(who: string, listen: (row: RequestRow) => void): (() => void) | undefined
}

const watchersMax = 100
const watchersOfOneMax = 20

export function createTail(): Tail {
  const watchers = new Map<(row: RequestRow) => void, string>()
  return {
    get watched() {
      return watchers.size > 0
    },
    publish(row) {
      for (const listen of watchers.keys()) listen(row)
    },
    watch(who, listen) {
      const own = [...watchers.values()].filter((other) => other === who).length
      if (watchers.size >= watchersMax || own >= watchersOfOneMax) return undefined
      watchers.set(listen, who)
      return () => watchers.delete(listen)
    },
  }
}
