import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { runToEnd } from '../helpers/jobs.ts'
import { logInMember } from '../helpers/operators.ts'
import { breakStore } from '../helpers/store-outage.ts'

/** The clock of the machine is set by an hour while the gateway runs. */

const hour = 3_600_000
const minute = 60_000

describe.each([
  ['forward', hour],
  ['back', -hour],
])('a clock that is set an hour %s', (_, by) => {
  it('moves no limit, no cache and no session, and is no reason to refuse or accept anything but what ends by the clock', async () => {
    const clock = testClock()
    await using upstream = await startHttpUpstream((_request, response) => response.end('ok'))
    await using gateway = await startAdmin(
      `
upstreams: { api: { targets: ['${upstream.url}'] } }
limits:
  few: { by: key, requests: 3, per: 1m }
  per-hour: { by: key, requests: 5, per: 1h }
routes:
  - { path: /few, limits: [few], upstream: api }
  - { path: /per-hour, limits: [per-hour], upstream: api }
  - { path: /any, upstream: api }
`,
      { clock },
    )
    const { api, organization } = gateway
    const keys = `/organizations/${organization.id}/api-keys`
    const key = await gateway.createKey()
    const ending = await gateway.createKey({ expiresAt: clock.now() + hour / 2 })
    const { browser } = await logInMember(gateway, organization.id, 'owner')
    const ask = async (path: string, raw = key.raw) => {
      const answer = await gateway.request('GET', path, { key: raw })
      return { status: answer.status, retryAfter: Number(answer.header('retry-after')) }
    }
    const asked = { name: 'once' }
    const header = { 'idempotency-key': randomUUID() }
    const first = await api('POST', keys, asked, header)
    for (let count = 0; count < 3; count++) expect((await ask('/few')).status).toBe(200)
    for (let count = 0; count < 5; count++) expect((await ask('/per-hour')).status).toBe(200)
    expect((await ask('/any', ending.raw)).status).toBe(200)

    clock.set(by)

    // Windows are counted in time that has passed, whatever the clock says.
    for (const [path, perMs] of [
      ['/few', minute],
      ['/per-hour', hour],
    ] as const) {
      const { status, retryAfter } = await ask(path)
      expect([path, status]).toEqual([path, 429])
      expect(retryAfter).toBeLessThanOrEqual(perMs / 1000)
    }
    expect((await ask('/any')).status).toBe(200)
    // A key ends when the clock says so.
    expect((await ask('/any', ending.raw)).status).toBe(by > 0 ? 401 : 200)
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
    expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200)

    // The first answer again, and no second key.
    const again = await api('POST', keys, asked, header)
    expect([again.status, again.body]).toEqual([201, first.body])
    // A change holds at once, a job is done, and the chain of events goes on.
    expect((await api('POST', `${keys}/${ending.record.id}/revoke`)).status).toBe(200)
    expect((await ask('/any', ending.raw)).status).toBe(401)
    expect((await runToEnd(gateway, 'key_export')).status).toBe('completed')
    expect((await api('GET', '/events/verify')).body).toMatchObject({ valid: true })
    expect((await gateway.requestLog()).filter(({ path }) => path === '/any').length).toBe(4)

    clock.advance(minute)
    expect((await ask('/few')).status).toBe(200)
    expect((await ask('/per-hour')).status).toBe(429)
  }, 30_000)

  it('leaves keys that are known what they have while the store is down, and not a moment more', async () => {
    const clock = testClock()
    await using upstream = await startHttpUpstream((_request, response) => response.end('ok'))
    await using gateway = await startAdmin(
      `
keys: { cache: { ttl: 30s, stale_if_store_down: 60s } }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /any, upstream: api }]
`,
      { clock },
    )
    const key = await gateway.createKey()
    const status = async () => (await gateway.request('GET', '/any', { key })).status
    expect(await status()).toBe(200)
    const repair = breakStore(gateway.storeFile)
    clock.set(by)
    expect(await status()).toBe(200)
    clock.advance(59_000)
    expect(await status()).toBe(200)
    clock.advance(2000)
    expect(await status()).toBe(503)
    repair()
  }, 30_000)
})
