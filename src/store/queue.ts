import { StoreUnavailable } from './store.ts'

/** Lets one holder in at a time, in the order of asking. */
export interface Queue {
  /**
   * Resolves with the function that lets the next one in.
   * @param always wait, however many do already.
   * @throws StoreUnavailable when `max` wait already.
   */
  enter(always?: boolean): Promise<() => void>
}

export function createQueue(max: number): Queue {
  const waiting: (() => void)[] = []
  let taken = false

  const leaveOnce = (): (() => void) => {
    let left = false
    return () => {
      if (left) return
      left = true
      const next = waiting.shift()
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
      if (waiting.length >= max && !always)
        throw new StoreUnavailable(`the store is overloaded: ${max} calls wait already`)
      return new Promise((resolve) => waiting.push(() => resolve(leaveOnce())))
    },
  }
}
