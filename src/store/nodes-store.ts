/** A gateway that shares this store, as the others see it. */
export interface NodeRecord {
  /** `node_…`, another one after each start. */
  readonly id: string
  /** It holds nothing that is older than this sequence number of the change log. */
  readonly reached: number
}

/** Which nodes share the store, and how far each has read the change log. */
export interface NodesStore {
  /** Says that the node lives, by the clock of the database, and how far it has come. Never moves it back. */
  beat(node: NodeRecord): Promise<void>
  /** Those that have said so within the last `withinMs`. */
  listNodes(withinMs: number): Promise<NodeRecord[]>
  /** It leaves in good order, and with it those that have not been heard of for an hour. */
  removeNode(id: string): Promise<void>
}
