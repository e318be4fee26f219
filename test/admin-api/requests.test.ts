import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { requestRow } from '../helpers/request-row.ts'

interface Row {
  id: string
  path: string
  status_code: number
  code: string | null
  key_id: string | null
  organization_id: string | null
  request_id: string
}

let gateway: AdminGateway
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let rows: string
beforeAll(async () => {
  upstream = await startHttpUpstream((_request, response) => response.end('ok'))
  gateway = await startAdmin(`
scopes: { 'a:read': Read }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /a/*, scopes: ['a:read'], upstream: api }
  - { path: /tried/*, scopes: ['a:read'], shadow: true, upstream: api }
`)
  rows = `/organizations/${gateway.organization.id}/requests`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const logged = (path: string, wanted: (found: Row[]) => boolean) =>
  eventually('the rows to be there', async () => {
    const { body } = await gateway.api<Row[]>('GET', path)
    return wanted(body) && body
  })

describe('the request log over the admin API', () => {
  it('lists what was allowed and what was refused, with filters', async () => {
    const key = await gateway.createKey()
    const poor = await gateway.createKey({ scopes: [] })
    await gateway.request('GET', '/a/one?secret=1', { key })
    await gateway.request('GET', '/a/two', { key: poor })
    const all = await logged(rows, (found) => found.length >= 2)
    expect(all[0]).toMatchObject({
      path: '/a/two',
      status_code: 403,
      code: 'INSUFFICIENT_SCOPE',
      key_id: poor.record.id,
    })
    expect(all[1]).toMatchObject({ path: '/a/one', status_code: 200, code: null, key_id: key.record.id })
    expect(JSON.stringify(all)).not.toContain('secret=1')

    const paths = async (query: string) =>
      (await gateway.api<Row[]>('GET', `${rows}?${query}`)).body.map(({ path }) => path)
    expect(await paths('status=4xx')).toEqual(['/a/two'])
    expect(await paths('status=200')).toEqual(['/a/one'])
    expect(await paths('code=INSUFFICIENT_SCOPE')).toEqual(['/a/two'])
    expect(await paths(`key_id=${key.record.id}`)).toEqual(['/a/one'])
    expect(await paths(`route=${encodeURIComponent('/a/*')}&limit=1`)).toEqual(['/a/two'])
    expect((await gateway.api('GET', `${rows}?status=9xx`)).status).toBe(422)
  })

  it('finds what a route in shadow mode would have refused', async () => {
    const poor = await gateway.createKey({ scopes: [] })
    await gateway.request('GET', '/tried/it', { key: poor })
    await gateway.request('GET', '/tried/well', { key: await gateway.createKey() })
    await logged(rows, (found) => ['/tried/it', '/tried/well'].every((path) => found.some((row) => row.path === path)))
    const paths = async (query: string) =>
      (await gateway.api<Row[]>('GET', `${rows}?${query}`)).body.map(({ path }) => path)
    expect(await paths('shadow_code=any')).toEqual(['/tried/it'])
    expect(await paths('shadow_code=INSUFFICIENT_SCOPE')).toEqual(['/tried/it'])
    expect(await paths('shadow_code=RATE_LIMITED')).toEqual([])
    expect((await gateway.api('GET', `${rows}?shadow_code=true`)).status).toBe(422)
  })

  it('looks at 50,000 rows for one answer, and says that there are more to look at', async () => {
    const busy = await gateway.createOrg({ name: 'Busy' })
    const at = Date.now() - 3_600_000
    const plain = Array.from({ length: 50_000 }, (_, index) => requestRow({ organizationId: busy.id, at: at + index }))
    const wanted = requestRow({ organizationId: busy.id, at: at - 1, method: 'PATCH', path: '/a/patched' })
    await gateway.store.insertRequests([wanted, ...plain])
    const list = `/organizations/${busy.id}/requests`

    const first = await gateway.api<Row[]>('GET', `${list}?method=PATCH`)
    expect(first.body).toEqual([])
    const next = /^<\/platform(.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    expect(next).toContain(`method=PATCH&cursor=${plain[0]?.id}`)
    const second = await gateway.api<Row[]>('GET', next)
    expect(second.body.map(({ path }) => path)).toEqual(['/a/patched'])
    expect(second.headers.get('link')).toBeNull()
    // Organization and time are found by an index: nothing has to be looked through.
    const until = new Date(at).toISOString()
    const direct = await gateway.api<Row[]>('GET', `${list}?until=${until}&method=PATCH`)
    expect(direct.body.map(({ path }) => path)).toEqual(['/a/patched'])
  })

  it('shows rows of no organization to root alone', async () => {
    await gateway.request('GET', '/nobody', { headers: { 'X-Request-Id': 'nobody-1' } })
    const all = await logged('/requests', (found) => found.some(({ request_id }) => request_id === 'nobody-1'))
    expect(all.find(({ request_id }) => request_id === 'nobody-1')).toMatchObject({
      organization_id: null,
      status_code: 401,
    })
    const own = await gateway.api<Row[]>('GET', rows)
    expect(own.body.map(({ request_id }) => request_id)).not.toContain('nobody-1')
    const viewer = await gateway.member('viewer')
    expect((await viewer('GET', '/requests')).status).toBe(403)
    expect((await viewer('GET', rows)).status).toBe(200)
  })

  it('gives one row by its id, to its organization and to root', async () => {
    const foreign = await gateway.createOrg({ name: 'Stranger' })
    await gateway.request('GET', '/a/linked', { key: await gateway.createKey() })
    await gateway.request('GET', '/a/nobody')
    const all = await logged('/requests', (found) =>
      ['/a/linked', '/a/nobody'].every((path) => found.some((row) => row.path === path)),
    )
    const find = (path: string) => all.find((row) => row.path === path) ?? expect.fail(path)
    const [own, nobody] = [find('/a/linked'), find('/a/nobody')]
    const viewer = await gateway.member('viewer')

    const { status, body } = await viewer('GET', `${rows}/${own.id}`)
    expect([status, body]).toEqual([200, own])
    expect((await gateway.api('GET', `/requests/${own.id}`)).body).toEqual(own)
    expect((await gateway.api('GET', `/requests/${nobody.id}`)).body).toEqual(nobody)
    expect((await viewer('GET', `/requests/${own.id}`)).status).toBe(403)
    for (const path of [
      `${rows}/${nobody.id}`,
      `${rows}/none`,
      `/organizations/${foreign.id}/requests/${own.id}`,
      '/requests/none',
    ]) {
      expect([path, (await gateway.api('GET', path)).status]).toEqual([path, 404])
    }
  })
})

describe('the live tail', () => {
  const open = async (path: string, token = gateway.adminToken) => {
    const abort = new AbortController()
    const response = await fetch(`${gateway.adminUrl}/platform${path}`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: abort.signal,
    })
    let text = ''
    let ended = false
    const reading = (async () => {
      for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString()
    })()
      .catch(() => {})
      .finally(() => {
        ended = true
      })
    return {
      response,
      text: () => text,
      ended: () => ended,
      close() {
        abort.abort()
        return reading
      },
    }
  }

  it('sends a row as its request ends, and none of another organization or filter', async () => {
    const key = await gateway.createKey()
    const other = await gateway.createOrg({ name: 'Other' })
    const foreign = await gateway.createKey({ organizationId: other.id })
    const tail = await open(`${rows}/stream?status=2xx`)
    const shadowed = await open(`${rows}/stream?shadow_code=any`)
    expect(tail.response.headers.get('content-type')).toBe('text/event-stream')
    for (const each of [tail, shadowed]) {
      await eventually('the stream to be open', () => each.text().includes(': connected'))
    }
    await gateway.request('GET', '/a/foreign', { key: foreign })
    await gateway.request('GET', '/nowhere', { key })
    await gateway.request('GET', '/a/live', { key })
    await eventually('the row', () => tail.text().includes('/a/live'))
    expect(tail.text()).toMatch(/event: request\nid: [0-9a-f-]{36}\ndata: \{.*"path":"\/a\/live"/)
    expect(tail.text()).not.toMatch(/foreign|nowhere/)
    await gateway.request('GET', '/tried/live', { key: await gateway.createKey({ scopes: [] }) })
    await eventually('the shadowed row', () => shadowed.text().includes('/tried/live'))
    expect(shadowed.text()).not.toContain('/a/live')
    await Promise.all([tail.close(), shadowed.close()])
  })

  it('ends when the rights of the one who watches end', async () => {
    const viewer = await gateway.member('viewer')
    const tail = await open(`${rows}/stream`, viewer.token)
    await eventually('the stream to be open', () => tail.text().includes(': connected'))
    await gateway.api('DELETE', `/organizations/${gateway.organization.id}/members/${viewer.operatorId}`)
    await eventually('the stream to end', tail.ended, { withinMs: 10_000 })
    await tail.close()
  })
})
