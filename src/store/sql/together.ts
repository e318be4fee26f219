import { type Store, StoreUnavailable } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'

/** @param storeOf makes the store that works inside the transaction. */
export const together =
  (engine: SqlEngine, storeOf: (inTransaction: SqlEngine) => Store): Store['together'] =>
  async (work) => {
    try {
      return await engine.write(async (trx) => {
        const inside = within(engine, trx)
        const result = await endedAfter(heldMs, work(storeOf(inside.engine)))
        if (inside.hasFailed()) throw new Undone(result)
        return result
      })
    } catch (error) {
      if (error instanceof Undone) return error.result
      throw error
    }
  }

/** Every transaction on it is a part of this one. */
function within(engine: SqlEngine, trx: Writer): { engine: SqlEngine; hasFailed: () => boolean } {
  let failed = false
  const inside: SqlEngine = {
    ...engine,
    db: trx,
    read: (part) => part(trx),
    async write(part) {
      try {
        return await part(trx)
      } catch (error) {
        // What it has written by then is still there: the whole is undone, also where somebody catches this.
        failed = true
        throw error
      }
    },
    many: () => Promise.reject(new Error('a batch is a transaction of its own, and can be no part of another')),
    batch: () => Promise.reject(new Error('a batch is a transaction of its own, and can be no part of another')),
  }
  return { engine: inside, hasFailed: () => failed }
}

/** Without an end, work that asks the store outside would wait for itself, and everybody else for it. */
async function endedAfter<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(`a transaction was held for ${ms} ms, and undone`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Takes a result past the end of a transaction that is rolled back. */
class Undone<T> extends Error {
  readonly result: T
  constructor(result: T) {
    super('undone')
    this.result = result
  }
}

const heldMs = 10_000
