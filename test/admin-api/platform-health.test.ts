import { describe, expect, it, vi } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { startRedis } from '../helpers/redis.ts'
import { breakStore } from '../helpers/store-outage.ts'
import { startWorkersProcess } from '../helpers/workers-process.ts'

interface Health {
  readonly ready: boolean
  readonly checks: Record<string, string>
  readonly redis: { readonly up: boolean } | null
  readonly limiter: { readonly degraded: boolean }
  readonly upstreams: { readonly targets: { readonly up: boolean }[] }[]
  readonly config: { readonly version: string; readonly last_reload: { readonly result: string } | null }
}

describe('GET /platform/health', () => {
  it('is all well right after the start', async () => {
    await using gateway = await startAdmin()
    const { status, body } = await gateway.api('GET', '/health')
    const policy = await gateway.api('GET', '/policy')
    expect([status, body]).toEqual([
      200,
      {
        ready: true,
        checks: {},
        store: { kind: 'sqlite', up: true },
        redis: null,
        limiter: { degraded: false },
        upstreams: [{ name: 'api', targets: [{ url: 'http://127.0.0.1:9', up: true }], health_check: false }],
        request_log: { queue: 0, dropped: 0 },
        config: { version: policy.body.version, since: policy.body.since, last_reload: null },
        nodes: { live: 1, acknowledged: 1 },
      },
    ])
  })

  it('says that the store does not answer, as /readyz does', async () => {
    await using gateway = await startAdmin()
    const repair = breakStore(gateway.storeFile)
    try {
      const { status, body } = await gateway.api('GET', '/health')
      expect([status, body]).toMatchObject([200, { ready: false, store: { up: false }, checks: { store: /./ } }])
      expect(Object.keys(body.checks as object)).toEqual(['store'])
    } finally {
      repair()
    }
    await eventually('the store to be back', async () => (await gateway.api<Health>('GET', '/health')).body.ready)
  })

  it('and /readyz ask the store once when they are asked together', async () => {
    await using gateway = await startAdmin()
    const ping = vi.spyOn(gateway.store, 'ping')
    const readyz = () => fetch(`${gateway.adminUrl}/readyz`)
    await Promise.all([readyz(), gateway.api('GET', '/health'), readyz(), gateway.api('GET', '/health')])
    expect(ping).toHaveBeenCalledTimes(1)
  })

  it('says which target of an upstream is down', async () => {
    await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
    await using gateway = await startAdmin(`
upstreams:
  api:
    targets: ["http://127.0.0.1:9", "${upstream.url}"]
    health: { path: /, every: 100ms }
`)
    const ups = async () =>
      (await gateway.api<Health>('GET', '/health')).body.upstreams.flatMap(({ targets }) => targets.map(({ up }) => up))
    await eventually('the dead target to be seen', async () => (await ups()).join() === 'false,true')
  })

  it('tells of a configuration that was rejected, and of what is in force', async () => {
    await using gateway = await startAdmin()
    const before = (await gateway.api<Health>('GET', '/health')).body.config.version
    await gateway.writeConfig('routes: 7')
    expect((await gateway.api('POST', '/config/reload')).status).toBe(422)
    const { config } = (await gateway.api<Health>('GET', '/health')).body
    expect(config).toMatchObject({
      version: before,
      last_reload: { result: 'rejected', problems: [{ path: 'routes' }] },
    })
  })

  it('says that Redis is away, and that limits are not shared meanwhile', async () => {
    await using redis = await startRedis()
    await using gateway = await startAdmin(`redis: ${redis.url}`)
    const health = async () => (await gateway.api<Health>('GET', '/health')).body
    expect(await health()).toMatchObject({ redis: { up: true }, limiter: { degraded: false }, ready: true })
    await redis.kill()
    await eventually('the loss to be seen', async () => (await health()).redis?.up === false)
    expect(await health()).toMatchObject({ limiter: { degraded: true }, ready: true })
  })

  it('is of all workers together', async () => {
    await using node = await startWorkersProcess(`
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:sallyport.db
workers: 2
`)
    expect(await node.admin('GET', '/health')).toMatchObject({
      ready: true,
      request_log: { queue: 0, dropped: 0 },
      limiter: { degraded: false },
    })
  })
})
