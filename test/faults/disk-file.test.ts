import { existsSync } from 'node:fs'
import { copyFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { type MadeKey, type Node, startNode } from './node.ts'

/** Somebody takes the file of a SQLite store away from a gateway that runs, or puts another one in its place. */

let upstream: HttpUpstream
let node: Node
let known: MadeKey
let unused: MadeKey

const start = async (workers: number): Promise<void> => {
  node = await startNode({
    yaml: `
store: sqlite:s.db
workers: ${workers}
keys: { cache: { ttl: 200ms, stale_if_store_down: 3s } }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /things/*, upstream: api }]
`,
  })
  known = await node.makeKey('known')
  unused = await node.makeKey('unused')
}
beforeEach(async () => {
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
})
afterEach(async () => {
  await node[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const file = (name = 's.db'): string => join(node.folder, name)
const parts = ['s.db', 's.db-wal', 's.db-shm']
const revoke = ({ id }: MadeKey) => node.api('POST', `/organizations/${node.organizationId}/api-keys/${id}/revoke`)
const notReady = () => eventually('the node to notice', async () => (await node.ready()).status === 503)

describe.each([1, 2])('the file of the store, with %d workers', (workers) => {
  it('taken away: no change is made that nobody could find again, and all is well when it is back', async () => {
    await start(workers)
    expect((await node.ask('/things/1', known.raw)).status).toBe(200)
    for (const name of parts) await rename(file(name), file(`away-${name}`))
    await notReady()
    expect(await revoke(known)).toMatchObject({ status: 503, body: { code: 'KEY_STORE_UNAVAILABLE' } })
    expect(await node.ask('/things/1', unused.raw)).toMatchObject({ status: 503, code: 'KEY_STORE_UNAVAILABLE' })
    await eventually(
      'known keys to end after stale_if_store_down',
      async () => (await node.ask('/things/1', known.raw)).status === 503,
      { withinMs: 6000, everyMs: 50 },
    )
    expect(await node.metric('sallyport_store_up')).toBe(0)
    expect(node.gateway.output()).toMatch(/the file of the store is no longer there.*Put it back/)
    // An empty one in its place would look like a store in which there never was a key.
    expect(existsSync(file())).toBe(false)

    for (const name of parts) await rename(file(`away-${name}`), file(name))
    await eventually('the node to be ready', async () => (await node.ready()).status === 200)
    for (const { raw } of [known, unused]) expect((await node.ask('/things/1', raw)).status).toBe(200)
    expect((await revoke(known)).status).toBe(200)
    expect((await node.ask('/things/1', known.raw)).status).toBe(401)
  }, 30_000)

  it('replaced: keys are judged by neither of the two, until it is started again', async () => {
    await start(workers)
    expect((await node.ask('/things/1', known.raw)).status).toBe(200)
    await copyFile(file(), file('backup'))
    await rename(file('backup'), file())
    await notReady()
    expect((await revoke(known)).status).toBe(503)
    expect((await node.ask('/things/1', unused.raw)).status).toBe(503)
    await eventually('a line that says what to do', () =>
      /another file is in the place of the store.*start it again/.test(node.gateway.output()),
    )
  }, 30_000)
})

it('a file that is taken away for good does not hold up the end', async () => {
  await start(1)
  for (const name of parts) await rm(file(name))
  await notReady()
  const startedAt = performance.now()
  node.gateway.child.kill('SIGTERM')
  expect(await node.gateway.exited).toEqual([0, null])
  expect(performance.now() - startedAt).toBeLessThan(12_000)
}, 30_000)
