import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let next: RawUpstream
let gateway: Gateway
let key: TestKey

const config = (target: string, more = '') => `
upstreams: { api: { targets: ['${target}'] } }
auth_failures: { requests: 10000, per: 1m }
routes:
  - { path: /api/*, upstream: api }
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream({ script: plainResponse('old') })
  next = await startRawUpstream({ script: plainResponse('new') })
  gateway = await startGateway(config(upstream.url))
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  await next[Symbol.asyncDispose]()
})
beforeEach(async () => {
  upstream.respond(plainResponse('old'))
  await gateway.writeConfig(config(upstream.url))
  expect(await gateway.app.reload()).toEqual({ ok: true })
})

const text = async (path: string) => (await gateway.request('GET', path, { key })).text()
const status = async (path: string) => (await gateway.request('GET', path, { key })).status

/** How often a reload ended so. */
async function reloads(result: 'accepted' | 'rejected'): Promise<number> {
  const line = new RegExp(`^sallyport_config_reloads_total\\{result="${result}"\\} (\\d+)$`, 'm')
  return Number(line.exec(await gateway.metrics())?.[1] ?? 0)
}

describe('a good file', () => {
  it('holds for every request after the reload', async () => {
    expect(await status('/added/x')).toBe(404)
    await gateway.writeConfig(config(next.url, '  - { path: /added/*, upstream: api }'))
    expect(await gateway.app.reload()).toEqual({ ok: true })
    expect([await text('/api/x'), await text('/added/x')]).toEqual(['new', 'new'])
    await gateway.writeConfig(config(upstream.url))
    await gateway.app.reload()
    expect([await text('/api/x'), await status('/added/x')]).toEqual(['old', 404])
  })

  it('is noticed without being told', async () => {
    await gateway.writeConfig(config(next.url))
    await eventually('the new file to be used', async () => (await text('/api/x')) === 'new', { withinMs: 10_000 })
  })

  it('lets requests and streams in flight finish on the old one', async () => {
    const release = Promise.withResolvers<void>()
    upstream.respond(async ({ body, send }) => {
      await body()
      send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
      await release.promise
      send('4\r\nlast\r\n0\r\n\r\n')
    })
    upstream.forget()
    using streaming = await gateway.connect()
    await streaming.send(gateway.compose('GET', '/api/stream', { key }))
    const head = await streaming.head()
    using uploading = await gateway.connect()
    await uploading.send(gateway.compose('POST', '/api/upload', { key, headers: { 'Content-Length': '4' } }))
    await uploading.send('ab')
    await eventually('both to be in flight', () => upstream.requests.length === 2)

    await gateway.writeConfig(
      `upstreams: { api: { targets: ['${next.url}'] } }\nroutes: [{ path: /other, upstream: api }]`,
    )
    expect(await gateway.app.reload()).toEqual({ ok: true })
    expect(await status('/api/x')).toBe(404)
    await uploading.send('cd')
    release.resolve()
    expect((await streaming.body(head)).content.toString()).toBe('firstlast')
    expect((await uploading.response()).text()).toBe('firstlast')
    expect(upstream.requests.map(({ content }) => String(content))).toEqual(['', 'abcd'])
  })

  it('is swapped in one step: no request fails while files change under load', async () => {
    let stop = false
    const seen = new Set<string>()
    const hammer = async () => {
      using client = await gateway.connect()
      while (!stop) {
        await client.send(gateway.compose('GET', '/api/x', { key }))
        const response = await client.response()
        seen.add(`${response.status} ${response.text()}`)
      }
    }
    const hammers = Array.from({ length: 4 }, hammer)
    for (let i = 0; i < 10; i += 1) {
      await gateway.writeConfig(config(i % 2 ? upstream.url : next.url))
      expect(await gateway.app.reload()).toEqual({ ok: true })
    }
    await eventually('both to have answered', () => seen.size >= 2)
    stop = true
    await Promise.all(hammers)
    expect(seen).toEqual(new Set(['200 old', '200 new']))
  })
})

describe('a bad file', () => {
  it.each([
    ['that is no YAML', 'routes: [', /./],
    ['with an unknown key', 'rutes: []', /rutes/],
    ['with an unknown upstream', 'routes: [{ path: /x, upstream: nowhere }]', /nowhere/],
    ['with a variable that is not set', `listen: \${NOT_SET_ANYWHERE}`, /NOT_SET_ANYWHERE/],
    ['that is empty of sense', '- 1\n- 2', /./],
  ])('%s changes nothing, says why and is counted', async (_what, yaml, errors) => {
    const before = await reloads('rejected')
    await gateway.writeConfig(yaml)
    const result = await gateway.app.reload()
    expect(result).toEqual({ ok: false, errors: expect.stringMatching(errors) })
    expect(await text('/api/x')).toBe('old')
    expect(await reloads('rejected')).toBeGreaterThan(before)
  })

  it('does not stand in the way of the next good one', async () => {
    await gateway.writeConfig('rutes: []')
    await gateway.app.reload()
    const before = await reloads('accepted')
    await gateway.writeConfig(config(next.url))
    expect(await gateway.app.reload()).toEqual({ ok: true })
    expect(await text('/api/x')).toBe('new')
    expect(await reloads('accepted')).toBeGreaterThan(before)
  })
})
