import type { SelectQueryBuilder } from 'kysely'
import type { Found, Page, Search } from '../store.ts'

/** @returns how many rows to read: 1 to 200, 50 when nothing is said. */
export function pageLimit({ limit = 50 }: Page = {}): number {
  return Math.min(200, Math.max(1, Math.trunc(limit)))
}

/**
 * The last row that one page of a search looks at; undefined where there are fewer.
 * @param newestFirst asks for no more than an index has: that alone is read for it. @param most what takes a moment.
 */
export const lastLookedAt = <DB, Table extends keyof DB, Row>(
  newestFirst: SelectQueryBuilder<DB, Table, Row>,
  { lookAt }: Search,
  most: number,
): Promise<Row | undefined> =>
  newestFirst
    .limit(1)
    .offset(Math.max(1, Math.min(lookAt ?? most, most)) - 1)
    .executeTakeFirst() as Promise<Row | undefined>

/** @param end the last row that was looked at; undefined where there are no more behind it. */
export function foundOf<Row extends { readonly id: string }, T>(
  rows: readonly Row[],
  limit: number,
  end: { readonly id: string } | undefined,
  toRecord: (row: Row) => T,
): Found<T> {
  const last = rows.length >= limit ? rows.at(-1) : end
  return { rows: rows.map(toRecord), ...(last !== undefined && { next: last.id }) }
}
