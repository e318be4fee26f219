import type { RequestRow } from '../store/store.ts'

/** A request that waits for its row to be committed. */
export interface Admission {
  readonly row: RequestRow
  readonly waits: boolean
  /** The first call decides. */
  settle(admitted: boolean): void
}

/** @param decided gets false by itself after `withinMs`. */
export function createAdmission(row: RequestRow, withinMs: number, decided: (admitted: boolean) => void): Admission {
  const deadline = setTimeout(() => admission.settle(false), withinMs)
  const admission = {
    row,
    waits: true,
    settle(admitted: boolean) {
      if (!admission.waits) return
      admission.waits = false
      clearTimeout(deadline)
      decided(admitted)
    },
  }
  return admission
}
