import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /*, upstream: api }
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('the upstream gets the canonical path, byte for byte', () => {
  it.each([
    ['/', '/'],
    ['/api/a', '/api/a'],
    ['/api/a/', '/api/a/'],
    ['/api/%61%62', '/api/ab'],
    ['/%61pi/x', '/api/x'],
    ['/api/%7Euser', '/api/~user'],
    ['/api/%2D%2e%5F%41', '/api/-._A'],
    ['/api/%21%24%26%27%28%29%2A%2B%2C%3D%3A%40', "/api/!$&'()*+,=:@"],
    ["/api/!$&'()*+,=:@", "/api/!$&'()*+,=:@"],
    ['/api/a%20b', '/api/a%20b'],
    ['/api/%e2%82%ac', '/api/%E2%82%AC'],
    ['/api/%E2%82%ac', '/api/%E2%82%AC'],
    ['/api/%f0%9f%98%80', '/api/%F0%9F%98%80'],
    ['/api/%22%3c%3e%5b%5d%5e%60%7b%7c%7d', '/api/%22%3C%3E%5B%5D%5E%60%7B%7C%7D'],
    ['/api/100%25', '/api/100%25'],
    ['/api/%25zz', '/api/%25zz'],
    ['/api/...', '/api/...'],
    ['/api/.hidden', '/api/.hidden'],
    ['/api/a..b', '/api/a..b'],
    ['/api/a?b=%2e%2E/../c&d=%c3%a9', '/api/a?b=%2e%2E/../c&d=%c3%a9'],
    ['/api/%61?x=%61', '/api/a?x=%61'],
    ['/api/a?b?c', '/api/a?b?c'],
  ])('%s goes on as %s', async (sent, forwarded) => {
    expect((await gateway.request('GET', sent, { key })).status).toBe(200)
    expect(upstream.last().head).toMatch(/^GET /)
    expect(upstream.last().target).toBe(forwarded)
  })

  it.each([
    ['http://{host}/api/a', '/api/a'],
    ['http://{host}/api/%61?b=c', '/api/a?b=c'],
    ['http://{host}/', '/'],
    ['http://{host}', '/'],
    ['HTTP://{host}/api/a', '/api/a'],
  ])('absolute-form %s that equals Host goes on in origin-form', async (sent, forwarded) => {
    const target = sent.replace('{host}', gateway.host)
    expect((await gateway.request('GET', target, { key })).status).toBe(200)
    expect(upstream.last().target).toBe(forwarded)
  })
})

describe('a path that two servers could read differently is 400 and goes no further', () => {
  it.each([
    '/api/..',
    '/api/../x',
    '/api/.',
    '/api/./x',
    '/..',
    '/api/../',
    '/api/%2e%2e/x',
    '/api/%2E%2E',
    '/api/.%2e/x',
    '/api/%2e',
    '/api/%2e/',
    '//',
    '//api',
    '/api//x',
    '/api/x//',
    '/api\\x',
    '/api/..\\x',
    '/api/%5cx',
    '/api/%5C',
    '/api/a%2fb',
    '/api/a%2Fb',
    '/api/..%2fx',
    '/api/a%3fb',
    '/api/a%3Fb=c',
    '/api/a%23b',
    '/api/a%00',
    '/api/a%00.json',
    '/api/a%0ab',
    '/api/a%0d%0ab',
    '/api/a%09b',
    '/api/a%1f',
    '/api/a%7f',
    '/api/a%c2%85',
    '/api/a;b',
    '/api/a;b=c/d',
    '/api/;/x',
    '/api/..;/x',
    '/api/a%3bb',
    '/api/a%3Bb=c',
    '/api/%252e%252e/x',
    '/api/a%252fb',
    '/api/a%2541',
    '/api/a%25%34%31',
    '/api/a%',
    '/api/a%4',
    '/api/a%zz',
    '/api/a%4g',
    '/api/%u0041',
    '/api/%c0%af',
    '/api/%c0%ae%c0%ae/x',
    '/api/%e0%80%af',
    '/api/%ff',
    '/api/%80',
    '/api/%e2%82',
    '/api/%e2%82/x',
    '/api/%ed%a0%80',
    '/api/%f4%90%80%80',
    '/api/\xe9',
    '/api/\xc3\xa9',
    '/api/a#b',
    '/api/a?b#c',
    '/#',
    'api/a',
    '?a=b',
  ])('%j', async (target) => {
    expectProblem(await gateway.request('GET', target, { key }), 400, 'BAD_REQUEST_TARGET')
    expect(upstream.bytesReceived()).toBe(0)
  })

  it.each(['http://{host}/api/../x', 'http://{host}/api/%2e%2e/x', 'http://{host}//api', 'http://{host}/api/a#b'])(
    'in absolute-form too: %s',
    async (sent) => {
      const response = await gateway.request('GET', sent.replace('{host}', gateway.host), { key })
      expectProblem(response, 400, 'BAD_REQUEST_TARGET')
      expect(upstream.bytesReceived()).toBe(0)
    },
  )

  it.each([
    ['another host', 'http://other.example/api/a'],
    ['another port', 'http://127.0.0.1:1/api/a'],
    ['user info', 'http://user:pass@{host}/api/a'],
    ['another scheme', 'ftp://{host}/api/a'],
    ['no host', 'http:///api/a'],
  ])('absolute-form with %s', async (_what, sent) => {
    const response = await gateway.request('GET', sent.replace('{host}', gateway.host), { key })
    expect(response.status).toBe(400)
    expect(upstream.bytesReceived()).toBe(0)
  })

  it('is judged before credentials, and alike for every path', async () => {
    expectProblem(await gateway.request('GET', '/api/../x'), 400, 'BAD_REQUEST_TARGET')
    expectProblem(await gateway.request('GET', '/nowhere/../x'), 400, 'BAD_REQUEST_TARGET')
  })
})
