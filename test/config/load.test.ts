// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration has such references, in plain text
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatProblems, type LoadedConfig, loadConfig, parseConfig } from '../../src/config/load.ts'

const parsed = (text: string, env = {}): LoadedConfig => {
  const result = parseConfig(text, 'folder/gateway.yaml', env)
  return result.ok ? result : expect.fail(formatProblems(result.problems))
}
const problemsOf = (text: string, env = {}): string => {
  const result = parseConfig(text, 'gateway.yaml', env)
  return result.ok ? '' : formatProblems(result.problems)
}

describe('a good file', () => {
  it('gets every default filled in, durations in milliseconds and sizes in bytes', () => {
    const { config } = parsed('routes: []')
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 8080 })
    expect(config.keys.cache).toEqual({ max: 50_000, ttl: 30_000, stale_if_store_down: 60_000 })
    expect(config.body_limit).toBe(1024 ** 3)
    expect(config.audit.retention).toBe(30 * 86_400_000)
    expect(config.auth_failures).toEqual({ requests: 60, per: 60_000 })
    expect(parsed('limits: { a: { by: ip, requests: 1, per: 500ms } }').config.limits.a).toEqual({
      by: ['ip'],
      requests: 1,
      per: 500,
      lease: false,
    })
  })

  it('has the sample of the contract, word for word in its keys', () => {
    const { config } = parsed(sample)
    expect(config.keys.reveal).toBe(false)
    expect(config.routes).toHaveLength(4)
    expect(config.redis).toBe('')
  })

  it('has the paths of files resolved against its own folder', () => {
    const { config } = parsed(`
store: sqlite:data/a.db
tls: { cert: cert.pem, key: /etc/key.pem }
upstreams: { api: { targets: [https://api.example], tls: { ca: certs/ca.pem } } }
`)
    expect(config.store).toBe(`sqlite:${resolve('folder/data/a.db')}`)
    expect(config.tls).toEqual({ cert: resolve('folder/cert.pem'), key: '/etc/key.pem' })
    expect(config.upstreams.api?.tls?.ca).toBe(resolve('folder/certs/ca.pem'))
  })

  it('may use an alias for a value that stands in several places', () => {
    const { config } = parsed(`
scopes: { a: A }
upstreams: { api: { targets: [http://127.0.0.1:1] } }
routes:
  - { path: /a, scopes: &read [a], upstream: api }
  - { path: /b, scopes: *read, upstream: api }
`)
    expect(config.routes[1]?.scopes).toEqual(['a'])
  })

  it('is warned about what is legal and maybe not meant', () => {
    const { warnings } = parsed(`
trust_proxy: [0.0.0.0/0]
scopes: { a: A, b: B, keys:manage: Manage }
limits: { l: { by: ip, requests: 1, per: 1s } }
upstreams:
  api: { targets: [http://127.0.0.1:1], tls: {} }
  old: { targets: [http://127.0.0.1:2] }
routes:
  - { path: /a/*, scopes: [a], rewrite: /b, upstream: api }
  - { path: /c, deny: true, scopes: [a], upstream: api }
`)
    expect(
      formatProblems(warnings),
    ).toBe(`folder/gateway.yaml:2:15: trust_proxy[0]: 0.0.0.0/0 is everyone: any caller can claim to come from any address, past allow-lists and limits by ip
folder/gateway.yaml:3:17: scopes.b: no route uses this
folder/gateway.yaml:3:23: scopes.keys:manage: is built in and need not be declared; keys get it by name only, never by *
folder/gateway.yaml:4:11: limits.l: no route uses this
folder/gateway.yaml:6:41: upstreams.api.tls: no target of this upstream has https, so this is never used
folder/gateway.yaml:7:3: upstreams.old: no route uses this
folder/gateway.yaml:9:41: routes[0].rewrite: everything below /a/ goes to the one path /b; end it in /* to keep the rest
folder/gateway.yaml:10:29: routes[1].scopes: is never used: the route has deny, and admits no key
folder/gateway.yaml:10:42: routes[1].upstream: is never used: the route has deny, and admits no key`)
    expect(formatProblems(parsed('listen: ":1"').warnings)).toContain('every request is refused')
  })
})

describe('variables', () => {
  it('are replaced inside values, with the default also for an empty one, as in a shell', () => {
    const realm = (text: string, env = {}) => parsed(`errors: { realm: '${text}' }`, env).config.errors.realm
    expect(realm('${A}-${B:-b}', { A: 'a' })).toBe('a-b')
    expect(realm('${A:-x y}', { A: '' })).toBe('x y')
    expect(realm('$${A} $A $', { A: 'a' })).toBe('${A} $A $')
  })

  it('are typed in a plain scalar as if the value had been written there, and are text in quotes', () => {
    expect(parsed('keys:\n  cache:\n    max: ${MAX}', { MAX: '7' }).config.keys.cache.max).toBe(7)
    expect(parsed('log:\n  requests: ${YES:-true}').config.log.requests).toBe(true)
    expect(problemsOf('keys:\n  cache:\n    max: "${MAX}"', { MAX: '7' })).toContain('must be a whole number')
    expect(parsed('redis: ${REDIS_URL:-}').config.redis).toBe('')
  })

  it('never become structure, and are not looked at again', () => {
    const env = { A: 'x, y: [z]\nadmin: {}', B: '${SECRET}', SECRET: 'hunter2' }
    expect(problemsOf('errors:\n  realm: ${A}', env)).toContain('the value of "${A}" is not a realm')
    expect(parsed('errors:\n  realm: ${B}', env).config.errors.realm).toBe('${SECRET}')
    expect(problemsOf('upstreams:\n  api:\n    targets: ${A:-[http://a]}')).toContain('must be a list')
  })

  it('are refused as keys', () => {
    expect(problemsOf('${A}: 1', { A: 'listen' })).toContain('variables are replaced in values, not in keys')
  })

  it('do not show their values in a message', () => {
    const told = problemsOf('store: ${DB}\nlisten: ${DB}', { DB: 'mysql://sallyport:hunter2@db/x' })
    expect(told).toContain('the value of "${DB}" is not a store')
    expect(told).not.toContain('hunter2')
  })
})

describe('a bad file', () => {
  it('has its problems in the order of the file, each once', () => {
    const lines = problemsOf('routes:\n  - { path: a }\nlisten: x\nlisten: y\nfoo: 1').split('\n')
    const numbers = lines.map((line) => Number(line.split(':')[1]))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(new Set(lines).size).toBe(lines.length)
  })

  it('has at most 100 of them shown, and the rest counted', () => {
    const lines = problemsOf(Array.from({ length: 150 }, (_, i) => `key${i}: 1`).join('\n')).split('\n')
    expect(lines).toHaveLength(101)
    expect(lines[100]).toBe('gateway.yaml: and 50 more problems, which are shown when these are mended')
  })

  it.each([
    ['__proto__: { listen: x }', 'is not a name that can be used'],
    ['limits: { __proto__: { by: ip, requests: 1, per: 1s } }', 'is not a name that can be used'],
    ['constructor: 1', 'unknown key'],
    ['a: &a [*a]', 'nested too deeply'],
    [`a: ${'['.repeat(6000)}`, 'is nested too deeply'],
    [`${'['.repeat(5000)}`, ''],
    [`a: ${'{b: '.repeat(200)}1${'}'.repeat(200)}`, 'nested too deeply'],
    ['? [a]\n: 1', 'a key must be plain text'],
    ['- 1', 'the file must be a map'],
  ])('%j is a problem, not an exception', (text, message) => {
    expect(problemsOf(text)).toContain(message)
    expect(problemsOf(text)).not.toBe('')
  })

  it('does not let a route name a limit that every object has', () => {
    const told = problemsOf(
      'upstreams: { api: { targets: [http://a] } }\nroutes: [{ path: /a, upstream: constructor, limits: [toString] }]',
    )
    expect(told).toContain('"constructor" is not an upstream')
    expect(told).toContain('"toString" is not a limit')
  })

  it('is told about entries that name a broken one only once, at the broken one', () => {
    const told = problemsOf(
      'limits: { l: { by: nobody, requests: 1, per: 1s } }\nupstreams: { api: {} }\nroutes: [{ path: /a, upstream: api, limits: [l] }]',
    )
    expect(told.split('\n')).toHaveLength(2)
  })
})

describe('loadConfig', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const load = async (name: string, content?: string | Uint8Array): Promise<string> => {
    const file = join(folder, name)
    if (content !== undefined) await writeFile(file, content)
    const result = await loadConfig(file, {})
    return result.ok ? 'ok' : formatProblems(result.problems).replaceAll(folder, '')
  }

  it('reads a file that is right', async () => {
    expect(await load('gateway.yaml', 'listen: 127.0.0.1:0')).toBe('ok')
  })

  it('tells what to do about a file that is not there or not a text', async () => {
    expect(await load('none.yaml')).toBe(
      '/none.yaml: there is no such file; write one with "sallyport init", or name another with --config',
    )
    await mkdir(join(folder, 'sub'))
    expect(await load('sub')).toBe('/sub: is a folder; name the file in it with --config')
    expect(await load('latin1.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe9))).toBe(
      '/latin1.yaml: is not UTF-8 text; save it as UTF-8',
    )
    expect(await load('large.yaml', `#${' '.repeat(1024 * 1024)}`)).toBe(
      '/large.yaml: is larger than 1 MB; is this the right file?',
    )
  })

  it('finds files that the configuration names and that are not there', async () => {
    const told = await load(
      'gateway.yaml',
      'tls: { cert: cert.pem, key: . }\nupstreams:\n  api: { targets: [https://a], tls: { ca: ca.pem } }\n',
    )
    expect(told).toBe(`/gateway.yaml:1:14: tls.cert: there is no file /cert.pem
/gateway.yaml:1:29: tls.key:  is not a file
/gateway.yaml:3:43: upstreams.api.tls.ca: there is no file /ca.pem`)
  })

  it('finds them beside whatever else is wrong', async () => {
    const told = await load(
      'gateway.yaml',
      'store: sqlite:.\nrouts: []\nupstreams: { api: { targets: [https://a], connect_timeout: soon, tls: { ca: ca.pem } } }\n',
    )
    expect(told.split('\n')).toEqual([
      expect.stringContaining('store:  is a folder'),
      expect.stringContaining('routs: unknown key'),
      expect.stringContaining('connect_timeout: "soon" is not a duration'),
      expect.stringContaining('tls.ca: there is no file /ca.pem'),
    ])
  })

  it('finds out that the store can not be where the file says', async () => {
    expect(await load('a.yaml', 'store: sqlite:.')).toContain('is a folder; write the name of a file in it')
    expect(await load('b.yaml', 'store: sqlite:a.yaml/sub/x.db')).toContain(
      '/a.yaml is a file, so that no folder for the store can be made there',
    )
  })
})

const sample = `
listen: 0.0.0.0:8080
admin: { listen: 127.0.0.1:9090 }
store: sqlite:data/sallyport.db
redis: \${REDIS_URL:-}
keys:
  prefix: sk
  environments: [live, test]
  default_scopes: ["*"]
  accept: []
  reveal: false
  cache: { max: 50000, ttl: 30s, stale_if_store_down: 60s }
scopes:
  projects:read: Read projects
  projects:write: Create and change projects
  runs:write: Start audits
limits:
  key-minute: { by: key, requests: 120, per: 1m }
  org-day:    { by: org, requests: 50000, per: 1d }
upstreams:
  api:
    targets: [http://127.0.0.1:9000]
    connect_timeout: 2s
    response_timeout: 30s
    health: { path: /healthz, every: 5s }
routes:
  - path: /api/v1/projects/*
    methods: [GET]
    scopes: [projects:read]
    limits: [key-minute, org-day]
    upstream: api
  - path: /api/v1/projects/:project_id/runs
    methods: [POST]
    scopes: [runs:write]
    workspace: ":project_id"
    cost: 5
    upstream: api
  - { path: /billing/*, deny: true }
  - { path: /status, public: true, upstream: api }
`
