import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { actor, makeKey, makeOrganization, requestRow } from '../contract/store-parts/make.ts'
import { type CliSandbox, cliConfig, cliSandbox, mainFile, runNode } from '../helpers/cli.ts'
import { testClock } from '../helpers/clock.ts'
import { type PostgresDatabases, postgresDatabases } from '../helpers/postgres.ts'

let databases: PostgresDatabases
beforeAll(async () => {
  databases = await postgresDatabases()
})
afterAll(() => databases?.close())

const masterKey = randomBytes(32).toString('base64')

interface Sandbox extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  run(...args: string[]): ReturnType<CliSandbox['run']>
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>
}

/** Commands on a database of their own. What they print must never hold its password. */
async function sandbox(): Promise<Sandbox> {
  const url = await databases.create()
  const inner = await cliSandbox(cliConfig.replace('sqlite:data/sallyport.db', `\${DATABASE}`))
  const run = async (...args: string[]) => {
    const result = await runNode([mainFile, ...args], inner.folder, { DATABASE: url, SALLYPORT_MASTER_KEY: masterKey })
    const { password } = new URL(url)
    for (const secret of [password, decodeURIComponent(password)]) {
      expect(result.stdout + result.stderr).not.toContain(secret)
    }
    return result
  }
  return {
    url,
    folder: inner.folder,
    run,
    async json<T>(...args: string[]) {
      const { code, stdout, stderr } = await run(...args, '--json')
      if (code !== 0) throw new Error(`sallyport ${args.join(' ')} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout) as T
    },
    async [Symbol.asyncDispose]() {
      await inner[Symbol.asyncDispose]()
      await databases.drop(url)
    },
  }
}

const tablesOf = (url: string) =>
  databases.query(url, "select tablename as name from pg_tables where schemaname = 'public' order by 1")

describe('the command line on PostgreSQL', () => {
  it('shows what a migration would run, changes nothing by it, and then runs it once', async () => {
    await using cli = await sandbox()
    const dry = await cli.run('migrate', '--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.stdout).toMatch(/^-- 0001-first\ncreate table "organizations" \("id" text collate "C"/)
    expect(dry.stdout).toMatch(/partition by range \("at"\);/)
    expect(await tablesOf(cli.url)).toEqual([])

    const { migrations } = await cli.json<{ migrations: { name: string; statements: string[] }[] }>('migrate')
    expect(migrations.map(({ name }) => name)).toContain('0001-first')
    const done = await databases.query(cli.url, 'select name from kysely_migration order by name')
    expect(done.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name))
    expect((await cli.run('migrate', '--dry-run')).stdout).toBe('The schema is up to date.\n')
    expect(await cli.json('migrate')).toEqual({ dry_run: false, migrations: [] })
  }, 60_000)

  it('shows the very statements that make the schema', async () => {
    await using cli = await sandbox()
    await using other = await sandbox()
    const { stdout } = await cli.run('migrate', '--dry-run')
    await databases.query(other.url, stdout)
    await cli.run('migrate')
    const columns = `select table_name, column_name, data_type, is_nullable, collation_name from information_schema.columns
      where table_schema = 'public' and table_name not like 'kysely%' and table_name !~ 'request_log_' order by 1, 2`
    const made = await databases.query(cli.url, columns)
    expect(made.length).toBeGreaterThan(100)
    expect(await databases.query(other.url, columns)).toEqual(made)
  }, 60_000)

  it('makes organizations and keys, and verifies the trail of it', async () => {
    await using cli = await sandbox()
    await cli.json('orgs', 'create', 'Acme Ltd')
    await cli.json('keys', 'create', '--org', 'acme-ltd', '--name', 'CI', '--scopes', 'projects:read')
    expect(await cli.json('keys', 'list', '--org', 'acme-ltd')).toMatchObject([
      { name: 'CI', scopes: ['projects:read'] },
    ])
    expect(await cli.json('verify-events')).toEqual({ valid: true, checked: 2 })
  }, 60_000)

  it('checks the URL, and never shows what is in it', async () => {
    await using cli = await cliSandbox(
      cliConfig.replace('sqlite:data/sallyport.db', 'postgres://u:hunter2@db/sallyport?sslmod=x'),
    )
    const { code, stdout, stderr } = await cli.run('check')
    expect(code).toBe(1)
    expect(stdout + stderr).toMatch(
      /store: the URL of the database has the unknown parameter "sslmod"; allowed are host, sslmode/,
    )
    expect(stdout + stderr).not.toContain('hunter2')
  })
})

describe('store copy', () => {
  it('brings every row of every table over, and back again', async () => {
    await using cli = await sandbox()
    const file = join(cli.folder, 'from.db')
    await fill(file)
    const before = rowsOf(file)
    for (const [table, rows] of before) expect([table, rows.length > 0]).toEqual([table, true])

    const { tables } = await cli.json<{ tables: Record<string, number> }>(
      'store',
      'copy',
      'sqlite:from.db',
      'env:DATABASE',
    )
    expect(tables).toEqual(Object.fromEntries([...before].map(([table, rows]) => [table, rows.length])))
    const back = await cli.run('store', 'copy', 'env:DATABASE', 'sqlite:back.db')
    expect(back.stderr).toMatch(/^organizations: 1$/m)
    expect(back.stdout).toMatch(/the same master key/)
    expect(rowsOf(join(cli.folder, 'back.db'))).toEqual(before)

    const clock = testClock()
    const store = await openPostgresStore(cli.url, { clock })
    expect((await store.listRequests({}, { limit: 200 })).rows).toHaveLength(200)
    expect(await store.latestChange()).toBe(before.get('changes')?.length)
    await store.close()
  }, 90_000)

  it('refuses a target with something in it, and a source that is not there', async () => {
    await using cli = await sandbox()
    await fill(join(cli.folder, 'from.db'))
    const store = await openPostgresStore(cli.url, { clock: testClock() })
    await makeOrganization(store, 'Here already')
    await store.close()
    const full = await cli.run('store', 'copy', 'sqlite:from.db', 'env:DATABASE')
    expect(full).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the target is not empty: there are rows in organizations/),
    })
    expect(await databases.query(cli.url, 'select name from organizations')).toEqual([{ name: 'Here already' }])
    const nothing = await cli.run('store', 'copy', 'sqlite:none.db', 'sqlite:to.db')
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringMatching(/no store of this version to copy from/) })
    expect((await cli.run('store', 'copy', 'env:NOTHING', 'sqlite:to.db')).code).toBe(2)
  }, 60_000)

  it('keeps nothing of a store whose trail was tampered with', async () => {
    await using cli = await sandbox()
    const file = join(cli.folder, 'from.db')
    await fill(file)
    new DatabaseSync(file).exec("update admin_events set type = 'forged' where seq = 2")
    const { code, stderr } = await cli.run('store', 'copy', 'sqlite:from.db', 'env:DATABASE')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the audit trail is not valid at event 2/)])
    expect(await databases.query(cli.url, 'select * from organizations')).toEqual([])
  }, 60_000)
})

/** At least one row in every table. */
async function fill(file: string): Promise<void> {
  const store = await openSqliteStore(file, { clock: testClock() })
  const organizationId = await makeOrganization(store, 'Ünïcode "quoted" \u{1f511}')
  const workspace = await store.createWorkspace({ organizationId, name: 'W', externalId: 'x' }, actor)
  await store.createServiceAccount({ organizationId, name: 'Bot', role: 'viewer' }, actor)
  const { key } = await makeKey(store, organizationId, {
    workspaceIds: [workspace.id],
    metadata: { a: [1, null, 'ü'] },
  })
  for (let index = 0; index < 30; index++) await makeKey(store, organizationId, { name: `k${index}` })
  const at = Date.UTC(2026, 0, 10)
  await store.insertRequests(
    Array.from({ length: 1234 }, (_, index) =>
      requestRow(at + index * 500_000, { durationMs: index / 7, userAgent: null }),
    ),
  )
  await store.saveCounters([{ key: 'key-minute/a', used: 3, endsAt: at + 1e12 }])
  await store.putJobInput('job_1', 0, 'line\n')
  await store.startIdempotent('hash', { leaseEndsAt: at, expiresAt: at + 1e12 })
  const secretId = key.secrets[0]?.id ?? ''
  await store.close()
  using database = new DatabaseSync(file)
  database.exec(`
    insert into sealed_secrets values ('${secretId}', x'00ff5c7b', 'abcd');
    insert into key_expiry_notices values ('${key.id}', 7, ${at});
    insert into operators values ('usr_1', 'a@b.c', 'A', 'manual', 1, null, null, ${at}, ${at}, null);
    insert into memberships values ('${organizationId}', 'usr_1', 'owner', 'manual', ${at}, ${at});
    insert into operator_sessions (id, operator_id, sha256, method, ip, created_at, last_seen_at)
      values ('ses_1', 'usr_1', zeroblob(32), 'password', '::1', ${at}, ${at});
    insert into operator_tokens (id, operator_id, sha256, name, role, suffix, created_at)
      values ('tok_1', 'usr_1', zeroblob(32), 'T', 'root', 'abcd', ${at});
    insert into operator_links values (zeroblob(32), 'reset', 'usr_1', ${at});
    insert into webhooks values ('wh_1', '${organizationId}', 'https://a.example', '', '["*"]', 'active', null, ${at}, ${at});
    insert into webhook_secrets values ('whs_1', 'wh_1', x'01', 'abcd', ${at}, null);
    insert into webhook_deliveries (id, organization_id, webhook_id, event_id, message, status, attempts, created_at, response_ms)
      values ('dlv_1', '${organizationId}', 'wh_1', 'evt_1', '{}', 'delivered', 1, ${at}, 12.25);
    insert into jobs (id, organization_id, type, status, progress, created_at, updated_at, output_parts, output_bytes,
      cancel_requested, lost, actor_type, params)
      values ('job_1', '${organizationId}', 'key_export', 'pending', 0, ${at}, ${at}, 0, 0, 0, 0, 'cli', '{}');`)
}

/** All rows of a file, by table; but for who runs on it, who stays behind. */
function rowsOf(file: string): Map<string, unknown[]> {
  using database = new DatabaseSync(file, { readOnly: true })
  const names = database
    .prepare(
      "select name from sqlite_master where type = 'table' and name not like 'kysely%' and name not like 'sqlite%' and name != 'nodes'",
    )
    .all()
    .map(({ name }) => String(name))
    .sort()
  return new Map(
    names.map((name) => {
      const rows = database.prepare(`select * from ${name}`).all()
      return [name, rows.map((row) => JSON.stringify(row)).sort()]
    }),
  )
}
