import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
/** Believes what its peer, 127.0.0.1, says. */
let behindProxy: Gateway
/** Does not. */
let direct: Gateway

const config = (more: string) => `
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }, { path: /open/*, upstream: api, public: true }]
${more}
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  behindProxy = await startGateway(config('trust_proxy: [127.0.0.1/32, 198.51.100.0/24]'))
  direct = await startGateway(config(''))
})
afterAll(async () => {
  await behindProxy[Symbol.asyncDispose]()
  await direct[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('the address list of a key', () => {
  it('admits from an address on it and from nowhere else', async () => {
    const here = await direct.createKey({ allowedIps: ['192.0.2.1', '127.0.0.0/8'] })
    const there = await direct.createKey({ allowedIps: ['192.0.2.0/24', '2001:db8::/32'] })
    expect((await direct.request('GET', '/api/x', { key: here })).status).toBe(200)
    upstream.forget()
    expectProblem(await direct.request('GET', '/api/x', { key: there }), 403, 'IP_NOT_ALLOWED')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('holds for the endpoint of the caller too', async () => {
    const key = await direct.createKey({ allowedIps: ['192.0.2.0/24'] })
    expectProblem(await direct.request('GET', '/api/v1/me', { key }), 403, 'IP_NOT_ALLOWED')
  })

  it('does not hold on public routes, where no key is looked at', async () => {
    const key = await direct.createKey({ allowedIps: ['192.0.2.0/24'] })
    expect((await direct.request('GET', '/open/x', { key })).status).toBe(200)
  })

  it.each(['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'True-Client-IP', 'CF-Connecting-IP', 'X_Forwarded_For'])(
    'is not moved by %s from a peer that is not trusted',
    async (name) => {
      const key = await direct.createKey({ allowedIps: ['192.0.2.0/24'] })
      const value = name === 'Forwarded' ? 'for=192.0.2.7' : '192.0.2.7'
      const response = await direct.request('GET', '/api/x', { key, headers: { [name]: value } })
      expectProblem(response, 403, 'IP_NOT_ALLOWED')
    },
  )
})

describe('behind a trusted proxy', () => {
  const statusFrom = async (allowedIps: string[], values: string[]) => {
    const key = await behindProxy.createKey({ allowedIps })
    const headers = values.map((value) => ['X-Forwarded-For', value] as const)
    return (await behindProxy.request('GET', '/api/x', { key, headers })).status
  }

  it.each([
    ['the address that it names', ['192.0.2.7']],
    ['the last one that is not a proxy', ['203.0.113.9, 192.0.2.7']],
    ['the one before further trusted proxies', ['192.0.2.7, 198.51.100.1, 198.51.100.2']],
    ['the last of several fields', ['203.0.113.9', '192.0.2.7']],
    ['an IPv4 address in IPv6 clothes', ['::ffff:192.0.2.7']],
    ['an IPv6 address', ['2001:db8::7']],
    ['an IPv6 address written out', ['2001:0DB8:0:0:0:0:0:7']],
  ])('takes %s', async (_what, values) => {
    expect(await statusFrom(['192.0.2.0/24', '2001:db8::/32'], values)).toBe(200)
  })

  it.each([
    ['what the client put in front', ['192.0.2.7, 203.0.113.9']],
    ['what the client put in front in a field of its own', ['192.0.2.7', '203.0.113.9']],
    ['an address behind something that is none', ['192.0.2.7, nonsense']],
    ['an address behind an empty element', ['192.0.2.7, nonsense, ']],
    ['an address out of range', ['192.0.2.777']],
    ['an address with text around', ['x192.0.2.7']],
    ['octal', ['0300.0.2.7']],
  ])('does not take %s', async (_what, values) => {
    expect(await statusFrom(['192.0.2.0/24'], values)).toBe(403)
  })

  it('takes the peer itself when no field is there', async () => {
    expect(await statusFrom(['127.0.0.1'], [])).toBe(200)
    expect(await statusFrom(['192.0.2.0/24'], [])).toBe(403)
  })

  it('logs the address that was judged', async () => {
    const key = await behindProxy.createKey()
    const headers = { 'X-Forwarded-For': '203.0.113.9, 192.0.2.44', 'X-Request-Id': 'from-afar' }
    await behindProxy.request('GET', '/api/x', { key, headers })
    const rows = await behindProxy.requestLog()
    expect(rows.find(({ requestId }) => requestId === 'from-afar')?.ip).toBe('192.0.2.44')
  })
})
