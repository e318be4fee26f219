import { type ChainedEvent, eventHash, genesisHash } from './event-chain.ts'

/** A row of the audit trail as it is stored, with the hash that it claims. */
export interface StoredEvent extends ChainedEvent {
  readonly hash: string
}

/** How far the chain had come at some time, known from somewhere else than the store. */
export interface Checkpoint {
  readonly seq: number
  readonly hash: string
}

export interface ChainVerdict {
  readonly valid: boolean
  /** Events looked at. */
  readonly checked: number
  /** The first that is not what was written: its number in the trail, its id where there is a row, and what is wrong. */
  readonly firstBad?: { readonly seq: number; readonly id: string | null; readonly reason: string }
}

const pageSize = 500

/**
 * Goes through the audit trail from its beginning, in pages. Finds a row that was edited, added, removed or moved; with a
 * checkpoint also a trail whose end was cut off.
 * @param read events after a number, oldest first.
 */
export async function verifyEvents(
  read: (afterSeq: number, limit: number) => Promise<readonly StoredEvent[]>,
  checkpoint: Checkpoint | undefined,
): Promise<ChainVerdict> {
  let last: Checkpoint = { seq: 0, hash: genesisHash }
  let checked = 0
  for (;;) {
    const events = await read(last.seq, pageSize)
    for (const event of events) {
      const reason = wrongWith(event, last, checkpoint)
      if (reason !== undefined) return { valid: false, checked, firstBad: { seq: event.seq, id: event.id, reason } }
      last = { seq: event.seq, hash: event.hash }
      checked++
    }
    if (events.length < pageSize) break
  }
  if (checkpoint !== undefined && last.seq < checkpoint.seq) {
    const reason = `the trail ends at ${last.seq}, but a checkpoint knows of ${checkpoint.seq}: its end was cut off`
    return { valid: false, checked, firstBad: { seq: last.seq + 1, id: null, reason } }
  }
  return { valid: true, checked }
}

function wrongWith(event: StoredEvent, last: Checkpoint, checkpoint: Checkpoint | undefined): string | undefined {
  if (event.seq !== last.seq + 1) return `events ${last.seq + 1} to ${event.seq - 1} are missing`
  if (event.prevHash !== last.hash)
    return 'it does not follow the event before it: one of the two was replaced or moved'
  if (eventHash(event) !== event.hash) return 'its content does not match its hash: it was edited'
  if (event.seq === checkpoint?.seq && event.hash !== checkpoint.hash)
    return 'a checkpoint knows another event in its place'
  return undefined
}
