import type { Cluster, ClusterKey, ClusterNode } from '../helpers/cluster.ts'

/** What callers saw of a change, on the node that made it and on the others. */
export interface WatchedChange {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** Until the 2xx. */
  readonly answeredMs: number
  /** Requests on the same node that were sent after the 2xx and accepted. */
  readonly acceptedHere: number
  /** When the last accepted request was sent on any other node, in milliseconds after the 2xx; 0: none after it. */
  readonly lastAcceptedMs: number
}

export interface WatchOptions {
  readonly path: string
  readonly rawKey: string
  /** Where the change is made. */
  readonly node: ClusterNode
  readonly change: () => Promise<{ status: number; body: unknown }>
  /** How long to go on after the 2xx. */
  readonly forMs?: number
  /** At a time, on each node. */
  readonly callers?: number
}

/** Sends requests with a key to all nodes, without a pause, while it is changed so that they must be refused. */
export async function watchChange(
  nodes: readonly ClusterNode[],
  { path, rawKey, node: changed, change, forMs = 400, callers = 2 }: WatchOptions,
): Promise<WatchedChange> {
  const accepted: { here: boolean; sentAt: number }[] = []
  let over = false
  const watching = nodes.flatMap((node) =>
    Array.from({ length: callers }, async () => {
      while (!over) {
        const sentAt = performance.now()
        if ((await node.ask(path, rawKey)) === 200) accepted.push({ here: node === changed, sentAt })
      }
    }),
  )
  const startedAt = performance.now()
  const { status, body } = await change()
  const doneAt = performance.now()
  await new Promise((resolve) => setTimeout(resolve, forMs))
  over = true
  await Promise.all(watching)
  const late = accepted.filter(({ sentAt }) => sentAt > doneAt)
  return {
    status,
    body: body as WatchedChange['body'],
    answeredMs: doneAt - startedAt,
    acceptedHere: late.filter(({ here }) => here).length,
    lastAcceptedMs: Math.max(0, ...late.filter(({ here }) => !here).map(({ sentAt }) => sentAt - doneAt)),
  }
}

/** Calls with other keys on all nodes meanwhile. @returns what ends them, with how many were not answered 200. */
export function startLoad(
  { nodes }: Pick<Cluster, 'nodes'>,
  keys: readonly ClusterKey[],
  callers = 2,
): () => Promise<{ sent: number; failed: number }> {
  let over = false
  let [sent, failed] = [0, 0]
  const running = nodes.flatMap((node) =>
    Array.from({ length: callers }, async (_, first) => {
      for (let turn = first; !over; turn++) {
        sent++
        if ((await node.ask('/free', keys[turn % keys.length]?.raw)) !== 200) failed++
      }
    }),
  )
  return async () => {
    over = true
    await Promise.all(running)
    return { sent, failed }
  }
}

/** Accepted on every node, so that all of them hold it. @throws when one refuses. */
export async function warm(nodes: readonly ClusterNode[], path: string, rawKey: string): Promise<void> {
  const statuses = await Promise.all(nodes.map((node) => node.ask(path, rawKey)))
  if (statuses.some((status) => status !== 200)) throw new Error(`a new key was answered ${statuses.join(', ')}`)
}

export const anyOf = <Item>(items: readonly Item[]): Item => {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('there is none')
  return item
}
