import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../helpers/gateway.ts'
import { expectProblem } from '../helpers/problem.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
scopes:
  projects:read: Read projects
  projects:write: Change projects
  projects:runs:start: Start runs
  projectsx:read: Something else
  billing: Bills
routes:
  - { path: /any, upstream: api }
  - { path: /read, upstream: api, scopes: [projects:read] }
  - { path: /both, upstream: api, scopes: [projects:read, projects:write] }
  - { path: /either, upstream: api, any_scope: [projects:write, billing] }
  - { path: /mixed, upstream: api, scopes: [projects:read], any_scope: [projects:write, billing] }
  - { path: /deep, upstream: api, scopes: ['projects:runs:start'] }
  - { path: /neighbour, upstream: api, scopes: [projectsx:read] }
  - { path: /billing, upstream: api, scopes: [billing] }
  - { path: /keys, upstream: api, scopes: [keys:manage] }
  - { path: /watched, upstream: api, scopes: [projects:read], shadow: true }
`)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => upstream.forget())

describe('a key reaches exactly what its scopes grant', () => {
  const paths = ['/any', '/read', '/both', '/either', '/mixed', '/deep', '/neighbour', '/billing', '/keys']
  it.each([
    [[], ['/any']],
    [['projects:read'], ['/any', '/read']],
    [['projects:write'], ['/any', '/either']],
    [
      ['projects:read', 'projects:write'],
      ['/any', '/read', '/both', '/either', '/mixed'],
    ],
    [
      ['projects:read', 'billing'],
      ['/any', '/read', '/either', '/mixed', '/billing'],
    ],
    [['projects:*'], ['/any', '/read', '/both', '/either', '/mixed', '/deep']],
    [['projects:runs:*'], ['/any', '/deep']],
    [['billing'], ['/any', '/either', '/billing']],
    [['keys:manage'], ['/any', '/keys']],
    [['*'], ['/any', '/read', '/both', '/either', '/mixed', '/deep', '/neighbour', '/billing']],
    [['*', 'keys:manage'], paths],
    [['PROJECTS:READ'], ['/any']],
    [['projects:rea'], ['/any']],
    [['projects:read:more'], ['/any']],
    [['project*'], ['/any']],
    [['projects*'], ['/any']],
  ])('%j', async (scopes, reachable) => {
    const key = await gateway.createKey({ scopes })
    const reached: string[] = []
    for (const path of paths) {
      const response = await gateway.request('GET', path, { key })
      if (response.status === 200) reached.push(path)
      else expectProblem(response, 403, 'INSUFFICIENT_SCOPE')
    }
    expect(reached).toEqual(reachable)
    expect(upstream.requests.map(({ target }) => target)).toEqual(reachable)
  })
})

describe('a refusal for want of a scope', () => {
  it('names what is required, in the body and in WWW-Authenticate', async () => {
    const key = await gateway.createKey({ scopes: ['billing'] })
    const response = await gateway.request('GET', '/both', { key })
    const body = expectProblem(response, 403, 'INSUFFICIENT_SCOPE')
    expect(body.required_scopes).toEqual(['projects:read', 'projects:write'])
    expect(response.header('www-authenticate')).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="projects:read projects:write"',
    )
  })

  it('names the choice where one of several would do', async () => {
    const key = await gateway.createKey({ scopes: [] })
    const body = expectProblem(await gateway.request('GET', '/either', { key }), 403, 'INSUFFICIENT_SCOPE')
    expect(body.required_scopes).toEqual(['projects:write', 'billing'])
  })
})

it('a shadowed route lets the request pass and records what it would have answered', async () => {
  const key = await gateway.createKey({ scopes: [] })
  const response = await gateway.request('GET', '/watched', { key, headers: { 'X-Request-Id': 'shadowed' } })
  expect(response.status).toBe(200)
  const row = (await gateway.requestLog()).find(({ requestId }) => requestId === 'shadowed')
  expect(row).toMatchObject({ status: 200, code: null, shadowCode: 'INSUFFICIENT_SCOPE' })
})
