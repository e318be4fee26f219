import { StoreUnavailable } from './store.ts'

/** Lets one holder in at a time, in the order of asking. */
export interface Queue {
  /**
   * Resolves with the function that lets the next one in.
   * @param always wait, however many do already.
   * @throws StoreUnavailable when `max` wait already, or when the turn has not come in time.
   */
  enter(always?: boolean): Promise<() => void>
}

/** @param withinMs for how long anybody waits for a turn; left out: until it comes. */
export function createQueue(max: number, withinMs?: number): Queue {
  const waiting = new Set<() => void>()
  let taken = false

  const leaveOnce = (): (() => void) => {
    let left = false
    return () => {
      if (left) return
      left = true
      const [next] = waiting
      if (next) next()
      else taken = false
    }
  }

  return {
    async enter(always = false) {
      if (!taken) {
        taken = true
        return leaveOnce()
      }
      if (waiting.size >= max && !always)
        throw new StoreUnavailable(`the store is overloaded: ${max} calls wait already`)
      return new Promise((resolve, reject) => {
        const turn = (): void => {
          waiting.delete(turn)
          clearTimeout(timer)
          resolve(leaveOnce())
        }
        const late = (): void => {
          waiting.delete(turn)
          reject(new StoreUnavailable(`the store is busy: no turn within ${withinMs} ms`, { mayPass: true }))
        }
        const timer = withinMs === undefined || always ? undefined : setTimeout(late, withinMs)
        waiting.add(turn)
      })
    },
  }
}
