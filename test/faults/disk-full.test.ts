import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { ApiAnswer } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { type Node, startNode } from './node.ts'

/** A disk that takes no more: here the system lets no file of the process grow, which needs no rights and no disk of its own. */

const queueMax = 200

it('a full disk: requests go on, what of the log is lost is counted, no change is half made, and it recovers by itself', async () => {
  await using upstream = await startHttpUpstream((_request, response) => response.end('ok'))
  await using node = await startNode({
    yaml: `
store: sqlite:s.db
audit: { queue: ${queueMax} }
keys: { cache: { ttl: 1s, stale_if_store_down: 2s } }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /things/*, upstream: api }]
`,
  })
  const known = await node.makeKey('known')
  const unused = await node.makeKey('unused')
  const keys = `/organizations/${node.organizationId}/api-keys`
  const names = async (): Promise<string[]> =>
    (await node.api<{ name: string }[]>('GET', `${keys}?limit=200`)).body.map(({ name }) => name)
  const eventsBefore = await verified(node)

  const { size } = statSync(join(node.folder, 's.db-wal'))
  await limitFiles(node, String(size + 4096))
  await eventually(
    'the disk to be full',
    async () => {
      const { status, body } = await node.api('POST', keys, { name: 'in vain' })
      if (status === 503) expect(body).toMatchObject({ code: 'KEY_STORE_UNAVAILABLE' })
      return status === 503
    },
    { everyMs: 0 },
  )
  const made = (await names()).length
  const seq = await verified(node)
  expect(seq - eventsBefore).toBe(made - 2)

  // Reading needs no room: known or not, keys are judged as ever, for longer than stale_if_store_down.
  const startedAt = performance.now()
  let sent = 0
  while (performance.now() - startedAt < 3000 || sent < queueMax + 50) {
    const raw = sent % 2 === 0 ? known.raw : unused.raw
    expect((await node.ask('/things/1', raw)).status).toBe(200)
    sent++
  }
  expect((await node.ask('/things/1', `${known.raw.slice(0, -6)}000000`)).status).toBe(401)
  for (const { id } of [known, unused]) {
    expect((await node.api('POST', `${keys}/${id}/revoke`)).status).toBe(503)
    expect((await node.api('POST', `${keys}/${id}/rotate`)).status).toBe(503)
  }
  // Nothing of what was refused is there, nor is its event.
  expect((await names()).length).toBe(made)
  expect(await verified(node)).toBe(seq)
  for (const { raw } of [known, unused]) expect((await node.ask('/things/1', raw)).status).toBe(200)
  const dropped = (await node.metric('sallyport_request_log_dropped_total')) ?? 0
  expect(dropped).toBeGreaterThan(0)
  expect(await node.metric('sallyport_store_up')).toBe(0)
  expect(node.logged('rows of the request log were lost')).toBeGreaterThan(0)
  expect(node.gateway.output()).toContain('the store does not answer')

  await limitFiles(node, 'unlimited')
  await eventually('a change', async () => (await node.api('POST', `${keys}/${known.id}/revoke`)).status === 200, {
    withinMs: 5000,
  })
  expect((await node.ask('/things/1', known.raw)).status).toBe(401)
  expect((await node.ask('/things/1', unused.raw)).status).toBe(200)
  await eventually(
    'the rows that had room to be written',
    async () => (await node.metric('sallyport_request_log_queue')) === 0,
  )
  expect(await node.metric('sallyport_store_up')).toBe(1)
  // What had no room is counted to the last row.
  const sentInAll = sent + 5
  const rows = await countRows(node)
  expect(rows + ((await node.metric('sallyport_request_log_dropped_total')) ?? 0)).toBe(sentInAll)
  expect(await verified(node)).toBe(seq + 1)
}, 60_000)

/** @returns how many events there are; fails where the chain does not hold. */
async function verified(node: Node): Promise<number> {
  const { body } = await node.api<{ valid: boolean; checked: number }>('GET', '/events/verify')
  expect(body.valid).toBe(true)
  return body.checked
}

async function countRows(node: Node): Promise<number> {
  let count = 0
  let next: string | undefined = '/requests?limit=200'
  while (next !== undefined) {
    const answer: ApiAnswer<unknown[]> = await node.api<unknown[]>('GET', next)
    count += answer.body.length
    const link = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    next = link?.slice(link.indexOf('/requests'))
  }
  return count
}

const limitFiles = async ({ gateway }: Node, bytes: string): Promise<void> => {
  await promisify(execFile)('prlimit', ['--pid', String(gateway.child.pid), `--fsize=${bytes}:unlimited`])
}
