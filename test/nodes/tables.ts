import { type Cluster, type ClusterKey, makeKey, makeOrganization, startCluster } from '../helpers/cluster.ts'
import { race } from './race.ts'
import { anyOf, startLoad, warm, watchChange } from './watched-change.ts'

interface RevocationRow {
  readonly redis: 'runs' | 'stopped'
  readonly revocations: number
  /** Accepted by the same node after the 2xx. */
  readonly acceptedHere: number
  /** When the last one was sent that another node accepted, after the 2xx. */
  readonly worstMs: number
  readonly answerMedianMs: number
  readonly answerWorstMs: number
  /** Receipts that say 3 of 3. */
  readonly complete: number
}

/**
 * Measures three nodes that share PostgreSQL and Redis, and prints two tables: how soon a revocation holds everywhere, and how
 * many requests of a race come through a limit of 1000. @returns whether every promise was kept.
 */
export async function printTables({ revocations, races }: { revocations: number; races: number }): Promise<boolean> {
  await using cluster = await startCluster()
  await cluster.startAll(3)
  const organizationId = await makeOrganization(cluster.node(0))
  const others = await Promise.all(Array.from({ length: 10 }, () => makeKey(cluster.node(0), organizationId)))

  const raced = []
  for (const path of ['/plain', '/leased']) {
    for (let turn = 0; turn < races; turn++) raced.push(await raceOnce(cluster, organizationId, path))
  }
  console.table(raced)
  const killed = []
  for (const path of ['/plain', '/leased']) {
    for (let turn = 0; turn < races; turn++) killed.push(await raceOnce(cluster, organizationId, path, true))
  }
  console.table(killed)

  const rows: RevocationRow[] = []
  for (const redis of ['runs', 'stopped'] as const) {
    if (redis === 'stopped') await cluster.redis?.kill()
    rows.push(await revokeMany(cluster, redis, organizationId, others, revocations))
    console.table(rows)
  }
  return (
    raced.every(({ arrived }) => arrived === 1000) &&
    killed.every(({ arrived }) => arrived <= 1000) &&
    rows.every(({ redis, acceptedHere, worstMs }) => acceptedHere === 0 && worstMs <= (redis === 'runs' ? 250 : 1000))
  )
}

async function raceOnce(cluster: Cluster, organizationId: string, path: string, kill = false) {
  const rawKey = (await makeKey(cluster.node(0), organizationId)).raw
  const victim = cluster.node(2)
  const midway = { after: 400, happens: () => victim.kill() }
  const nodes = [...cluster.nodes]
  const { arrived, statuses, ms } = await race(cluster, nodes, {
    path,
    rawKey,
    requests: 5000,
    ...(kill && { midway }),
  })
  if (kill) await cluster.start()
  const count = (status: number) => statuses.get(status) ?? 0
  return {
    limit: path.slice(1),
    kill,
    arrived,
    passed: count(200),
    limited: count(429),
    unanswered: count(0),
    ms: Math.round(ms),
  }
}

async function revokeMany(
  cluster: Cluster,
  redis: RevocationRow['redis'],
  organizationId: string,
  others: readonly ClusterKey[],
  revocations: number,
): Promise<RevocationRow> {
  const stop = startLoad(cluster, others)
  const answers: number[] = []
  let [acceptedHere, worstMs, complete] = [0, 0, 0]
  for (let turn = 0; turn < revocations; turn++) {
    const node = anyOf(cluster.nodes)
    const key = await makeKey(node, organizationId)
    await warm(cluster.nodes, '/free', key.raw)
    const path = `/organizations/${organizationId}/api-keys/${key.id}/revoke`
    const seen = await watchChange(cluster.nodes, {
      ...{ path: '/free', rawKey: key.raw, node, forMs: redis === 'runs' ? 300 : 400 },
      change: () => node.api('POST', path, {}),
    })
    if (seen.status !== 200) throw new Error(`a revocation was answered ${seen.status}`)
    answers.push(seen.answeredMs)
    acceptedHere += seen.acceptedHere
    worstMs = Math.max(worstMs, seen.lastAcceptedMs)
    const { live, acknowledged } = seen.body.nodes as { live: number; acknowledged: number }
    if (live === 3 && acknowledged === 3) complete++
  }
  await stop()
  answers.sort((one, other) => one - other)
  return {
    ...{ redis, revocations, acceptedHere, worstMs: Math.round(worstMs) },
    answerMedianMs: Math.round(answers[answers.length >> 1] ?? 0),
    answerWorstMs: Math.round(answers.at(-1) ?? 0),
    complete,
  }
}
