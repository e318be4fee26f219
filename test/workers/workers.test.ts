import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, testActor } from '../helpers/gateway.ts'
import { type HttpUpstream, startHttpUpstream } from '../helpers/http-upstream.ts'

/** What is promised of one process holds for several: keys, limits, reloads, metrics and the request log are one. */

let upstream: HttpUpstream
let gateway: Gateway
let carried = 0

const yaml = (extra = '') => `
workers: 3
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes: { things:read: Read }
auth_failures: { requests: 100000, per: 1h }
limits: { few: { by: key, requests: 120, per: 1h } }
routes:
  - { path: /limited, upstream: api, limits: [few] }
  - { path: /plain, upstream: api, scopes: [things:read] }
  - { path: /feed, upstream: api }
${extra}
`

beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => {
    carried++
    if (request.url?.startsWith('/feed')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
    } else response.end('carried')
  })
  gateway = await startGateway(yaml())
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const repeat = <T>(times: number, make: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, at) => make(at)))

describe('several workers', () => {
  it('admit exactly what a limit allows, however many requests race over all of them', async () => {
    const key = await gateway.createKey()
    const before = carried
    const statuses = (await repeat(500, () => gateway.request('GET', '/limited', { key }))).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(120)
    expect(statuses.filter((status) => status === 429)).toHaveLength(380)
    expect(carried - before).toBe(120)
  })

  it('refuse a revoked key in each of them from the moment that the revocation is answered', async () => {
    for (let round = 0; round < 20; round++) {
      const key = await gateway.createKey()
      const warm = await repeat(12, () => gateway.request('GET', '/plain', { key }))
      expect(warm.map(({ status }) => status)).toEqual(warm.map(() => 200))
      await gateway.store.revokeKey(gateway.organization.id, key.record.id, null, testActor)
      const after = await repeat(12, () => gateway.request('GET', '/plain', { key }))
      expect(after.map(({ status }) => status)).toEqual(after.map(() => 401))
    }
  })

  it('close the streams of a revoked key, whichever of them holds the connection', async () => {
    const key = await gateway.createKey()
    const streams = await repeat(9, async () => {
      const abort = new AbortController()
      const headers = { authorization: `Bearer ${key.raw}` }
      const response = await fetch(`${gateway.dataUrl}/feed`, { headers, signal: abort.signal })
      expect(response.status).toBe(200)
      return response.body?.getReader()
    })
    await repeat(streams.length, async (at) => expect((await streams[at]?.read())?.done).toBe(false))
    const revokedAt = performance.now()
    await gateway.store.revokeKey(gateway.organization.id, key.record.id, null, testActor)
    await repeat(streams.length, (at) => expect(streams[at]?.read()).rejects.toThrow())
    expect(performance.now() - revokedAt).toBeLessThan(1000)
  })

  it('take up a new configuration all at once, before the reload is answered', async () => {
    const key = await gateway.createKey()
    expect((await gateway.request('GET', '/late', { key })).status).toBe(404)
    await gateway.writeConfig(yaml('  - { path: /late, upstream: api }'))
    expect((await gateway.app.reload()).ok).toBe(true)
    const late = await repeat(30, () => gateway.request('GET', '/late', { key }))
    expect(late.map(({ status }) => status)).toEqual(late.map(() => 200))
  })

  it('keep the old configuration, all of them, when the file is bad', async () => {
    const key = await gateway.createKey()
    await gateway.writeConfig(yaml('  - { path: /later, upstream: nowhere }'))
    expect((await gateway.app.reload()).ok).toBe(false)
    const plain = await repeat(12, () => gateway.request('GET', '/plain', { key }))
    expect(plain.map(({ status }) => status)).toEqual(plain.map(() => 200))
    await gateway.writeConfig(yaml())
    expect((await gateway.app.reload()).ok).toBe(true)
  })

  it('write one row for each request, and count each once', async () => {
    const key = await gateway.createKey()
    const counted = async () =>
      Number(
        /sallyport_requests_total\{route="\/plain",method="GET",status="200",code="none"\} (\d+)/.exec(
          await gateway.metrics(),
        )?.[1] ?? 0,
      )
    const before = await counted()
    await repeat(60, () => gateway.request('GET', '/plain', { key }))
    const rows = await eventually('all rows to be there', async () => {
      const { rows: found } = await gateway.store.listRequests({ keyId: key.record.id }, { limit: 200 })
      return found.length >= 60 && found
    })
    expect(rows).toHaveLength(60)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(60)
    expect((await counted()) - before).toBe(60)
    const used = await eventually(
      'the last use to be written',
      async () => (await gateway.store.findKey(gateway.organization.id, key.record.id))?.lastUsedAt,
    )
    expect(used).toBeGreaterThan(0)
  })

  it('let a key manage keys through any of them', async () => {
    const key = await gateway.createKey({ scopes: ['*', 'keys:manage'] })
    const made = await repeat(6, (at) =>
      gateway.request('POST', '/tenants/me/api-keys', {
        key,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: `made ${at}`, scopes: ['things:read'] }),
      }),
    )
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201))
    const raw: string = JSON.parse(made[0]?.text() ?? '').data.key
    const used = await repeat(6, () => gateway.request('GET', '/plain', { key: raw }))
    expect(used.map(({ status }) => status)).toEqual(used.map(() => 200))
  })

  it('record a key that came in a URL as exposed', async () => {
    const key = await gateway.createKey()
    expect((await gateway.request('GET', `/plain?note=${key.raw}`)).status).toBe(400)
    await eventually('the event', async () =>
      (await gateway.store.listEvents({ organizationId: gateway.organization.id })).rows.find(
        ({ type, target }) => type === 'api_key.exposed' && target === key.record.id,
      ),
    )
  })

  it('count the failed authentications of an address together', async () => {
    await using strict = await startGateway(yaml().replace('requests: 100000', 'requests: 40'))
    // 3 × 40 would be heard if each counted alone; those 50 ms that the others learn late let a few more through.
    let refused = 0
    for (let at = 0; at < 100; at++) {
      if ((await strict.request('GET', '/plain', { key: strict.unknownKey().slice(1) })).status === 429) refused++
    }
    expect(refused).toBeGreaterThan(20)
  })

  it('refuse a key that does nothing but probe after as many denials as the file allows, all of them together', async () => {
    await using strict = await startGateway(yaml('denials: { requests: 30, per: 1h }'))
    const key = await strict.createKey()
    const statuses = (await repeat(100, () => strict.request('GET', '/nowhere', { key }))).map(({ status }) => status)
    expect(statuses.filter((status) => status === 404)).toHaveLength(30)
    expect(statuses.filter((status) => status === 429)).toHaveLength(70)
    expect((await strict.request('GET', '/plain', { key })).status).toBe(200)
  })

  it('have the decision on disk before the request goes on, where the file wants that', async () => {
    await using strict = await startGateway(yaml('audit: { durability: strict }'))
    const key = await strict.createKey()
    const answers = await repeat(30, () => strict.request('GET', '/plain', { key }))
    const { rows } = await strict.store.listRequests({ keyId: key.record.id }, { limit: 200 })
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(rows).toHaveLength(30)
  })

  it('make one histogram of what each of them measures', async () => {
    const key = await gateway.createKey()
    const read = async () => {
      const text = await gateway.metrics()
      const name = 'sallyport_request_duration_seconds'
      const value = (line: string) =>
        Number(
          text
            .split('\n')
            .find((one) => one.startsWith(line))
            ?.split(' ')[1] ?? 0,
        )
      const lines = text.split('\n').filter((one) => one.startsWith(`${name}_bucket`) && one.includes('route="/plain"'))
      const bounds = lines.map((line) => /le="([^"]+)"/.exec(line)?.[1] ?? '')
      return {
        bounds,
        buckets: lines.map((line) => Number(line.split(' ')[1])),
        count: value(`${name}_count{route="/plain"`),
        sum: value(`${name}_sum{route="/plain"`),
      }
    }
    await gateway.request('GET', '/plain', { key })
    const before = await read()
    await repeat(50, () => gateway.request('GET', '/plain', { key }))
    const after = await read()
    expect(after.count - before.count).toBe(50)
    expect(after.sum).toBeGreaterThan(before.sum)
    expect(after.buckets.at(-1)).toBe(after.count)
    expect(after.buckets.toSorted((a, b) => a - b)).toEqual(after.buckets)
    expect(new Set(after.bounds).size).toBe(after.bounds.length)
    expect(after.bounds.length).toBeGreaterThan(5)
  })
})
