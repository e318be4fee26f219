import type { RequestRow } from '../store/store.ts'

/** Rows as requests end, for those who watch. Costs nothing while nobody does. */
export interface Tail {
  publish(row: RequestRow): void
  /** @returns how to stop, or undefined when too many watch already. `listen` must not throw. */
  watch(listen: (row: RequestRow) => void): (() => void) | undefined
}

const watchersMax = 100

export function createTail(): Tail {
  const watchers = new Set<(row: RequestRow) => void>()
  return {
    publish(row) {
      for (const listen of watchers) listen(row)
    },
    watch(listen) {
      if (watchers.size >= watchersMax) return undefined
      watchers.add(listen)
      return () => watchers.delete(listen)
    },
  }
}
