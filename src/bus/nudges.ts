/**
 * Tells other nodes that the change log has grown, and tells back how far a node has read it. May lose, repeat and reorder
 * what it is given: the log is the truth and is polled all the same, this only makes it quick. Nothing here throws.
 */
export interface Nudges {
  /** The change log has grown to this sequence number. */
  nudge(seq: number): void
  /** @returns takes the listener off. Called with 0 when the connection is back: something may have been missed. */
  onNudge(listener: (seq: number) => void): () => void
  /** This node holds nothing that is older than this sequence number. */
  acknowledge(seq: number): void
  /** @param listener called with what other nodes acknowledge, and this one too. */
  onAcknowledged(listener: (node: string, seq: number) => void): () => void
  close(): Promise<void>
}
