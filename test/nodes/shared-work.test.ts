import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, type ClusterNode, makeKey, makeOrganization, startCluster } from '../helpers/cluster.ts'
import { eventually, settled } from '../helpers/eventually.ts'
import { postgresDatabases } from '../helpers/postgres.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

/** What three nodes do with one store: the audit trail, jobs, webhooks, and requests that are sent to two of them. */

const settings = `
keys: { accept: [{ prefix: old_, length: 24 }] }
webhooks: { allow_private: true }
`
let cluster: Cluster
let target: WebhookTarget

beforeAll(async () => {
  target = await startWebhookTarget()
  cluster = await startCluster({ settings })
  await cluster.startAll(3)
}, 90_000)
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

interface Job {
  readonly id: string
  readonly status: string
  readonly progress: number
}

const verify = async (node: ClusterNode) =>
  (await node.api<{ valid: boolean; checked: number }>('GET', '/events/verify')).body

/** Deliveries of this type, of keys whose organization is this one. */
const deliveriesOf = (organizationId: string) =>
  target.ofType('api_key.created').filter(({ body }) => JSON.stringify(body.data).includes(organizationId))

const subscribe = async (node: ClusterNode, organizationId: string): Promise<void> => {
  const order = { url: target.url, events: ['api_key.created'] }
  expect((await node.api('POST', `/organizations/${organizationId}/webhooks`, order)).status).toBe(201)
}

describe('three nodes that write at once', () => {
  it('leave one valid chain of events, with each change once', { timeout: 60_000 }, async () => {
    const organizationId = await makeOrganization(cluster.node(0), 'Chain')
    const before = await verify(cluster.node(0))
    expect(before.valid).toBe(true)
    const writers = cluster.nodes.flatMap((node) =>
      Array.from({ length: 4 }, async () => {
        for (let turn = 0; turn < 5; turn++) {
          const { id } = await makeKey(node, organizationId)
          const path = `/organizations/${organizationId}/api-keys/${id}`
          expect((await node.api('PATCH', path, { description: `Turn ${turn}` })).status).toBe(200)
          expect((await node.api('DELETE', path)).status).toBe(204)
        }
      }),
    )
    await Promise.all(writers)
    for (const node of cluster.nodes) {
      expect(await verify(node)).toEqual({ valid: true, checked: before.checked + 3 * 4 * 5 * 3 })
    }
  })

  it('make one key of requests with one Idempotency-Key, whichever nodes they come to', {
    timeout: 60_000,
  }, async () => {
    const organizationId = await makeOrganization(cluster.node(0), 'Once')
    const path = `/organizations/${organizationId}/api-keys`
    for (let turn = 0; turn < 10; turn++) {
      const headers = { 'idempotency-key': randomUUID() }
      const order = (node: ClusterNode) =>
        node.api<{ key?: { id: string }; raw_key?: string; code?: string }>(
          'POST',
          path,
          { name: `Key ${turn}` },
          headers,
        )
      const answers = await Promise.all([...cluster.nodes, ...cluster.nodes].map(order))
      const made = answers.filter(({ status }) => status === 201)
      expect(made.length).toBeGreaterThan(0)
      // Whoever came while the first was under way is told so, and gets the same answer when it asks again.
      expect(answers.filter(({ status }) => status !== 201).every(({ status }) => status === 409)).toBe(true)
      const again = await Promise.all(cluster.nodes.map(order))
      expect(again.map(({ status }) => status)).toEqual([201, 201, 201])
      expect(new Set([...made, ...again].map(({ body }) => `${body.key?.id} ${body.raw_key}`)).size).toBe(1)
    }
    expect((await cluster.node(0).api<unknown[]>('GET', `${path}?limit=200`)).body).toHaveLength(10)
  })

  it('deliver each webhook, and none twice while all of them live', { timeout: 60_000 }, async () => {
    const organizationId = await makeOrganization(cluster.node(0), 'Told')
    await subscribe(cluster.node(1), organizationId)
    const made = await Promise.all(
      Array.from({ length: 45 }, (_, index) => makeKey(cluster.node(index % 3), organizationId)),
    )
    await eventually('all to be delivered', () => deliveriesOf(organizationId).length >= 45, { withinMs: 20_000 })
    const received = await settled('deliveries', () => deliveriesOf(organizationId).length, { forMs: 1500 })
    expect(received).toBe(45)
    expect(new Set(deliveriesOf(organizationId).map(({ id }) => id)).size).toBe(45)
    const told = deliveriesOf(organizationId).map(({ text }) => text)
    for (const { id } of made) expect(told.filter((text) => text.includes(id))).toHaveLength(1)
  })
})

describe('nodes that are killed at their work', () => {
  it('lose no step of a job and do none twice, and lose no webhook', { timeout: 180_000 }, async () => {
    const total = 1500
    const organizationId = await makeOrganization(cluster.node(0), 'Killed')
    const held = await makeOrganization(cluster.node(0), 'Held')
    await subscribe(cluster.node(0), held)
    target.answerWith(() => undefined)
    for (let count = 0; count < 6; count++) await makeKey(cluster.node(0), held)
    const lines = Array.from({ length: total }, (_, index) => {
      return JSON.stringify({ name: `Key ${index}`, raw_key: `old_${randomBytes(10).toString('hex')}` })
    })
    const jobs = `/organizations/${organizationId}/jobs`
    const order = { type: 'key_import', params: { format: 'jsonl', data: lines.join('\n') } }
    const ordered = await cluster.node(0).api<Job>('POST', jobs, order)
    expect(ordered.status).toBe(202)
    const last = cluster.node(2)
    const job = async () => (await last.api<Job & { result: unknown }>('GET', `${jobs}/${ordered.body.id}`)).body

    await eventually('the job to be under way', async () => (await job()).progress > 0, { withinMs: 10_000 })
    // Whoever does it: the one that was asked, or another.
    let seen: number | undefined
    for (let kills = 0; kills < 2 && seen === undefined; kills++) {
      await cluster.node(0).kill()
      seen = await stalledAt(async () => (await job()).progress)
    }
    const left = await job()
    expect(left).toMatchObject({ status: 'running', progress: seen })
    expect(left.progress).toBeLessThan(total)
    const inHand = deliveriesOf(held).map(({ id }) => id)
    expect(inHand.length).toBeGreaterThan(0)
    target.answerWith((response) => void response.writeHead(204).end())

    const done = await eventually(
      'another node to finish it',
      async () => {
        const now = await job()
        return now.status === 'completed' && now
      },
      { withinMs: 90_000, everyMs: 200 },
    )
    expect(done).toMatchObject({ progress: total, result: { lines: total, created: total, skipped: 0, failed: 0 } })
    const databases = await postgresDatabases(cluster.postgres.url())
    const keys = await databases.query(
      cluster.postgres.url(),
      `select count(distinct k.id) as keys, count(distinct s.sha256) as secrets, count(*) as rows from api_keys k
       join key_secrets s on s.key_id = k.id where k.organization_id = '${organizationId}'`,
    )
    await databases.close()
    expect(keys).toEqual([{ keys: total, secrets: total, rows: total }])
    expect((await verify(last)).valid).toBe(true)

    await eventually('each webhook to come', () => new Set(deliveriesOf(held).map(({ id }) => id)).size === 6, {
      withinMs: 45_000,
      everyMs: 50,
    })
    // Those that nobody had in hand when the nodes were killed have come once.
    const after = deliveriesOf(held).slice(inHand.length)
    for (const { id } of after) {
      if (!inHand.includes(id)) expect(after.filter((other) => other.id === id)).toHaveLength(1)
    }
  })
})

/** Where it has stood still for a second; undefined where it goes on. One step may have been on its way to the store. */
async function stalledAt(progress: () => Promise<number>): Promise<number | undefined> {
  let last = await progress()
  let since = performance.now()
  let steps = 0
  const { at } = await eventually('the job to stand still, or to go on', async () => {
    const now = await progress()
    if (now !== last) {
      steps++
      last = now
      since = performance.now()
    }
    if (steps > 1) return { at: undefined }
    return performance.now() - since >= 1000 && { at: last }
  })
  return at
}
