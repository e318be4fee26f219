import { TimeLimitPassed, withTimeLimit } from '../../time-limit.ts'
import { type Store, StoreUnavailable } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'

/** @param storeOf makes the store that works inside the transaction. */
export const together =
  (engine: SqlEngine, storeOf: (inTransaction: SqlEngine) => Store): Store['together'] =>
  async (work) => {
    try {
      return await engine.write(async (trx) => {
        const inside = within(engine, trx)
        const result = await withTimeLimit(work(storeOf(inside.engine)), heldMs).catch(tooLong)
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
    many: noBatch,
    batch: noBatch,
    ...(engine.writeRequests && { writeRequests: noBatch }),
  }
  return { engine: inside, hasFailed: () => failed }
}

const noBatch = (): Promise<never> =>
  Promise.reject(new Error('a batch is a transaction of its own, and can be no part of another'))

function tooLong(error: unknown): never {
  if (!(error instanceof TimeLimitPassed)) throw error
  throw new StoreUnavailable(`a transaction was held for ${heldMs} ms, and undone`, { cause: error })
}

/** Takes a result past the end of a transaction that is rolled back. */
class Undone<T> extends Error {
  readonly result: T
  constructor(result: T) {
    super('undone')
    this.result = result
  }
}

/** Without an end, work that asks the store outside would wait for itself, and everybody else for it. */
const heldMs = 10_000
