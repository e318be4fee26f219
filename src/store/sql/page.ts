import type { Page } from '../store.ts'

/** @returns how many rows to read: 1 to 200, 50 when nothing is said. */
export function pageLimit({ limit = 50 }: Page = {}): number {
  return Math.min(200, Math.max(1, Math.trunc(limit)))
}
