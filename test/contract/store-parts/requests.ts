import { describe, expect } from 'vitest'
import { packRequests } from '../../../src/store/packed-requests.ts'
import { type RequestFilter, StoreRefused } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, requestRow, testOn } from './make.ts'

export function requestsContract(open: OpenStore): void {
  const it = testOn(open)
  const at = 1_800_000_000_000

  describe('the request log', () => {
    it('keeps every field, with and without values', async ({ store }) => {
      const full = requestRow(at + 1, { code: 'RATE_LIMITED', shadowCode: 'INSUFFICIENT_SCOPE', status: 429 })
      const bare = requestRow(at, {
        organizationId: null,
        keyId: null,
        route: null,
        status: 0,
        upstreamMs: null,
        userAgent: null,
      })
      await store.insertRequests([bare, full])
      expect((await store.listRequests()).rows).toEqual([full, bare])
    })

    it('writes a batch of any size whole, and nothing for an empty one', async ({ store }) => {
      await store.insertRequests([])
      await store.admitRequests([])
      await store.finishRequests([])
      await store.insertRequests(Array.from({ length: 3000 }, (_, index) => requestRow(at + index)))
      expect(await store.pruneRequests(at + 2 * dayMs, 10_000)).toBe(3000)
    })

    it('takes a batch again whose answer was lost', async ({ store }) => {
      const rows = [requestRow(at), requestRow(at + 1)]
      await store.insertRequests(rows.slice(0, 1))
      await store.insertRequests(rows)
      expect((await store.listRequests()).rows).toEqual(rows.toReversed())
    })

    it('refuses a row that it can never take as such, and writes nothing of its batch', async ({ store }) => {
      const bad = { ...requestRow(at + 1), method: null as unknown as string }
      await expect(store.insertRequests([requestRow(at), bad])).rejects.toBeInstanceOf(StoreRefused)
      expect((await store.listRequests()).rows).toEqual([])
    })

    it('completes rows that were inserted with their decision alone', async ({ store }) => {
      const decided = requestRow(at, { status: 0, durationMs: 0, upstreamMs: null, bytesOut: 0 })
      const done = { ...decided, status: 201, durationMs: 8.5, upstreamMs: 7.25, bytesIn: 12, bytesOut: 99 }
      const other = requestRow(at + 1, { status: 0 })
      await store.admitRequests([decided, other])
      await store.finishRequests([done])
      expect((await store.listRequests()).rows).toEqual([other, done])
    })

    it('writes packed rows of several senders as one, and counts each row once', async ({ store }) => {
      const [first, second, third] = [requestRow(at), requestRow(at + 1), requestRow(at + 2)]
      await store.writePackedRequests('insert', [])
      await store.writePackedRequests('insert', [packRequests([first]), packRequests([]), packRequests([second])])
      await store.writePackedRequests('insert', [packRequests([second, third]), packRequests([first])])
      expect((await store.listRequests()).rows).toEqual([third, second, first])
      const [sums] = await store.requestsOverTime({ since: at, until: at + dayMs, grain: 'minute', intervalMs: dayMs })
      expect(sums?.requests).toBe(3)
    })

    it('completes packed rows that were admitted packed', async ({ store }) => {
      const decided = requestRow(at, { status: 0 })
      const done = { ...decided, status: 201, upstreamMs: 7.25 }
      await store.writePackedRequests('admit', [packRequests([decided])])
      expect((await store.listRequests()).rows).toEqual([decided])
      await store.writePackedRequests('finish', [packRequests([done])])
      expect((await store.listRequests()).rows).toEqual([done])
    })

    it('writes nothing of packed rows of which one is refused', async ({ store }) => {
      // biome-ignore lint/suspicious/noExplicitAny: no type allows it
      const refused: any = null
      const parts = [packRequests([requestRow(at)]), packRequests([requestRow(at + 1, { path: refused })])]
      await expect(store.writePackedRequests('insert', parts)).rejects.toThrow()
      expect((await store.listRequests()).rows).toEqual([])
    })

    it('lists newest first by time, in pages that later rows do not shift', async ({ store }) => {
      // The ids say otherwise than the times here, and several share one time.
      const times = [at + 3, at + 1, at + 2, at + 2, at + 2]
      await store.insertRequests(times.map((time) => requestRow(time)))
      const seen = []
      let page = await store.listRequests({}, { limit: 2 })
      for (;;) {
        seen.push(...page.rows)
        if (page.next === undefined) break
        expect(page.next).toBe(page.rows.at(-1)?.id)
        await store.insertRequests([requestRow(at + 100)])
        page = await store.listRequests({}, { limit: 2, before: page.next })
      }
      expect(seen.map((row) => row.at - at)).toEqual([3, 2, 2, 2, 1])
      expect(new Set(seen.map(({ id }) => id)).size).toBe(5)
    })

    it('finds one row by its id, of whatever organization', async ({ store }) => {
      const rows = [requestRow(at), requestRow(at + 9 * dayMs, { organizationId: null })]
      await store.insertRequests([...rows, requestRow(at)])
      for (const row of rows) expect(await store.findRequest(row.id)).toEqual(row)
      expect(await store.findRequest('none')).toBeUndefined()
    })

    it('filters by organization, key, route, status and time', async ({ store }) => {
      await store.insertRequests([
        requestRow(at, { path: '/a', organizationId: null, keyId: null, route: null, status: 401 }),
        requestRow(at + 1, { path: '/b' }),
        requestRow(at + 2, { path: '/c', organizationId: 'org_b', keyId: 'key_b' }),
        requestRow(at + 3, { path: '/d', route: '/other/*', status: 404 }),
      ])
      const paths = async (filter: RequestFilter) =>
        (await store.listRequests(filter)).rows.map(({ path }) => path).join('')
      expect(await paths({})).toBe('/d/c/b/a')
      expect(await paths({ organizationId: 'org_a' })).toBe('/d/b')
      expect(await paths({ organizationId: null })).toBe('/a')
      expect(await paths({ keyId: 'key_b' })).toBe('/c')
      expect(await paths({ organizationId: 'org_a', keyId: 'key_b' })).toBe('')
      expect(await paths({ route: '/other/*' })).toBe('/d')
      expect(await paths({ status: 200 })).toBe('/c/b')
      expect(await paths({ since: at + 1, until: at + 3 })).toBe('/c/b')
    })

    it('filters by what a route in shadow mode would have refused with', async ({ store }) => {
      await store.insertRequests([
        requestRow(at, { path: '/a', shadowCode: 'INSUFFICIENT_SCOPE' }),
        requestRow(at + 1, { path: '/b' }),
        requestRow(at + 2, { path: '/c', shadowCode: 'RATE_LIMITED' }),
      ])
      const paths = async (filter: RequestFilter) =>
        (await store.listRequests(filter)).rows.map(({ path }) => path).join('')
      expect(await paths({ shadowCode: true })).toBe('/c/a')
      expect(await paths({ shadowCode: 'RATE_LIMITED' })).toBe('/c')
      expect(await paths({ shadowCode: true, route: '/other/*' })).toBe('')
    })

    // Each of them selects by one index, and asks every row of it for something more.
    const partial: [string, RequestFilter, RequestFilter][] = [
      ['of all', {}, { method: 'PATCH' }],
      ['of an organization', { organizationId: 'org_a' }, { status: 502 }],
      ['of no organization', { organizationId: null }, { code: 'RATE_LIMITED' }],
      ['of a key', { keyId: 'key_a' }, { shadowCode: true }],
      ['of a time', { since: at + 1, until: at + 5 * dayMs }, { route: '/other/*' }],
    ]
    it.for(partial)('looks at a bounded number of rows for a page: %s', async ([, selected, asked], { store }) => {
      const organizationId = selected.organizationId === undefined ? 'org_a' : selected.organizationId
      const matching = {
        ...{ method: 'PATCH', status: 502, code: 'RATE_LIMITED', route: '/other/*', shadowCode: 'RATE_LIMITED' },
        organizationId,
      }
      // Oldest first, over several days, and two at a time: at the end of what is looked at, ids decide.
      const isMatching = (index: number) => index === 0 || index === 7 || index === 8
      const rows = Array.from({ length: 12 }, (_, index) =>
        requestRow(at + Math.floor(index / 2) * (dayMs / 2) + 1, {
          organizationId,
          ...(isMatching(index) && matching),
        }),
      )
      await store.insertRequests(rows)
      const found: string[][] = []
      let before: string | undefined
      do {
        const query = { limit: 2, lookAt: 3, ...(before !== undefined && { before }) }
        const page = await store.listRequests({ ...selected, ...asked }, query)
        found.push(page.rows.map(({ id }) => id))
        before = page.next
      } while (before !== undefined)
      // Three each time, unless the page is full before.
      const idOf = (index: number) => rows[index]?.id
      expect(found).toEqual([[], [idOf(8), idOf(7)], [], [], [idOf(0)]])
    })

    it('tells nothing of another organization’s key, however many rows it has', async ({ store }) => {
      const [own, other] = [await makeOrganization(store, 'Own'), await makeOrganization(store, 'Other')]
      const { key } = await makeKey(store, other)
      const fields = { organizationId: other, keyId: key.id }
      const rows = Array.from({ length: 5 }, (_, index) => requestRow(at + index, fields))
      await store.insertRequests([...rows, requestRow(at, { keyId: 'key_gone', organizationId: own })])
      const few = { limit: 2, lookAt: 2 }
      const list = (organizationId: string | null, keyId = key.id, more: RequestFilter = {}) =>
        store.listRequests({ organizationId, keyId, ...more }, few)
      for (const isDeleted of [false, true]) {
        if (isDeleted) expect(await store.deleteKey(other, key.id, actor)).toBe(true)
        expect(await list(own)).toEqual({ rows: [] })
        expect(await list(own, key.id, { status: 502 })).toEqual({ rows: [] })
        expect(await list(null)).toEqual({ rows: [] })
        expect(await list(own, 'key_gone')).toEqual({ rows: [] })
        expect((await list(other)).rows.map(({ id }) => id)).toEqual([rows[4]?.id, rows[3]?.id])
        expect(await list(other, key.id, { status: 502 })).toEqual({ rows: [], next: rows[3]?.id })
      }
    })

    it('takes another organization’s row for no cursor', async ({ store }) => {
      const rows = [
        requestRow(at),
        requestRow(at + 1, { organizationId: 'org_b' }),
        requestRow(at + 2, { organizationId: null }),
        requestRow(at + 3),
      ]
      await store.insertRequests(rows)
      const behind = async (organizationId: string | null | undefined, index: number) => {
        const filter = organizationId === undefined ? {} : { organizationId }
        const found = await store.listRequests(filter, { before: rows[index]?.id ?? '' })
        return found.rows.map((row) => row.at - at)
      }
      expect(await behind('org_a', 3)).toEqual([0])
      expect(await behind('org_a', 1)).toEqual([])
      expect(await behind('org_a', 2)).toEqual([])
      expect(await behind(null, 3)).toEqual([])
      expect(await behind(undefined, 2)).toEqual([1, 0])
    })

    it('deletes what is older than retention, the oldest first, and says how much that was', async ({ store }) => {
      const startOfDay = Math.ceil(at / dayMs) * dayMs
      const days = [0, 0, 1, 1, 1, 2, 3, 3]
      await store.insertRequests(days.map((day, index) => requestRow(startOfDay + day * dayMs + index)))
      let gone = 0
      for (;;) {
        const some = await store.pruneRequests(startOfDay + 2 * dayMs, 2)
        if (some === 0) break
        gone += some
      }
      expect(gone).toBe(5)
      const { rows: left } = await store.listRequests()
      expect(left.map((row) => Math.floor((row.at - startOfDay) / dayMs))).toEqual([3, 3, 2])
    })

    it('ends behind a row that retention has taken', async ({ store }) => {
      const rows = [requestRow(at), requestRow(at + 1), requestRow(at + 2 * dayMs)]
      await store.insertRequests(rows)
      await store.pruneRequests(at + 2 * dayMs, 10)
      expect(await store.listRequests({}, { before: rows[1]?.id ?? '' })).toEqual({ rows: [] })
    })
  })
}
