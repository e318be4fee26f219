import type { Cluster, ClusterNode } from '../helpers/cluster.ts'

export interface Race {
  /** How many came through to the API. */
  readonly arrived: number
  /** How many of the callers got which answer; 0: none. */
  readonly statuses: ReadonlyMap<number, number>
  readonly ms: number
}

export interface RaceOptions {
  readonly path: string
  readonly rawKey: string
  readonly requests: number
  /** At a time, on each node. */
  readonly inFlight?: number
  /** Called once, when so many have been answered. */
  readonly midway?: { readonly after: number; readonly happens: () => void | Promise<void> }
}

/** Callers on all nodes at once, each of which sends as fast as it can until all requests are sent. */
export async function race(
  cluster: Pick<Cluster, 'arrived'>,
  nodes: readonly ClusterNode[],
  { path, rawKey, requests, inFlight = 64, midway }: RaceOptions,
): Promise<Race> {
  const before = cluster.arrived(path)
  const startedAt = performance.now()
  const statuses = new Map<number, number>()
  let answered = 0
  let happening: unknown
  const callers = nodes.flatMap((node, index) => {
    let left = Math.floor(requests / nodes.length) + (index < requests % nodes.length ? 1 : 0)
    return Array.from({ length: inFlight }, async () => {
      while (left-- > 0) {
        const status = await node.ask(path, rawKey)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (++answered === midway?.after) happening = midway.happens()
      }
    })
  })
  await Promise.all(callers)
  await happening
  return { arrived: cluster.arrived(path) - before, statuses, ms: performance.now() - startedAt }
}
