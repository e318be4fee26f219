import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Organization, RequestRow } from '../../src/store/store.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { requestRow } from '../helpers/request-row.ts'

interface Bucket {
  at?: string
  route?: string | null
  key_id?: string
  code?: string
  requests: number
  errors: number
  denied: number
  limited: number
  p50_ms: number | null
}

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000
const now = Date.UTC(2026, 0, 15, 12)

let gateway: AdminGateway
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
beforeAll(async () => {
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
  gateway = await startAdmin(
    `
scopes: { 'a:read': Read }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /a/*, scopes: ['a:read'], upstream: api }]
audit: { retention: 7d }
`,
    { clock: testClock(now) },
  )
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const analytics = (query = '', organization: Organization = gateway.organization) =>
  gateway.api<Bucket[]>('GET', `/organizations/${organization.id}/analytics?${query}`)
const range = (fromMs: number, toMs = 0): string =>
  `since=${new Date(now + fromMs).toISOString()}&until=${new Date(now + toMs).toISOString()}`

/** An organization with rows of its own, at so many milliseconds from now. */
async function withRequests(...rows: (Partial<RequestRow> & { readonly fromNow: number })[]): Promise<Organization> {
  const organization = await gateway.createOrg({ name: 'Summed' })
  await gateway.store.insertRequests(
    rows.map(({ fromNow, ...row }) => requestRow({ organizationId: organization.id, ...row, at: now + fromNow })),
  )
  return organization
}

describe('analytics', () => {
  it('count what went through the gateway, what was refused and why', async () => {
    const key = await gateway.createKey({ name: 'Reader' })
    const poor = await gateway.createKey({ scopes: [] })
    // The clock stands at the end of a minute.
    const justNow = range(-minuteMs, minuteMs)
    for (let count = 0; count < 3; count++) await gateway.request('GET', '/a/one', { key })
    await gateway.request('GET', '/a/one', { key: poor })
    await gateway.request('GET', '/nowhere', { key })
    const routes = await eventually('the requests to be counted', async () => {
      const { body } = await analytics(`${justNow}&by=route`)
      return body.reduce((sum, { requests }) => sum + requests, 0) === 5 && body
    })
    expect(routes).toMatchObject([
      { route: '/a/*', requests: 4, errors: 0, denied: 1, limited: 0 },
      { route: null, requests: 1, errors: 0, denied: 1, limited: 0 },
    ])
    expect((await analytics(`${justNow}&by=key`)).body).toMatchObject([
      {
        key_id: key.record.id,
        name: 'Reader',
        key_prefix: key.record.secrets[0]?.keyPrefix,
        organization_id: gateway.organization.id,
        requests: 4,
        denied: 1,
      },
      { key_id: poor.record.id, requests: 1, denied: 1 },
    ])
    expect((await analytics(`${justNow}&by=code`)).body).toMatchObject([
      { code: 'INSUFFICIENT_SCOPE', requests: 1 },
      { code: 'NOT_FOUND', requests: 1 },
    ])
  })

  it('answer the last 24 hours in five minutes, with zeros and no percentiles where nothing was', async () => {
    const organization = await withRequests(
      { fromNow: -3 * hourMs, durationMs: 20 },
      { fromNow: -3 * hourMs - dayMs, durationMs: 20 },
    )
    const { body } = await analytics('', organization)
    expect(body).toHaveLength(288)
    expect([body[0]?.at, body.at(-1)?.at]).toEqual(['2026-01-14T12:00:00.000Z', '2026-01-15T11:55:00.000Z'])
    const busy = body.filter(({ requests }) => requests > 0)
    expect(busy).toMatchObject([{ at: '2026-01-15T09:00:00.000Z', requests: 1 }])
    expect(busy[0]?.p50_ms).toBeGreaterThan(13)
    expect(busy[0]?.p50_ms).toBeLessThan(30)
    const empty = { requests: 0, errors: 0, denied: 0, limited: 0, bytes_in: 0, bytes_out: 0 }
    expect(body[0]).toEqual({ at: body[0]?.at, ...empty, p50_ms: null, p95_ms: null, p99_ms: null })
  })

  it.each([
    ['1 h', range(-hourMs), 60, minuteMs],
    ['24 h', range(-dayMs), 288, 5 * minuteMs],
    ['7 d', range(-7 * dayMs), 168, hourMs],
    ['30 d', range(-30 * dayMs), 31, dayMs],
  ])('choose an interval for %s', async (_, query, buckets, stepMs) => {
    const { body } = await analytics(query)
    expect(body).toHaveLength(buckets)
    expect(Date.parse(body[1]?.at ?? '') - Date.parse(body[0]?.at ?? '')).toBe(stepMs)
  })

  it('round the range outward to whole intervals', async () => {
    const organization = await withRequests({ fromNow: -90 * minuteMs }, { fromNow: -minuteMs })
    const { body } = await analytics(`${range(-80 * minuteMs, -10 * minuteMs)}&interval=1h`, organization)
    expect(body.map(({ at, requests }) => [at, requests])).toEqual([
      ['2026-01-15T10:00:00.000Z', 1],
      ['2026-01-15T11:00:00.000Z', 1],
    ])
  })

  it('add all of a range up, with the percentiles of all of it', async () => {
    const organization = await withRequests(
      ...Array.from({ length: 98 }, (_, at) => ({ fromNow: -2 * hourMs + at, durationMs: 2 })),
      { fromNow: -hourMs, route: '/a/*', keyId: 'key_a', durationMs: 2 },
      { fromNow: -minuteMs, status: 503, durationMs: 5000 },
      // Outside.
      { fromNow: -3 * hourMs, durationMs: 5000 },
    )
    const total = async (query = '') =>
      (await analytics(`${range(-2 * hourMs)}&by=total${query}`, organization)).body as (Bucket & { p99_ms: number })[]
    const [all, ...others] = await total()
    expect(others).toEqual([])
    expect(all).toMatchObject({ requests: 100, errors: 1 })
    expect(all?.at).toBeUndefined()
    expect(all?.p99_ms).toBeLessThan(4)
    expect(await total('&route=/a/*')).toMatchObject([{ requests: 1 }])
    expect(await total('&key_id=key_a')).toMatchObject([{ requests: 1 }])
    expect(await total('&route=/nowhere')).toMatchObject([{ requests: 0, p50_ms: null }])
  })

  it('tell of one route, or of one key by the hour', async () => {
    const organization = await withRequests(
      { fromNow: -minuteMs, route: '/a/*', keyId: 'key_a' },
      { fromNow: -minuteMs, route: '/b/*', keyId: 'key_b' },
      { fromNow: -minuteMs, route: '/b/*', keyId: 'key_b' },
    )
    const requests = async (query: string) =>
      (await analytics(`${range(-hourMs)}&${query}`, organization)).body.map((bucket) => bucket.requests)
    expect((await requests('route=/b/*')).reduce((sum, one) => sum + one)).toBe(2)
    expect(await requests('key_id=key_a')).toEqual([1])
    expect(await requests('by=key&key_id=key_b')).toEqual([2])
    expect(await requests('by=route&route=/a/*')).toEqual([1])
    expect(await requests('by=route&limit=1')).toEqual([2])
  })

  it.each([
    ['interval=1m', 'interval', '1m makes more than 1000 buckets of this range; take 5m, or a shorter range'],
    [`${range(-5 * dayMs)}&interval=5m`, 'interval', /^5m makes more than 1000 .* take 1h/],
    [`${range(-10 * dayMs)}&interval=5m`, 'interval', /^5m is finer than what is kept: .* go after 7d .* take 1h/],
    [`${range(-hourMs)}&interval=1m&key_id=key_a`, 'interval', /^1m is finer than what is kept: .* take 1h/],
    ['by=key&route=/a/*', 'route', /goes with by=time, by=total and by=route/],
    ['by=route&key_id=key_a', 'key_id', /goes with by=time, by=total and by=key/],
    ['route=/a/*&key_id=key_a', 'key_id', /without route/],
    ['by=route&interval=1h', 'interval', 'goes with by=time alone'],
    ['limit=5', 'limit', 'goes with by=route, by=key and by=code'],
    ['by=total&limit=5', 'limit', 'goes with by=route, by=key and by=code'],
    ['by=total&interval=1h', 'interval', 'goes with by=time alone'],
    ['by=route&limit=201', 'limit', 'must be a number from 1 to 200'],
    [range(0, -hourMs), 'since', 'must be before until'],
    [range(-401 * dayMs), 'since', 'must be at most 400 days before until'],
    [`by=key&${range(-101 * dayMs)}`, 'since', /^must be at most 100 days before until where all keys/],
    ['by=nothing', 'by', /./],
    ['interval=2m', 'interval', /./],
    ['since=yesterday', 'since', /./],
    ['unknown=1', '', /unknown/],
  ])('refuse %s, and say what to send', async (query, path, message) => {
    const sent = query === 'interval=1m' ? `${range(-dayMs)}&${query}` : query
    const { status, body } = await gateway.api<{ errors: { path: string; message: string }[] }>(
      'GET',
      `/organizations/${gateway.organization.id}/analytics?${sent}`,
    )
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([
      { path, message: message instanceof RegExp ? expect.stringMatching(message) : message },
    ])
  })
})

it.each([
  ['time', 400],
  ['total', 400],
  ['route', 400],
  ['code', 400],
  ['key', 100],
  ['key&key_id=key_1', 400],
])('the longest range is answered, by %s', async (by, days) => {
  const path = `/organizations/${gateway.organization.id}/analytics?${range(-days * dayMs)}&by=${by}`
  expect((await gateway.api('GET', path)).status).toBe(200)
})

describe('whose analytics', () => {
  it('are those of one organization to its members, and 404 to others', async () => {
    const mine = await withRequests({ fromNow: -minuteMs, keyId: 'key_mine', route: '/mine/*' })
    const other = await withRequests({ fromNow: -minuteMs, keyId: 'key_other', route: '/other/*', code: 'NOT_FOUND' })
    const viewer = await gateway.member('viewer', mine.id)
    for (const query of [
      'by=time&interval=1d',
      'by=total',
      'by=route',
      'by=key',
      'by=code',
      'key_id=key_other',
      'route=/other/*',
    ]) {
      expect([query, (await viewer('GET', `/organizations/${other.id}/analytics?${query}`)).status]).toEqual([
        query,
        404,
      ])
      const { status, body } = await viewer<Bucket[]>('GET', `/organizations/${mine.id}/analytics?${query}`)
      expect(status).toBe(200)
      expect(JSON.stringify(body)).not.toMatch(/other/)
      expect(body.reduce((sum, { requests }) => sum + requests, 0)).toBe(/code|other/.test(query) ? 0 : 1)
    }
    expect((await viewer('GET', '/analytics')).status).toBe(403)
  })

  it('are those of all to root, of one that it names, and of none', async () => {
    const one = await withRequests({ fromNow: -10 * dayMs })
    await withRequests({ fromNow: -10 * dayMs, keyId: 'key_2' }, { fromNow: -10 * dayMs, keyId: 'key_2' })
    await gateway.store.insertRequests([
      requestRow({
        at: now - 10 * dayMs,
        organizationId: null,
        keyId: null,
        route: null,
        status: 401,
        code: 'INVALID_API_KEY',
      }),
    ])
    const root = async (query: string) =>
      (await gateway.api<Bucket[]>('GET', `/analytics?${range(-11 * dayMs, -9 * dayMs)}&${query}`)).body
    const count = async (query: string) => (await root(query)).reduce((sum, { requests }) => sum + requests, 0)
    expect(await count('')).toBe(4)
    expect(await count(`organization_id=${one.id}`)).toBe(1)
    expect(await count('organization_id=none')).toBe(1)
    expect(await count('organization_id=org_unknown')).toBe(0)
    expect(await root('by=code&organization_id=none')).toMatchObject([{ code: 'INVALID_API_KEY', denied: 1 }])
    // Of which organization a key is, no question says.
    expect(await root('by=key')).toMatchObject([
      { key_id: 'key_2', requests: 2, name: null },
      { key_id: 'key_1', requests: 1, name: null },
    ])
    expect(await root('by=key&limit=1')).toHaveLength(1)
    expect(await root('by=key&organization_id=none')).toEqual([])
  })
})
