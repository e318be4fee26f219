import type { Change, ChangePage } from '../store.ts'

export interface ChangeRow extends Change {
  /** When it was made. */
  readonly at: number
}

export interface AskedChanges {
  /** The number of the last change that the follower has read. */
  readonly seq: number
  /** When that one was made, as the follower was told. */
  readonly at: number | undefined
}

/** What this database knows of its log, seen together with the rows. */
export interface ChangeLog {
  readonly latest: number
  /** When the change that was asked from was made, by this database; undefined where it has it no more. */
  readonly known: number | undefined
}

/** @param rows those that come behind `asked.seq`, in their order. */
export function changePage(rows: readonly ChangeRow[], asked: AskedChanges, { latest, known }: ChangeLog): ChangePage {
  const [oldest] = rows
  // Numbers have no holes and the newest row is never pruned. One that is lower than the follower's means that the
  // database was replaced by an older one, and then nothing of what the follower holds can be trusted.
  const missing = oldest ? oldest.seq !== asked.seq + 1 : asked.seq > latest
  // The same number was given twice: after a failover that has lost changes it is another log.
  const another = known !== undefined && asked.at !== undefined && known !== asked.at
  return {
    changes: rows.map(({ seq, kind, id }) => ({ seq, kind, id })),
    gap: missing || another,
    at: rows.at(-1)?.at ?? known,
  }
}
