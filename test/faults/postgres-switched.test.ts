import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'
import { postgresDatabases } from '../helpers/postgres.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'
import { type MadeKey, type Node, startNode } from './node.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'
import { startStandby } from './standby.ts'

/** The address of PostgreSQL leads to another server: to a standby, as it does for a while when a primary is replaced. */

let primary: PostgresServer
let standby: PostgresServer
let proxy: FaultProxy
let upstream: HttpUpstream
let node: Node
let known: MadeKey
let other: MadeKey
let unseen: MadeKey

beforeAll(async () => {
  primary = await startPostgresServer()
  proxy = await startFaultProxy(primary.port)
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
  node = await startNode({
    yaml: `
store: ${JSON.stringify(proxy.urlOf(primary.url()))}
keys: { cache: { ttl: 500ms, stale_if_store_down: 20s } }
auth_failures: { requests: 10000, per: 1m }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /things/*, upstream: api }]
`,
  })
  known = await node.makeKey('known')
  other = await node.makeKey('other')
  unseen = await node.makeKey('unseen')
  standby = await startStandby(primary)
}, 90_000)
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await standby?.stop()
  await primary?.stop()
})

const ready = () =>
  eventually('the node to be ready', async () => (await node.ready()).status === 200, { withinMs: 15_000, everyMs: 20 })

beforeEach(async () => {
  proxy.leadTo(primary.port)
  proxy.cut()
  await ready()
})

/** Whether the changes are read there, as they are three times a second. */
async function asksStandby(): Promise<boolean> {
  const databases = await postgresDatabases(standby.url())
  const rows = await databases.query(
    standby.url(),
    "select 1 from pg_stat_activity where application_name = 'sallyport' and query like '%from changes where seq >%'",
  )
  await databases.close()
  return rows.length > 0
}

const revoke = ({ id }: MadeKey) => node.api('POST', `/organizations/${node.organizationId}/api-keys/${id}/revoke`)

describe('a standby behind the address', () => {
  it('is not asked for keys: what was revoked on the primary is refused, however old the standby is', async () => {
    expect((await node.ask('/things/1', known.raw)).status).toBe(200)
    // For a moment the name leads to the standby, where connections are made that would stay there; then back.
    proxy.leadTo(standby.port)
    proxy.cut()
    await eventually(
      'the node to have asked the standby, or to have refused to',
      async () => (await asksStandby()) || (await node.ready()).status === 503,
      { withinMs: 5000, everyMs: 20 },
    )
    proxy.leadTo(primary.port)
    await ready()
    const { status } = await eventually(
      'a change on the primary',
      async () => {
        const answer = await revoke(known)
        return answer.status === 200 && answer
      },
      { withinMs: 10_000, everyMs: 20 },
    )
    expect(status).toBe(200)
    for (let tries = 0; tries < 5; tries++) expect((await node.ask('/things/1', known.raw)).status).toBe(401)
  }, 40_000)

  it('makes nothing of it while it is one, and is used by itself once it is the primary', async () => {
    expect((await node.ask('/things/1', other.raw)).status).toBe(200)
    await primary.kill()
    try {
      proxy.leadTo(standby.port)
      proxy.cut()
      await eventually('the node to notice', async () => (await node.ready()).status === 503, { withinMs: 5000 })
      // A key that it knows goes on, as when there is no server at all; nothing is changed on what can't be changed.
      expect((await node.ask('/things/1', other.raw)).status).toBe(200)
      expect((await revoke(other)).status).toBe(503)
      expect(await node.ask('/things/1', unseen.raw)).toMatchObject({ status: 503, code: 'KEY_STORE_UNAVAILABLE' })
      expect(node.gateway.output()).toContain('the server is read-only: a standby')

      const databases = await postgresDatabases(standby.url())
      await databases.query(standby.url(), 'select pg_promote()')
      await databases.close()
      await ready()
      expect((await node.ask('/things/1', other.raw)).status).toBe(200)
      await eventually('a change', async () => (await revoke(other)).status === 200, { withinMs: 5000 })
      expect((await node.ask('/things/1', other.raw)).status).toBe(401)
      expect((await node.api('GET', '/events/verify')).body).toMatchObject({ valid: true })
    } finally {
      await primary.restart()
    }
  }, 40_000)
})
