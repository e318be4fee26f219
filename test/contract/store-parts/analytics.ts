import { describe, expect } from 'vitest'
import type { AnalyticsQuery, RequestSums } from '../../../src/store/analytics-store.ts'
import type { RequestRow, Store } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, requestRow, testOn } from './make.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
/** Noon, so that days, hours and minutes all begin here or before. */
const at = Date.UTC(2026, 0, 15, 12)

export function analyticsContract(open: OpenStore): void {
  const it = testOn(open)

  const wholeDay: AnalyticsQuery = { since: at - dayMs / 2, until: at + dayMs / 2, grain: 'minute' }
  const total = async (store: Store, query: Partial<AnalyticsQuery> = {}): Promise<number> => {
    const [sums] = await store.requestsOverTime({ ...wholeDay, ...query, intervalMs: dayMs })
    return sums?.requests ?? 0
  }
  /** The same rows counted by everything that there are sums for. */
  const totals = async (store: Store) => {
    const all = { ...wholeDay, limit: 200 }
    const sum = (rows: readonly RequestSums[]) => rows.reduce((count, { requests }) => count + requests, 0)
    return {
      everywhere: await total(store),
      organization: await total(store, { organizationId: 'org_a' }),
      routes: sum(await store.requestsByRoute({ ...all, organizationId: 'org_a' })),
      keys: sum(await store.requestsByKey({ ...all, organizationId: 'org_a' })),
      codes: sum(await store.requestsByCode({ ...all, organizationId: 'org_a' })),
    }
  }
  const counted = (count: number) => ({
    everywhere: count,
    organization: count,
    routes: count,
    keys: count,
    codes: count,
  })

  describe('analytics', () => {
    it('sum what happened', async ({ store }) => {
      await store.insertRequests([
        requestRow(at, { durationMs: 10, bytesIn: 1, bytesOut: 10 }),
        requestRow(at + 1, { durationMs: 10, bytesIn: 2, bytesOut: 20 }),
        requestRow(at + 2, { status: 502, code: 'UPSTREAM_UNAVAILABLE', bytesIn: 4, bytesOut: 40, durationMs: 10 }),
        // The upstream's own answers are no refusals of ours.
        ...[404, 429, 500].map((status) => requestRow(at + 3, { status, durationMs: 10 })),
        requestRow(at + 4, { status: 0, durationMs: 900 }),
        requestRow(at + 5, { status: 404, code: 'NOT_FOUND', durationMs: 0.1 }),
        requestRow(at + 5, { status: 403, code: 'INSUFFICIENT_SCOPE', durationMs: 0.1 }),
        requestRow(at + 6, { status: 429, code: 'RATE_LIMITED', durationMs: 0.1 }),
        requestRow(at + 7, { status: 400, code: 'BAD_REQUEST', durationMs: 0.1 }),
        // Broken off in the middle of its answer.
        requestRow(at + 8, { status: 200, code: 'UPSTREAM_UNAVAILABLE', durationMs: 10 }),
      ])
      const [sums, ...others] = await store.requestsOverTime({ ...wholeDay, intervalMs: hourMs })
      expect(others).toEqual([])
      expect(sums).toMatchObject({ at, requests: 12, errors: 4, denied: 2, limited: 1 })
      expect(sums?.bytesIn).toBe(7)
      expect(sums?.bytesOut).toBe(70 + 9 * 512)
      expect(within(sums?.p50Ms, 10)).toBe(true)
      expect(within(sums?.p99Ms, 900)).toBe(true)
    })

    it('count a batch once that is sent again, with others that are new', async ({ store }) => {
      const rows = [requestRow(at, { code: 'NOT_FOUND' }), requestRow(at, { code: 'NOT_FOUND' })]
      await store.insertRequests(rows.slice(0, 1))
      await store.insertRequests(rows)
      await store.insertRequests(rows)
      await store.finishRequests(rows)
      expect(await totals(store)).toEqual(counted(2))
      expect((await store.listRequests()).rows).toHaveLength(2)
    })

    it('count a row once that stands twice in one batch', async ({ store }) => {
      const row = requestRow(at, { code: 'NOT_FOUND' })
      await store.insertRequests([row, row, requestRow(at, { code: 'NOT_FOUND' })])
      expect(await totals(store)).toEqual(counted(2))
    })

    it('count admitted rows when they are finished, once, with how they ended', async ({ store }) => {
      const admitted = requestRow(at, { status: 0, durationMs: 0 })
      await store.admitRequests([admitted])
      await store.admitRequests([admitted])
      expect(await totals(store)).toEqual(counted(0))
      const finished: RequestRow = { ...admitted, status: 502, code: 'UPSTREAM_UNAVAILABLE', durationMs: 40 }
      await store.finishRequests([finished])
      await store.finishRequests([finished])
      // An answer that was lost: the decision comes again after the end.
      await store.admitRequests([admitted])
      await store.insertRequests([admitted])
      expect(await totals(store)).toEqual(counted(1))
      expect((await store.listRequests()).rows).toEqual([finished])
      const [sums] = await store.requestsOverTime({ ...wholeDay, intervalMs: dayMs })
      expect(sums).toMatchObject({ requests: 1, errors: 1 })
      expect(within(sums?.p50Ms, 40)).toBe(true)
    })

    it('count finished rows that were never admitted', async ({ store }) => {
      const row = requestRow(at, { code: 'NOT_FOUND' })
      await store.finishRequests([row])
      await store.finishRequests([row])
      expect(await totals(store)).toEqual(counted(1))
    })

    it('add up what several batches and processes write', async ({ store, opened }) => {
      const other = await opened.openAnother()
      const batch = () => Array.from({ length: 50 }, (_, index) => requestRow(at + index, { code: 'NOT_FOUND' }))
      await Promise.all([store, other, store, other].map((one) => one.insertRequests(batch())))
      expect(await totals(store)).toEqual(counted(200))
    })

    it('write nothing of a batch that is refused', async ({ store }) => {
      const wrong = requestRow(at, { method: null as unknown as string })
      await expect(store.insertRequests([requestRow(at), wrong])).rejects.toThrow()
      expect(await totals(store)).toEqual(counted(0))
      expect((await store.listRequests()).rows).toEqual([])
    })

    it('give each interval its own, the oldest first, none where nothing was', async ({ store }) => {
      const times = [0, 1, minuteMs, 6 * minuteMs, hourMs, 25 * hourMs]
      await store.insertRequests(times.map((ms) => requestRow(at + ms)))
      const over = async (intervalMs: number, query: Partial<AnalyticsQuery> = {}) => {
        const range = { since: at, until: at + 2 * dayMs, grain: 'minute', ...query } as const
        const rows = await store.requestsOverTime({ ...range, intervalMs })
        return rows.map((row) => [(row.at - at) / minuteMs, row.requests])
      }
      expect(await over(minuteMs)).toEqual([
        [0, 2],
        [1, 1],
        [6, 1],
        [60, 1],
        [25 * 60, 1],
      ])
      expect(await over(5 * minuteMs)).toEqual([
        [0, 3],
        [5, 1],
        [60, 1],
        [25 * 60, 1],
      ])
      expect(await over(hourMs)).toEqual([
        [0, 4],
        [60, 1],
        [25 * 60, 1],
      ])
      const noon = { since: at - dayMs / 2, until: at + 3.5 * dayMs }
      expect(await over(dayMs, noon)).toEqual([
        [-12 * 60, 5],
        [12 * 60, 1],
      ])
      expect(await over(minuteMs, { since: at + minuteMs, until: at + hourMs })).toEqual([
        [1, 1],
        [6, 1],
      ])
      expect(await over(minuteMs, { since: at + 2 * minuteMs, until: at + 2 * minuteMs })).toEqual([])
    })

    it('take whole minutes for the ends of a range, however long it is', async ({ store }) => {
      const times = [0, 10, 59, 60, 119, 600, 1439, 1440, 1500, 2000].map((minutes) => at + minutes * minuteMs)
      await store.insertRequests(times.map((time) => requestRow(time)))
      const between = async (from: number, to: number) => {
        const range = { since: at + from * minuteMs, until: at + to * minuteMs, grain: 'minute', limit: 10 } as const
        const [route] = await store.requestsByRoute(range)
        return route?.requests ?? 0
      }
      for (const [from, to] of [
        [0, 2001],
        [10, 2000],
        [11, 1500],
        [60, 120],
        [59, 61],
        [600, 601],
        [601, 1439],
      ]) {
        const expected = times.filter((time) => time >= at + (from ?? 0) * minuteMs && time < at + (to ?? 0) * minuteMs)
        expect([from, to, await between(from ?? 0, to ?? 0)]).toEqual([from, to, expected.length])
      }
    })

    it('keep organizations apart, and those of none', async ({ store }) => {
      const nobody = { organizationId: null, keyId: null, route: null, status: 401, code: 'INVALID_API_KEY' }
      await store.insertRequests([
        requestRow(at),
        requestRow(at, { organizationId: 'org_b', keyId: 'key_b', route: '/other/*' }),
        requestRow(at, nobody),
        requestRow(at, nobody),
      ])
      expect(await total(store)).toBe(4)
      expect(await total(store, { organizationId: 'org_a' })).toBe(1)
      expect(await total(store, { organizationId: null })).toBe(2)
      expect(await total(store, { organizationId: 'org_c' })).toBe(0)
      const limit = 10
      const routes = await store.requestsByRoute({ ...wholeDay, limit })
      expect(routes.map(({ route, requests }) => [route, requests])).toEqual([
        [null, 2],
        ['/api/v1/projects/:id', 1],
        ['/other/*', 1],
      ])
      const keys = await store.requestsByKey({ ...wholeDay, limit })
      expect(keys.map(({ keyId }) => keyId)).toEqual(['key_a', 'key_b'])
      expect(await store.requestsByKey({ ...wholeDay, organizationId: null, limit })).toEqual([])
      const codes = await store.requestsByCode({ ...wholeDay, limit })
      expect(codes.map(({ code, requests, denied }) => [code, requests, denied])).toEqual([['INVALID_API_KEY', 2, 2]])
      expect(await store.requestsByCode({ ...wholeDay, organizationId: 'org_a', limit })).toEqual([])
    })

    it('tell of one route or one key alone', async ({ store }) => {
      await store.insertRequests([
        requestRow(at),
        requestRow(at, { route: '/other/*' }),
        requestRow(at + hourMs, { keyId: 'key_b' }),
      ])
      const other = { ...wholeDay, route: '/other/*' }
      expect((await store.requestsByRoute({ ...other, limit: 10 })).map(({ route }) => route)).toEqual(['/other/*'])
      expect((await store.requestsOverTime({ ...other, intervalMs: hourMs })).map(({ requests }) => requests)).toEqual([
        1,
      ])
      const key = { ...wholeDay, organizationId: 'org_a', keyId: 'key_b' }
      expect((await store.requestsByKey({ ...key, limit: 10 })).map(({ keyId }) => keyId)).toEqual(['key_b'])
      const times = await store.requestsOverTime({ ...key, intervalMs: hourMs })
      expect(times.map((row) => [row.at, row.requests])).toEqual([[at + hourMs, 1]])
      const foreign = { ...key, organizationId: 'org_b', intervalMs: hourMs }
      expect(await store.requestsOverTime(foreign)).toEqual([])
    })

    it('say what a key is called, also when it is deleted, as long as its organization is there', async ({ store }) => {
      const organizationId = await makeOrganization(store)
      const { key } = await makeKey(store, organizationId, { name: 'CI', secret: newSecret('sk_live_1111') })
      await store.insertRequests([requestRow(at, { organizationId, keyId: key.id })])
      const named = { keyId: key.id, name: 'CI', keyPrefix: 'sk_live_1111', organizationId, requests: 1 }
      const byKey = () => store.requestsByKey({ ...wholeDay, limit: 10 })
      expect(await byKey()).toMatchObject([named])
      await store.rotateKey(organizationId, key.id, newSecret('sk_live_2222'), null, actor)
      await store.deleteKey(organizationId, key.id, actor)
      expect(await byKey()).toMatchObject([{ ...named, keyPrefix: 'sk_live_2222' }])
      // Without its organization named: it is looked up.
      const overTime = { ...wholeDay, keyId: key.id, intervalMs: hourMs }
      expect(await store.requestsOverTime(overTime)).toMatchObject([{ at, requests: 1 }])
      await store.deleteOrganization(organizationId, actor)
      expect(await byKey()).toMatchObject([{ keyId: key.id, name: null, keyPrefix: null, requests: 1 }])
      expect(await store.requestsOverTime(overTime)).toEqual([])
    })

    it('list those with the most requests, as many as asked', async ({ store }) => {
      const rows = [1, 2, 3, 4].flatMap((index) =>
        Array.from({ length: index }, () => requestRow(at, { keyId: `key_${index}`, route: `/${index}` })),
      )
      await store.insertRequests(rows)
      const two = { ...wholeDay, limit: 2 }
      expect((await store.requestsByRoute(two)).map((row) => [row.route, row.requests])).toEqual([
        ['/4', 4],
        ['/3', 3],
      ])
      expect((await store.requestsByKey(two)).map((row) => [row.keyId, row.requests])).toEqual([
        ['key_4', 4],
        ['key_3', 3],
      ])
    })

    it('add up keys of all organizations over many days, known ones and gone ones', async ({ store }) => {
      const [one, other] = [await makeOrganization(store, 'One'), await makeOrganization(store, 'Other')]
      const [often, seldom] = [(await makeKey(store, one)).key.id, (await makeKey(store, other)).key.id]
      const rowsOf = (keyId: string, organizationId: string, days: readonly number[]) =>
        days.map((day) => requestRow(at - day * dayMs, { keyId, organizationId, durationMs: 10 }))
      const everyDay = Array.from({ length: 40 }, (_, day) => day)
      await store.insertRequests([
        ...rowsOf(often, one, everyDay),
        ...rowsOf(often, one, [0, 39]),
        ...rowsOf(seldom, other, [0, 7, 8, 9, 16, 39]),
        ...rowsOf('key_gone', 'org_gone', [1, 20, 21]),
      ])
      // Hours at both ends, and days between them.
      const query = { since: at - 39 * dayMs - hourMs, until: at + hourMs, grain: 'hour', limit: 10 } as const
      const counts = (rows: readonly (RequestSums & { keyId: string; organizationId: string | null })[]) =>
        rows.map(({ keyId, organizationId, requests, p50Ms }) => [keyId, organizationId, requests, p50Ms !== null])
      expect(counts(await store.requestsByKey(query))).toEqual([
        [often, one, 42, true],
        [seldom, other, 6, true],
        ['key_gone', null, 3, true],
      ])
      expect(counts(await store.requestsByKey({ ...query, limit: 1 }))).toEqual([[often, one, 42, true]])
      expect(counts(await store.requestsByKey({ ...query, keyId: seldom }))).toEqual([[seldom, other, 6, true]])
      expect(counts(await store.requestsByKey({ ...query, organizationId: other }))).toEqual([[seldom, other, 6, true]])
      const [sums] = await store.requestsOverTime({ ...query, intervalMs: 1000 * dayMs, keyId: often })
      expect(sums?.requests).toBe(42)
      // No key is of no organization.
      expect(await store.requestsByKey({ ...query, organizationId: null, keyId: often })).toEqual([])
      expect(await store.requestsOverTime({ ...query, organizationId: null, intervalMs: dayMs, keyId: often })).toEqual(
        [],
      )
    })

    it('are off by no more than their bucket is wide', async ({ store }) => {
      let state = 7
      const random = () => {
        state = (state * 48_271) % 2_147_483_647
        return state / 2_147_483_647
      }
      const samples = Array.from({ length: 3000 }, () => 0.3 * 300_000 ** random())
      for (let index = 0; index < samples.length; index += 700) {
        const part = samples.slice(index, index + 700)
        await store.insertRequests(part.map((durationMs) => requestRow(at, { durationMs })))
      }
      const sorted = samples.toSorted((one, other) => one - other)
      const exact = (quantile: number) => sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0
      const [sums] = await store.requestsOverTime({ ...wholeDay, intervalMs: dayMs })
      const [route] = await store.requestsByRoute({ ...wholeDay, limit: 1 })
      for (const found of [sums, route]) {
        expect([found?.p50Ms, exact(0.5), within(found?.p50Ms, exact(0.5))]).toContain(true)
        expect([found?.p95Ms, exact(0.95), within(found?.p95Ms, exact(0.95))]).toContain(true)
        expect([found?.p99Ms, exact(0.99), within(found?.p99Ms, exact(0.99))]).toContain(true)
      }
    })

    it('go when they are old, the finest first', async ({ store }) => {
      const times = [at - 3 * dayMs, at - dayMs, at]
      await store.insertRequests(times.map((time) => requestRow(time, { code: 'NOT_FOUND' })))
      const count = async (grain: AnalyticsQuery['grain'], intervalMs: number) => {
        const rows = await store.requestsOverTime({ since: at - 4 * dayMs, until: at + dayMs, grain, intervalMs })
        return rows.length
      }
      // By minute (route and code, of the organization and of all) and the key by hour.
      expect(await pruneAll(store, { fine: at - dayMs / 2, coarse: at - 10 * dayMs })).toBe(10)
      expect([await count('minute', minuteMs), await count('hour', hourMs)]).toEqual([1, 3])
      expect(await pruneAll(store, { fine: at - dayMs / 2, coarse: at - 2 * dayMs })).toBe(5)
      expect([await count('minute', minuteMs), await count('hour', hourMs)]).toEqual([1, 2])
      const query = { since: at - 4 * dayMs, until: at + dayMs / 2, grain: 'day', limit: 9 } as const
      const [key] = await store.requestsByKey(query)
      expect(key?.requests).toBe(2)
      expect(await pruneAll(store, { fine: at - dayMs / 2, coarse: at - 2 * dayMs })).toBe(0)
    })

    it('keep a sum until all of it is old', async ({ store }) => {
      await store.insertRequests([requestRow(at + 30_000)])
      expect(await pruneAll(store, { fine: at + 59_999, coarse: at + 59_999 })).toBe(0)
      expect(await pruneAll(store, { fine: at + 60_000, coarse: at + 60_000 })).toBe(2)
    })

    it('go a few at a time', async ({ store }) => {
      await store.insertRequests(Array.from({ length: 20 }, (_, index) => requestRow(at + index * minuteMs)))
      const age = { fine: at + hourMs / 2, coarse: 0 }
      // Five minutes of two rows make ten.
      expect(await store.pruneAnalytics(age, 10)).toBe(10)
      const range = { since: at, until: at + hourMs, grain: 'minute', intervalMs: minuteMs } as const
      expect((await store.requestsOverTime(range))[0]?.at).toBe(at + 5 * minuteMs)
    })
  })
}

async function pruneAll(store: Store, age: Parameters<Store['pruneAnalytics']>[0]): Promise<number> {
  let gone = 0
  for (;;) {
    const some = await store.pruneAnalytics(age, 3)
    if (some === 0) return gone
    gone += some
  }
}

/** What percentileMs promises: at most half above, at most a third below. */
const within = (found: number | null | undefined, exact: number): boolean =>
  found !== null && found !== undefined && found <= exact * 1.5 && found >= exact / 1.5
