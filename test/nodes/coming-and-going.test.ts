import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, type ClusterNode, makeKey, makeOrganization, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { startBalancer } from './balancer.ts'

/** Ten nodes on a database that was empty, and what callers notice when nodes come and go. */

let cluster: Cluster
let organizationId: string

beforeAll(async () => {
  cluster = await startCluster({ settings: 'timeouts: { drain_delay: 1s }\n' })
}, 60_000)
afterAll(() => cluster?.[Symbol.asyncDispose]())

async function revoke(node: ClusterNode): Promise<{ live: number; acknowledged: number }> {
  const { id } = await makeKey(node, organizationId)
  const path = `/organizations/${organizationId}/api-keys/${id}/revoke`
  const { live, acknowledged } = (await node.api<{ nodes: { live: number; acknowledged: number } }>('POST', path, {}))
    .body.nodes
  return { live, acknowledged }
}

const untilLive = (live: number, withinMs = 10_000) =>
  eventually(
    `${live} nodes to live`,
    async () => {
      const receipt = await revoke(cluster.node(0))
      return receipt.live === live && receipt.acknowledged === live
    },
    { withinMs, everyMs: 50 },
  )

describe('nodes that share a database', () => {
  it('ten that start at once on an empty one all serve, and know of each other', { timeout: 90_000 }, async () => {
    await cluster.startAll(10)
    organizationId = await makeOrganization(cluster.node(3))
    const { raw } = await makeKey(cluster.node(7), organizationId)
    expect(await Promise.all(cluster.nodes.map((node) => node.ask('/free', raw)))).toEqual(Array(10).fill(200))
    await untilLive(10)
    // Ten of them on one machine may find their database or Redis slow for a moment; nothing else may go wrong.
    const complaints = cluster.nodes.flatMap((node) => node.output().match(/^.*"level":"(error|fatal)".*$/gm) ?? [])
    expect(complaints.filter((line) => !/"msg":"(the store|Redis) does not answer/.test(line))).toEqual([])
  })

  it('one that leaves is not waited for, and one that dies not for long', { timeout: 60_000 }, async () => {
    const leaving = await Promise.all([9, 8, 7, 6, 5, 4].map((index) => cluster.node(index)).map((node) => node.stop()))
    expect(leaving).toEqual(Array(6).fill(0))
    // At once: they have said goodbye.
    expect((await revoke(cluster.node(0))).live).toBe(4)
    await untilLive(4)
    await cluster.node(3).kill()
    expect((await revoke(cluster.node(0))).acknowledged).toBeLessThanOrEqual(3)
    await untilLive(3)
  })

  it('a rolling restart under load fails no request', { timeout: 90_000 }, async () => {
    const { raw } = await makeKey(cluster.node(0), organizationId)
    const stop = startBalancer(cluster, { path: '/free', rawKey: raw, callers: 8 })
    for (const old of [...cluster.nodes]) {
      await cluster.start()
      expect(await old.stop()).toBe(0)
    }
    const { sent, failed, again, perNode } = await stop()
    expect(failed).toEqual([])
    expect(sent).toBeGreaterThan(500)
    // The last ones have carried some of it, too.
    expect(perNode).toHaveLength(6)
    // A connection may end right when a request is sent on it: few, and they come through elsewhere.
    expect(again).toBeLessThan(sent / 20)
    await untilLive(3)
  })
})
