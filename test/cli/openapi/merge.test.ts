import { describe, expect, it } from 'vitest'
import { emptyFile, importDocument } from './imported.ts'

const documentOf = (paths: Record<string, unknown>, scopes: Record<string, string> = {}) => ({
  openapi: '3.1.0',
  paths,
  components: { securitySchemes: { oauth: { type: 'oauth2', flows: { clientCredentials: { scopes } } } } },
})
const needs = (...scopes: string[]) => ({ security: [{ oauth: scopes }] })

const ownFile = `# yaml-language-server: $schema=./gateway.schema.json
#   My gateway,   with   odd   spacing

listen:   127.0.0.1:8080   # callers
scopes:
  mine:read: Read mine    # a comment
  "pets:read":   'declared by hand'

limits: { key-minute: { by: key, requests: 10, per: 1m } }
upstreams:
  main: { targets: ["http://127.0.0.1:9000", "http://127.0.0.1:9001"] }   # two of them
  other:
    targets: [ "http://127.0.0.1:9100" ]
routes:
- path: /mine/*
  scopes: [ mine:read ]
  limits:
    - key-minute
  upstream: main      # the last line of the routes

# What comes behind them.
tests:
  - { request: GET /mine/1, scopes: [mine:read], expect: allow }
`

describe('merging into a gateway.yaml', () => {
  const pets = documentOf(
    { '/pets': { get: needs('pets:read'), post: needs('pets:write') } },
    { 'pets:write': 'Write' },
  )

  it.each([
    ['\n', ownFile],
    ['\r\n', ownFile.replaceAll('\n', '\r\n')],
  ])('leaves every letter of it as it was, with %j at the ends of lines', (_, into) => {
    const { plan, config } = importDocument(pets, { into, upstream: 'main' })
    const lines = plan.text.split(/(?<=\n)/)
    let marked = false
    const own = lines.filter((line) => {
      if (line.trim().startsWith('# BEGIN')) marked = true
      const keep = !marked
      if (line.trim().startsWith('# END')) marked = false
      return keep
    })
    expect(own.join('')).toBe(into)
    expect(lines.every((line) => line.endsWith('\r\n') === into.includes('\r\n'))).toBe(true)
    expect(config.routes.map(({ path, scopes }) => [path, scopes])).toEqual([
      ['/mine/*', ['mine:read']],
      ['/pets', ['pets:read']],
      ['/pets', ['pets:write']],
    ])
    expect(config.scopes['pets:read']).toBe('declared by hand')
  })

  it('gives the same text when it is done again, and takes out what the document has no longer', () => {
    const { plan } = importDocument(pets, { into: ownFile, upstream: 'main' })
    expect(importDocument(pets, { into: plan.text, upstream: 'main' }).plan.text).toBe(plan.text)
    const fewer = importDocument(documentOf({ '/pets': { get: needs('pets:read') } }), {
      into: plan.text,
      upstream: 'main',
    })
    expect(fewer.config.routes.map(({ path }) => path)).toEqual(['/mine/*', '/pets'])
    expect(fewer.config.scopes).not.toHaveProperty('pets:write')
    expect(fewer.plan.text).not.toContain('BEGIN sallyport import openapi api.yaml\n  # END')
  })

  it('keeps settings that were added to an imported route, as they were written, and drops none when routes are divided', () => {
    const both = documentOf({ '/teams/{id}': { get: needs('a'), put: needs('a') } })
    const first = importDocument(both, { into: emptyFile }).plan.text
    const edited = `limits: { key-minute: { by: key, requests: 10, per: 1m } }\n${first}`.replace(
      /- \{ path: \/teams\/:id, (.*) \}/,
      '- { path: /teams/:id, $1, workspace: ":id", limits: [key-minute] }',
    )
    expect(edited).toContain('workspace')
    const again = importDocument(both, { into: edited })
    expect(again.config.routes).toMatchObject([{ methods: ['GET', 'PUT'], workspace: ':id', limits: ['key-minute'] }])
    expect(importDocument(both, { into: again.plan.text }).plan.text).toBe(again.plan.text)

    const divided = documentOf({ '/teams/{id}': { get: needs('a'), put: needs('b'), post: needs('b') } })
    expect(importDocument(divided, { into: again.plan.text }).config.routes).toMatchObject([
      { methods: ['GET'], scopes: ['a'], workspace: ':id' },
      { methods: ['POST'], scopes: ['b'] },
      { methods: ['PUT'], scopes: ['b'], workspace: ':id', limits: ['key-minute'] },
    ])
  })

  it('keeps variables in added settings what they are', () => {
    const one = documentOf({ '/a': { get: needs('a') } })
    const block = importDocument(one, { into: emptyFile }).plan.text.replace(
      /- \{ path: \/a, .* \}/,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of gateway.yaml
      '- path: /a\n    methods: [GET]\n    upstream: api\n    # dear\n    cost: ${COST:-5}',
    )
    const { config, plan } = importDocument(one, { into: block })
    expect(config.routes).toMatchObject([{ cost: 5, scopes: ['a'] }])
    expect(plan.text).toContain('# dear')
  })

  it('lets a route of somebody’s own win, and says so', async () => {
    const into = `${emptyFile.replace('routes: []', 'routes:')}  - { path: /pets, methods: [GET], deny: true }\n`
    const { ask, plan } = importDocument(pets, { into })
    expect(await ask('GET', '/pets', ['*'])).toMatchObject({ code: 'ROUTE_DENIED' })
    expect(await ask('POST', '/pets', ['pets:write'])).toMatchObject({ decision: 'allow' })
    expect(plan.notes).toContain('GET /pets: left to your own route /pets')
  })

  it('never calls a scope by a name that the file has for another one', () => {
    const into = emptyFile.replace('scopes: {}', 'scopes:\n  read-books: Something else\n  "pets:read": Read pets')
    const books = documentOf({ '/books': { get: needs('read books') }, '/pets': { get: needs('pets:read') } })
    const { config, plan } = importDocument(books, { into })
    expect(config.routes.map(({ scopes }) => scopes)).toEqual([['read-books-2'], ['pets:read']])
    expect(plan.notes).toEqual(['scopes that the file has already are taken for the same: pets:read'])
    const again = importDocument(books, { into: plan.text }).plan
    expect([again.text, again.notes]).toEqual([plan.text, plan.notes])
  })

  it('refuses another document of the same file name, and says how to have both', () => {
    const into = importDocument(pets, { title: 'Pets', version: '1.0' }).plan.text
    expect(importDocument(pets, { into, title: 'Pets', version: '1.1' }).plan.text).toContain('# Pets 1.1. The next')
    for (const title of ['Pet', 'Books', '']) {
      expect(() => importDocument(pets, { into, title, version: '1.0' })).toThrow(
        'the lines of api.yaml in the file come from "Pets 1.0"',
      )
    }
    const both = importDocument(documentOf({ '/books': { get: needs('a') } }), { into, title: 'Books', name: 'b.yaml' })
    expect(both.config.routes).toHaveLength(3)
    const renamed = importDocument(pets, { into: into.replace(/.*# Pets 1\.0\. The next.*\n/, ''), title: 'Animals' })
    expect(renamed.plan.text).toContain('# Animals. The next')
  })

  it('says where a route of somebody’s own lets through more than the document', () => {
    const into = `${emptyFile.replace('upstreams: {}', 'upstreams: { api: { targets: ["http://127.0.0.1:1"] } }').replace('routes: []', 'routes:')}  - { path: /*, methods: [GET], upstream: api }\n`
    expect(importDocument(pets, { into }).plan.notes).toContain(
      'your route /* also lets through what the document does not have',
    )
  })

  it('says where something was denied and is no longer', () => {
    const denied = importDocument(documentOf({ '/a': { get: { security: [{ nowhere: [] }] } } })).plan.text
    expect(importDocument(documentOf({ '/a': { get: needs('a') } }), { into: denied }).plan.notes).toContain(
      'GET /a: was denied, and is not any more',
    )
  })

  it('has room for several documents, which share scopes', () => {
    const users = documentOf({ '/users': { get: needs('pets:read', 'users:read') } })
    const one = importDocument(pets, { name: 'pets.yaml' }).plan.text
    const two = importDocument(users, { name: 'users.yaml', into: one })
    expect(two.config.routes.map(({ path }) => path)).toEqual(['/pets', '/pets', '/users'])
    expect(importDocument(pets, { name: 'pets.yaml', into: two.plan.text }).plan.text).toBe(two.plan.text)
  })

  it('takes the upstream that is named, that has the target, or the only one', () => {
    const upstreamIn = (into: string, upstream?: string) =>
      importDocument(pets, { into, upstream }).config.routes.at(-1)?.upstream
    expect(upstreamIn(ownFile, 'other')).toBe('other')
    expect(upstreamIn(ownFile, 'http://127.0.0.1:9100')).toBe('other')
    expect(upstreamIn(ownFile, 'http://127.0.0.1:9200')).toBe('api')
    expect(() => upstreamIn(ownFile)).toThrow('the file has the upstreams main, other; name one with --upstream')
    expect(() => upstreamIn(ownFile, 'nope')).toThrow('must be an origin')
    expect(() => upstreamIn(emptyFile, 'https://api.example.com/v1')).toThrow('must be an origin')
  })

  it('keeps the upstream that an import before has written, as somebody has changed it since', () => {
    const first = importDocument(pets, { upstream: 'http://127.0.0.1:9700' }).plan.text
    const edited = first.replace(/ {2}api: .*/, '  api:\n    targets: ["http://127.0.0.1:9700"]\n    idle_timeout: 5s')
    const again = importDocument(pets, { into: edited })
    expect(again.plan.text).toBe(edited)
    expect(again.config.upstreams.api).toMatchObject({ targets: ['http://127.0.0.1:9700'], idle_timeout: 5000 })
    const moved = importDocument(pets, { into: edited, upstream: 'http://127.0.0.1:9800' })
    expect(moved.config.upstreams.api?.targets).toEqual(['http://127.0.0.1:9800'])
  })

  it.each([
    [
      'routes in brackets',
      emptyFile.replace('routes: []', 'routes: [{ path: /a, deny: true }]'),
      'is written in brackets',
    ],
    ['a mark without its end', `${emptyFile}# BEGIN sallyport import openapi api.yaml\n`, 'has no "# END'],
    ['an end without its mark', `${emptyFile}# END sallyport import openapi api.yaml\n`, 'must stand in pairs'],
  ])('refuses %s, and says what to do', (_, into, message) => {
    expect(() => importDocument(pets, { into })).toThrow(message)
  })

  it.each([
    ['nothing at all', ''],
    ['sections without anything in them', 'scopes:\nroutes:   # none yet\nupstreams:\n'],
    ['no line end at its end', 'listen: 127.0.0.1:80'],
    ['a comment at its end', 'listen: 127.0.0.1:80\n# the end'],
    ['lists in deeper columns', `${emptyFile.replace('routes: []', 'routes:\n      - { path: /a, deny: true }')}`],
    ['a text over several lines at its end', 'upstreams: {}\nscopes:\n  a: |\n    long\n    text\nroutes: []\n'],
  ])('merges into a file with %s', (_, into) => {
    const { config, plan } = importDocument(pets, { into })
    expect(config.routes.filter(({ path }) => path === '/pets')).toHaveLength(2)
    expect(importDocument(pets, { into: plan.text }).plan.text).toBe(plan.text)
  })
})
