import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

const env = { SET: 'a-value-that-Nobody-may-see', NUMBER: '7' }
const config = `
scopes:
  projects:read: Read projects
  runs:write: Start audits
limits:
  minute: { by: key, requests: 5, per: 1m }
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /projects/:id, methods: [GET], scopes: ["projects:read"], limits: [minute], upstream: api }
  - { path: /gone, upstream: api }
`
let gateway: AdminGateway
let inForce: string
beforeAll(async () => {
  gateway = await startAdmin(config, { env: { ...env, SALLYPORT_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') } })
  inForce = await readFile(gateway.configFile, 'utf8')
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Problem {
  line: number | null
  column: number | null
  path: string
  message: string
}
interface Verdict {
  valid: boolean
  problems: Problem[]
  warnings: Problem[]
  tests: { request: string; passed: boolean; code: string | null; detail: string; route: string }[]
  tests_left_out: number
  changes: {
    routes: Record<'added' | 'removed' | 'changed', { path: string; fields?: string[] }[]>
    scopes: object
    limits: object
    upstreams: object
    settings: { path: string; needs_restart: boolean }[]
    left_out: number
  } | null
}
/** What is made to hurt takes its time, and more on a machine that has other things to do. */
const ask = async (yaml: string): Promise<Verdict> => {
  const response = await fetch(`${gateway.adminUrl}/platform/policy/validate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ yaml }),
    signal: AbortSignal.timeout(50_000),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as Verdict
}
const validate = async (yaml: string): Promise<Verdict> => {
  const verdict = await ask(yaml)
  expect(JSON.stringify(verdict).toLowerCase()).not.toContain(env.SET.toLowerCase())
  return verdict
}

describe('POST /policy/validate', () => {
  it('finds nothing to change in the text that is in force', async () => {
    const none = { added: [], removed: [], changed: [] }
    expect(await validate(inForce)).toMatchObject({
      valid: true,
      problems: [],
      changes: { routes: none, scopes: none, limits: none, upstreams: none, settings: [], left_out: 0 },
    })
  })

  it('tells the difference, and applies nothing', async () => {
    const { changes } = await validate(
      inForce
        .replace('  - { path: /gone, upstream: api }', '  - { path: /new, host: a.example, upstream: api }')
        .replace('path: /projects/:id,', 'path: /projects/:project, cost: 2,')
        .replace('requests: 5', 'requests: 6')
        .replace('  runs:write: Start audits', '  runs:read: See audits')
        .concat('keys: { reveal: true, prefix: zz, cache: { max: 9 } }\nbody_limit: 5mb\n'),
    )
    expect(changes).toEqual({
      routes: {
        added: [{ path: '/new', host: 'a.example', methods: null }],
        removed: [{ path: '/gone', host: null, methods: null }],
        changed: [{ path: '/projects/:project', host: null, methods: ['GET'], fields: ['path', 'cost'] }],
      },
      scopes: { added: ['runs:read'], removed: ['runs:write'], changed: [] },
      limits: { added: [], removed: [], changed: ['minute'] },
      upstreams: { added: [], removed: [], changed: [] },
      settings: [
        { path: 'keys.prefix', needs_restart: false },
        { path: 'keys.reveal', needs_restart: false },
        { path: 'keys.cache', needs_restart: true },
        { path: 'body_limit', needs_restart: false },
      ],
      left_out: 0,
    })
    expect((await gateway.request('GET', '/new', { host: 'a.example' })).status).toBe(401)
    expect((await gateway.api<{ yaml: string }>('GET', '/policy')).body.yaml).toBe(inForce)
  })

  it('runs the tests of the text, as sallyport check does', async () => {
    const tests = `tests:
  - { request: GET /projects/1, scopes: ["projects:read"], expect: allow }
  - { request: GET /projects/1, scopes: ["runs:write"], expect: allow }`
    const verdict = await validate(`${inForce}\n${tests}`)
    expect(verdict.valid).toBe(true)
    expect(verdict.tests).toMatchObject([
      { passed: true, code: null, route: '/projects/:id' },
      { passed: false, code: 'INSUFFICIENT_SCOPE', step: 'scopes' },
    ])
  })

  it('names every problem with its place', async () => {
    const { valid, problems, changes } = await validate('rutes: []\nworkers: 300\ntls: { cert: no.pem, key: no.pem }\n')
    expect([valid, changes]).toEqual([false, null])
    expect(problems).toMatchObject([
      { line: 1, column: 1, path: 'rutes', message: expect.stringContaining('did you mean routes?') },
      { line: 2, column: 10, path: 'workers' },
      { line: 3, column: 14, path: 'tls.cert' },
      { line: 3, column: 27, path: 'tls.key' },
    ])
    expect(JSON.stringify(problems)).not.toContain('gateway.yaml')
  })

  it('looks for the files that the text names, from the folder of the file', async () => {
    const { problems } = await validate(`${inForce}\ntls: { cert: no.pem, key: no.pem }\n`)
    expect(problems.map(({ path }) => path)).toEqual(['tls.cert', 'tls.key'])
  })

  it.each([
    ['is not set', `body_limit: "\${NOT_SET_ANYWHERE}"`, 'NOT_SET_ANYWHERE'],
    ['has the name of what every object has', `body_limit: "\${toString}"`, 'toString'],
    ['has the name of a prototype', `body_limit: "\${__proto__}"`, '__proto__'],
  ])('names a variable that %s', async (_what, yaml, name) => {
    const { valid, problems } = await validate(yaml)
    expect(valid).toBe(false)
    expect(problems[0]?.message).toContain(`the environment has no ${name}`)
  })
})

describe('values from the environment', () => {
  const routes = (more: string) => inForce.replace('  - { path: /gone, upstream: api }', more)

  it.each([
    ['a route', `  - { path: "/x/\${SET}", upstream: api }`],
    ['a host', `  - { path: /x, host: "\${SET}", upstream: api }`],
    [
      'a rewrite',
      `  - { path: /x, rewrite: "/\${SET}", upstream: api }\ntests: [{ request: GET /x, scopes: [], expect: deny }]`,
    ],
    ['a test', `tests: [{ request: "GET /\${SET}", scopes: [], expect: allow }]`],
    [
      'a workspace',
      `  - { path: "/:a/\${SET}", workspace: ":a", upstream: api }\ntests: [{ request: "GET /x/\${SET}", scopes: [], workspaces: ["\${SET}"], expect: deny }]`,
    ],
    ['a wrong upstream', `  - { path: /x, upstream: "\${SET}" }`],
    ['a wrong scope', `  - { path: /x, scopes: ["\${SET}"], upstream: api }`],
    ['a wrong number', `  - { path: /x, cost: "\${SET}", upstream: api }`],
    ['a wrong limit', `  - { path: /x, limits: ["\${SET}"], upstream: api }`],
    ['a scope that a test wants', `tests: [{ request: GET /x, scopes: ["\${SET}"], expect: deny }]`],
  ])('can be used for %s, and are not told', async (_what, more) => {
    // Looked for in `validate`.
    const verdict = await validate(routes(more))
    expect(verdict.valid || verdict.problems.length > 0).toBe(true)
  })

  it("are no way to the gateway's own secrets", async () => {
    for (const name of ['SALLYPORT_ADMIN_TOKEN', 'SALLYPORT_MASTER_KEY']) {
      const guess =
        name === 'SALLYPORT_ADMIN_TOKEN' ? gateway.adminToken : 'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='
      const text = `${inForce}\ntests: [{ request: "GET /x", host: "\${${name}}", scopes: [], expect: deny }]\n`
      const told = await ask(text.replace('/gone', `/x, host: "${guess.toLowerCase().replace('=', '')}"`))
      // Were it resolved, the route with the guess would match and a right guess could be told from a wrong one.
      expect(told.tests[0]?.route ?? null).toBe(null)
    }
  })
})

describe('a text made to hurt', () => {
  const many = (text: string, times: number) => text.repeat(times).slice(0, 1024 * 1024)
  it.each([
    ['nested a million deep', many('[', 1024 * 1024)],
    ['of lists in lists', many('- ', 5000)],
    [
      'of aliases of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[i]}`).join(',')}]`).join('\n')}`,
    ],
    ['of an alias many times', `a: &a [1]\nb: [${'*a,'.repeat(50_000)}]`],
    ['with a key 50,000 times', many('a: 1\n', 50_000)],
    ['with a tag that calls', 'routes: !!js/function "function () { process.exit(1) }"\n'],
    ['with a tag of its own', 'routes: !<tag:example.com,2000:x> []\n'],
    ['with names of prototypes', '__proto__: { routes: [] }\nconstructor: { prototype: { ok: true } }\n'],
    ['with a prototype in a route', 'routes: [{ path: /x, deny: true, __proto__: { public: true } }]\n'],
    ['of nothing', ''],
    ['of a NUL', '\0'],
  ])(
    '%s is judged, and the gateway goes on',
    async (_what, yaml) => {
      const verdict = await validate(yaml)
      expect(verdict.valid).toBe(false)
      expect(verdict.problems.length).toBeGreaterThan(0)
      expect(verdict.problems.length).toBeLessThanOrEqual(101)
    },
    60_000,
  )

  it('is refused where it is no text, or too long', async () => {
    const call = async (body: unknown) => (await gateway.api('POST', '/policy/validate', body)).status
    expect(await call({ yaml: 1 })).toBe(422)
    expect(await call({})).toBe(422)
    expect(await call({ yaml: 'a', apply: true })).toBe(422)
    expect(await call({ yaml: '#'.repeat(1024 * 1024 + 1) })).toBe(422)
    expect(await call({ yaml: '#'.repeat(3 * 1024 * 1024) })).toBe(413)
  })
})
