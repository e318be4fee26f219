import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findViolations, type ImportRules } from './helpers/import-rules.ts'

const rules: ImportRules = {
  layers: [
    ['main.ts'],
    ['cli'],
    [
      ...['app.ts', 'data-plane.ts', 'workers', 'open-store.ts', 'open-limiter.ts', 'open-nodes.ts'],
      ...['verify-trail.ts', 'verify-trail-thread.ts'],
      ...['open-signing-keys.ts', 'open-tracing.ts'],
    ],
    ['gateway', 'admin-api', 'self-service'],
    ['policy', 'proxy', 'recorder', 'webhooks', 'jobs'],
    ['keys', 'limiter', 'store', 'config', 'bus', 'metrics', 'redis', 'tracing'],
    // The contracts stand below their adapters: they are types that everyone may speak of, events included.
    [
      'events.ts',
      'errors.ts',
      'beside.ts',
      'clock.ts',
      'ids.ts',
      'look-alikes.ts',
      'path.ts',
      'time-limit.ts',
      'plain-text.ts',
      'json-text.ts',
      'schema-words.ts',
      'log.ts',
      'version.ts',
      'young.ts',
      'store/store.ts',
      'store/analytics-store.ts',
      'store/basics.ts',
      'store/objects.ts',
      'store/idempotency-store.ts',
      'store/jobs-store.ts',
      'store/nodes-store.ts',
      'store/operators-store.ts',
      'store/sealed-secrets-store.ts',
      'store/webhooks-store.ts',
      'store/event-chain.ts',
      'store/event-types.ts',
      'store/verify-events.ts',
      'limiter/limiter.ts',
    ],
  ],
  packages: {
    fastify: ['admin-api', 'self-service'],
    '@fastify': ['admin-api', 'self-service'],
    undici: ['proxy', 'webhooks', 'tracing'],
    commander: ['cli'],
    kysely: ['store'],
    pg: ['store'],
    'node:sqlite': ['store'],
    'rate-limiter-flexible': ['limiter'],
    'prom-client': ['metrics'],
    ioredis: ['redis'],
    pino: ['log.ts'],
    '@opentelemetry': ['tracing'],
  },
  adapters: {
    files: [
      'store/sqlite.ts',
      'store/sqlite',
      'store/postgres.ts',
      'store/postgres',
      'store/sql.ts',
      'store/sql',
      'limiter/memory.ts',
      'limiter/redis.ts',
      'bus/redis.ts',
      'tracing/open-telemetry.ts',
    ],
    importers: ['app.ts', 'open-store.ts', 'open-limiter.ts', 'open-nodes.ts', 'open-tracing.ts', 'cli/open-store.ts'],
  },
  linesMax: 300,
  longFiles: {
    'app.ts': 'the composition root: what is joined to what is read from top to bottom in one place',
    'config/schema.ts': 'the one schema: splitting it would hide that it is one',
    'store/store.ts': 'the whole contract of the store, nearly all of it types and what they promise',
  },
}

describe('the source tree', () => {
  it('holds every import rule of the house', () => {
    const root = fileURLToPath(new URL('../src', import.meta.url))
    const files = new Map(
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')]),
    )
    expect(files.size).toBeGreaterThan(30)
    expect(findViolations(files, rules)).toEqual([])
  })
})

describe('the checker itself', () => {
  const check = (tree: Record<string, string>, changed: Partial<ImportRules> = {}) =>
    findViolations(new Map(Object.entries(tree)), { ...rules, longFiles: {}, ...changed })

  it('passes a tree that keeps the rules', () => {
    const tree = {
      'main.ts': "import './cli/program.ts'",
      'cli/program.ts': "import { start } from '../app.ts'",
      'app.ts': "import { openSqliteStore } from './store/sqlite.ts'",
      'store/sqlite.ts': "import type { Store } from './store.ts'\nimport { sql } from './sql.ts'",
      'store/sql.ts': "import { Kysely } from 'kysely'",
      'store/store.ts': '',
      'events.ts': "import type { RequestRow } from './store/store.ts'",
    }
    expect(check(tree)).toEqual([])
  })

  it.each([
    ['a value', "import { handle } from '../gateway/handle.ts'"],
    ['a type', "import type { Exchange } from '../gateway/handle.ts'"],
    ['a re-export', "export { handle } from '../gateway/handle.ts'"],
    ['a dynamic import', "const load = () => import('../gateway/handle.ts')"],
  ])('finds an import upward: %s', (_, source) => {
    expect(check({ 'gateway/handle.ts': '', 'policy/scopes.ts': source })).toEqual([
      'policy/scopes.ts imports upward: gateway/handle.ts',
    ])
  })

  it('finds an adapter that is imported past the composition root', () => {
    const tree = { 'limiter/memory.ts': '', 'policy/limit.ts': "import { memory } from '../limiter/memory.ts'" }
    expect(check(tree)).toEqual(['policy/limit.ts imports the adapter limiter/memory.ts'])
  })

  it('lets the command line open the store in one file alone', () => {
    const source = "import { openSqliteStore } from '../store/sqlite.ts'"
    expect(check({ 'store/sqlite.ts': '', 'cli/open-store.ts': source })).toEqual([])
    expect(check({ 'store/sqlite.ts': '', 'cli/keys.ts': source })).toEqual([
      'cli/keys.ts imports the adapter store/sqlite.ts',
    ])
  })

  it.each([
    ['gateway/listener.ts', 'fastify'],
    ['policy/scopes.ts', 'undici'],
    ['keys/lookup.ts', '@fastify/cookie'],
  ])('finds a library outside its room: %s imports %s', (file, library) => {
    expect(check({ [file]: `import x from '${library}'` })).toHaveLength(1)
  })

  it('finds a circle however long the way round', () => {
    const tree = {
      'keys/a.ts': "import './b.ts'",
      'keys/b.ts': "import { type C, c } from './c.ts'",
      'keys/c.ts': "import './a.ts'",
    }
    expect(check(tree)).toEqual(['circle: keys/a.ts → keys/b.ts → keys/c.ts → keys/a.ts'])
  })

  it('lets types of one room name each other, but no values and not over rooms', () => {
    const back = (source: string) => check({ 'keys/a.ts': source, 'keys/b.ts': "import { a } from './a.ts'" })
    expect(back("import type { B } from './b.ts'")).toEqual([])
    expect(back("import { type B } from './b.ts'")).toHaveLength(1)
    expect(back("import type { B } from './b.ts'\nimport { b } from './b.ts'")).toHaveLength(1)
    const rooms = { 'keys/a.ts': "import type { B } from '../config/b.ts'", 'config/b.ts': "import '../keys/a.ts'" }
    expect(check(rooms)).toContain('circle: keys/a.ts → config/b.ts → keys/a.ts')
  })

  it('finds two rooms of one layer that import each other', () => {
    const tree = {
      'keys/a.ts': "import '../config/a.ts'",
      'config/a.ts': '',
      'config/b.ts': "import '../keys/b.ts'",
      'keys/b.ts': '',
    }
    expect(check(tree)).toEqual([
      'rooms config and keys import each other: config/b.ts → keys/b.ts, keys/a.ts → config/a.ts',
    ])
  })

  it('finds a file that belongs nowhere and an import of nothing', () => {
    expect(check({ 'helpers/misc.ts': '' })).toEqual(['helpers/misc.ts is in no layer; decide where it belongs'])
    expect(check({ 'clock.ts': "import './gone.ts'" })).toEqual(['clock.ts imports gone.ts, which is not there'])
  })

  it('finds a long file without a reason, and a reason that is no longer needed', () => {
    const long = '\n'.repeat(301)
    expect(check({ 'clock.ts': long })).toEqual(['clock.ts has 301 lines; split it or list it with its reason'])
    expect(check({ 'clock.ts': long }, { longFiles: { 'clock.ts': 'because' } })).toEqual([])
    expect(check({ 'clock.ts': '' }, { longFiles: { 'clock.ts': 'because' } })).toHaveLength(1)
  })

  it('is not fooled by an import in a comment or in a text', () => {
    const source = "// import '../gateway/handle.ts'\nconst text = `import '../gateway/handle.ts'`"
    expect(check({ 'gateway/handle.ts': '', 'policy/scopes.ts': source })).toEqual([])
  })
})
