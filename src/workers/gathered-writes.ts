import type { PackedRequests, RequestWrite, Store } from '../store/store.ts'

/** Batches of rows from several workers, written as one: each transaction costs as much as some fifty rows. */
export interface GatheredWrites {
  /** Resolves when the rows are committed. Rejects with what the store says of them, and not of those of others. */
  write(write: RequestWrite, rows: PackedRequests): Promise<void>
}

export interface GatheredWritesOptions {
  readonly store: Pick<Store, 'writePackedRequests'>
  /** For how long the first batch waits for others. */
  readonly gatherMs?: number
}

/** Bounded by those who write: each worker waits for its batch before it sends the next. */
export function createGatheredWrites({ store, gatherMs = 40 }: GatheredWritesOptions): GatheredWrites {
  const gathering = new Map<RequestWrite, Waiting[]>()

  const send = (write: RequestWrite, batch: readonly Waiting[]): Promise<void> =>
    store.writePackedRequests(
      write,
      batch.map(({ rows }) => rows),
    )

  const commit = async (write: RequestWrite): Promise<void> => {
    const batch = gathering.get(write) ?? []
    gathering.delete(write)
    try {
      await send(write, batch)
      for (const { resolve } of batch) resolve()
    } catch (error) {
      // A row at fault fails all; who has sent it must be told, and nobody else.
      if (batch.length > 1) for (const one of batch) void send(write, [one]).then(one.resolve, one.reject)
      else for (const { reject } of batch) reject(error)
    }
  }

  return {
    write(write, rows) {
      // Their requests wait for it.
      if (write === 'admit') return store.writePackedRequests(write, [rows])
      return new Promise((resolve, reject) => {
        const waiting = { rows, resolve, reject }
        const batch = gathering.get(write)
        if (batch !== undefined) return void batch.push(waiting)
        gathering.set(write, [waiting])
        setTimeout(() => void commit(write), gatherMs)
      })
    },
  }
}

interface Waiting {
  readonly rows: PackedRequests
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}
