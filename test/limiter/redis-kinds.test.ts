import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Charge } from '../../src/limiter/limiter.ts'
import { writeCertificate } from '../helpers/certificate.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort, startRedis } from '../helpers/redis.ts'
import { unconnected } from '../helpers/redis-limiter.ts'

const charge: Charge = { limit: 'key-minute', bucket: 'key_1', requests: 10, windowMs: 60_000, cost: 1 }
const states = (url: string) => {
  const limiter = unconnected(url)
  const ask = async () =>
    (await limiter.charge([charge, { ...charge, limit: 'org-day' }])).map(({ remaining }) => remaining)
  return { limiter, first: () => eventually(`an answer from ${url.split('?')[0]}`, ask, { withinMs: 10_000 }), ask }
}

describe('limits on', () => {
  it('a server with TLS, whose certificate has to be right', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'))
    const { cert, key } = await writeCertificate(folder)
    const port = await freePort()
    await using redis = await startRedis({
      settings: [
        `tls-port ${port}`,
        `tls-cert-file ${cert}`,
        `tls-key-file ${key}`,
        `tls-ca-cert-file ${cert}`,
        'tls-auth-clients no',
        'requirepass hunter2',
        'protected-mode no',
      ],
      password: 'hunter2',
    })
    expect(redis.port).toBe(0)
    const good = states(`rediss://:hunter2@localhost:${port}?ca=${encodeURIComponent(cert)}`)
    expect(await good.first()).toEqual([9, 9])
    const stranger = unconnected(`rediss://:hunter2@localhost:${port}`)
    await expect(stranger.charge([charge])).rejects.toMatchObject({ name: 'LimiterUnavailable' })
    const wrong = unconnected(`rediss://:wrong@localhost:${port}?ca=${encodeURIComponent(cert)}`)
    await expect(wrong.charge([charge])).rejects.toMatchObject({ name: 'LimiterUnavailable' })
    await Promise.all([good.limiter.close(), stranger.close(), wrong.close()])
    await rm(folder, { recursive: true })
  })

  it('a cluster: all limits of a request in one slot, and gateways with other prefixes on other servers', async () => {
    const settings = ['cluster-enabled yes', 'cluster-node-timeout 2000']
    await using a = await startRedis({ settings, tcp: true })
    await using b = await startRedis({ settings, tcp: true })
    await a.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191')
    await b.client.call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383')
    await a.client.call('CLUSTER', 'MEET', '127.0.0.1', String(b.port))
    for (const { client } of [a, b]) {
      await eventually(
        'the cluster',
        async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
        { withinMs: 15_000 },
      )
    }
    const prefixes = ['one', 'two', 'three', 'four', 'five', 'six']
    for (const prefix of prefixes) {
      const { limiter, first, ask } = states(`redis+cluster://127.0.0.1:${a.port},127.0.0.1:${b.port}?prefix=${prefix}`)
      expect(await first()).toEqual([9, 9])
      expect(await ask()).toEqual([8, 8])
      await limiter.close()
    }
    const counts = await Promise.all([a, b].map(({ client }) => client.dbsize()))
    expect(counts.reduce((sum, count) => sum + count)).toBe(2 * prefixes.length)
    expect(Math.min(...counts)).toBeGreaterThan(0)
  })

  it('sentinels: goes to the new primary when the old one dies', async () => {
    await using primary = await startRedis({ tcp: true })
    await using replica = await startRedis({ tcp: true, settings: [`replicaof 127.0.0.1 ${primary.port}`] })
    await using sentinel = await startRedis({
      tcp: true,
      sentinel: true,
      settings: [
        `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
        'sentinel down-after-milliseconds main 300',
        'sentinel failover-timeout main 2000',
      ],
    })
    await eventually(
      'the replica to be known',
      async () =>
        JSON.stringify(await sentinel.client.call('SENTINEL', 'REPLICAS', 'main')).includes(String(replica.port)),
      { withinMs: 15_000 },
    )
    await eventually(
      'the replica to follow',
      async () => (await replica.client.info('replication')).includes('master_link_status:up'),
      { withinMs: 10_000 },
    )
    const { limiter, first, ask } = states(`redis+sentinel://127.0.0.1:${sentinel.port}/main`)
    await first()
    await eventually('the replica to have it', async () => (await replica.client.dbsize()) > 0)
    await primary.kill()
    await eventually('the new primary to count', async () => ((await ask())[0] ?? 10) < 9, { withinMs: 15_000 })
    expect(await replica.client.call('ROLE')).toContain('master')
    await limiter.close()
  })

  it('a replica that takes no writes: unavailable', async () => {
    await using primary = await startRedis({ tcp: true })
    await using replica = await startRedis({ settings: [`replicaof 127.0.0.1 ${primary.port}`] })
    const limiter = unconnected(replica.url)
    const error = await eventually('an answer', () =>
      Promise.resolve(limiter.charge([charge])).then(
        () => undefined,
        (why: Error) => (/READONLY/.test(why.message) ? why : undefined),
      ),
    )
    expect(error.name).toBe('LimiterUnavailable')
    await limiter.close()
  })
})
