import { Agent } from 'undici'
import type { Cluster, ClusterNode } from '../helpers/cluster.ts'

export interface Balanced {
  readonly sent: number
  /** Not answered 200, neither by the first node nor by the one that was tried after it: what callers saw instead. */
  readonly failed: readonly string[]
  /** Sent again elsewhere because the connection ended, or because there was none to be had. */
  readonly again: number
  /** How many each node has answered, in the order in which they came. */
  readonly perNode: readonly number[]
}

export interface BalancerOptions {
  readonly path: string
  readonly rawKey: string
  readonly callers: number
  /** Between two looks at whether each node is ready. */
  readonly probeMs?: number
}

/**
 * Callers behind a load balancer: requests go in turn to the nodes that say that they are ready, on connections that are
 * kept; one whose connection ends before an answer is sent once more, to another node, as HTTP clients do with a GET.
 */
export function startBalancer(
  { nodes }: Pick<Cluster, 'nodes'>,
  { path, rawKey, callers, probeMs = 200 }: BalancerOptions,
): () => Promise<Balanced> {
  const agent = new Agent({ connections: callers, pipelining: 1 })
  const answered = new Map<ClusterNode, number>()
  const failed: string[] = []
  let ready = new Set(nodes)
  let over = false
  let [sent, again, turn] = [0, 0, 0]

  const probe = async (): Promise<void> => {
    while (!over) {
      const states = await Promise.all(
        [...nodes].map(async (node) => {
          const response = await fetch(`${node.adminUrl}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(
            () => undefined,
          )
          await response?.body?.cancel()
          return response?.status === 200 ? node : undefined
        }),
      )
      ready = new Set(states.filter((node) => node !== undefined))
      await new Promise((resolve) => setTimeout(resolve, probeMs))
    }
  }

  const request = async (node: ClusterNode): Promise<number> => {
    const headers = { authorization: `Bearer ${rawKey}` }
    const answer = await agent.request({ origin: node.dataUrl, path, method: 'GET', headers })
    await answer.body.dump()
    answered.set(node, (answered.get(node) ?? 0) + 1)
    return answer.statusCode
  }

  const next = (): ClusterNode => {
    const list = [...ready]
    const node = list[turn++ % list.length]
    if (node === undefined) throw new Error('no node is ready')
    return node
  }

  const call = async (): Promise<void> => {
    sent++
    let status: number
    try {
      status = await request(next())
    } catch {
      again++
      status = await request(next())
    }
    if (status !== 200) failed.push(String(status))
  }

  const running = Promise.all([
    probe(),
    ...Array.from({ length: callers }, async () => {
      while (!over) await call().catch((error: unknown) => failed.push(String(error)))
    }),
  ])
  return async () => {
    over = true
    await running
    await agent.destroy()
    return { sent, failed, again, perNode: [...answered.values()] }
  }
}
