import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliSandbox, cliConfig, cliSandbox } from '../helpers/cli.ts'

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const rawKey = /sk_(?:live|test)_[0-9A-Za-z]{36}/g

interface Created {
  key: { id: string; expires_at: string; created_at: string; workspaces_preview: { id: string }[]; secrets: unknown[] }
  raw_key: string
}

describe('keys on the command line', () => {
  let cli: CliSandbox
  const secrets: string[] = []

  const create = async (...args: string[]): Promise<Created> => {
    const created = await cli.json<Created>('keys', 'create', '--org', 'acme', ...args)
    secrets.push(created.raw_key)
    return created
  }

  beforeAll(async () => {
    cli = await cliSandbox(cliConfig)
    await cli.run('orgs', 'create', 'Acme Ltd', '--slug', 'acme')
    await cli.run('orgs', 'create', 'Other', '--slug', 'other')
    await cli.run('workspaces', 'create', 'Website', '--org', 'acme', '--external-id', 'prj_42')
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  it('creates a key with what the configuration says by default', async () => {
    const { key, raw_key } = await create('--name', 'CI pipeline')
    expect(raw_key).toMatch(/^sk_live_[0-9A-Za-z]{36}$/)
    expect(key).toEqual({
      id: expect.stringMatching(/^key_[0-9a-z]{26}$/),
      name: 'CI pipeline',
      description: '',
      organization_id: expect.stringMatching(/^org_/),
      project_id: null,
      environment: 'live',
      scopes: ['*'],
      key_prefix: raw_key.slice(0, 12),
      key_suffix: raw_key.slice(-4),
      status: 'active',
      is_active: true,
      workspaces_total: 0,
      workspaces_preview: [],
      service_account_id: null,
      allowed_ips: [],
      rate_limit: null,
      metadata: {},
      system: false,
      last_used_at: null,
      expires_at: null,
      revoked_at: null,
      revoked_reason: null,
      created_by: null,
      created_at: time,
      updated_at: time,
      secrets: [
        {
          id: expect.any(String),
          key_prefix: raw_key.slice(0, 12),
          key_suffix: raw_key.slice(-4),
          created_at: time,
          expires_at: null,
          last_used_at: null,
        },
      ],
    })
  })

  it('creates a key with everything that can be asked for', async () => {
    const { key, raw_key } = await create(
      ...['--name', 'Nightly', '--description', 'the nightly run', '--environment', 'test'],
      ...['--scopes', 'projects:read,runs:write', '--scope', 'keys:manage', '--expires-in-days', '90'],
      ...['--workspace', 'prj_42', '--allowed-ip', '203.0.113.0/24', '--allowed-ip', '2001:db8::1'],
      ...['--rate-limit', '100/1m', '--metadata', '{"team":"audit"}'],
    )
    expect(raw_key).toMatch(/^sk_test_/)
    expect(key).toMatchObject({
      description: 'the nightly run',
      environment: 'test',
      scopes: ['projects:read', 'runs:write', 'keys:manage'],
      workspaces_total: 1,
      workspaces_preview: [{ id: expect.stringMatching(/^ws_/), external_id: 'prj_42' }],
      allowed_ips: ['203.0.113.0/24', '2001:db8::1'],
      rate_limit: { requests: 100, per: '1m' },
      metadata: { team: 'audit' },
    })
    const days = (Date.parse(key.expires_at) - Date.parse(key.created_at)) / 86_400_000
    expect(days).toBeCloseTo(90, 2)
  })

  it('binds a key to one workspace with --project-id', async () => {
    const { key } = await create('--name', 'Bound', '--project-id', 'prj_42')
    expect(key).toMatchObject({ project_id: 'prj_42', workspaces_total: 1 })
  })

  it('prints the key once for people, with a curl line that holds it', async () => {
    const { code, stdout, stderr } = await cli.run('keys', 'create', '--org', 'acme', '--name', 'For people')
    const [key = ''] = stdout.match(rawKey) ?? []
    secrets.push(key)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Store it now: it is not shown again.')
    expect(stdout).toContain(`curl -H "Authorization: Bearer ${key}" http://127.0.0.1:`)
  })

  it.each([
    [
      'an unknown scope',
      ['--scopes', 'project:read'],
      '--scopes: "project:read" is not declared; did you mean "projects:read"?',
    ],
    [
      'the declared scopes',
      ['--scopes', 'nothing:like-it'],
      'Declared are: projects:read, projects:write, runs:write.',
    ],
    ['a wildcard over nothing', ['--scopes', 'billing:*'], '--scopes: "billing:*" covers no declared scope'],
    ['an expiry of no days', ['--expires-in-days', '0'], '--expires-in-days: must be a whole number from 1 to 3650'],
    [
      'an expiry beyond ten years',
      ['--expires-in-days', '3651'],
      '--expires-in-days: must be a whole number from 1 to 3650',
    ],
    ['an unknown environment', ['--environment', 'prod'], '--environment: must be one of: live, test'],
    ['a workspace that is not there', ['--workspace', 'prj_43'], '--workspace: there is no workspace "prj_43"'],
    ['a project that is not there', ['--project-id', 'prj_43'], '--project-id: there is no workspace "prj_43"'],
    [
      'where workspaces are listed',
      ['--workspace', 'zzz'],
      '"sallyport workspaces list --org acme" shows those there are',
    ],
    ['a project and workspaces', ['--project-id', 'prj_42', '--workspace', 'prj_42'], '--workspace: must be left out'],
    [
      'an address that is none',
      ['--allowed-ip', '203.0.113.0/33'],
      '--allowed-ip: "203.0.113.0/33" is not an address or CIDR',
    ],
    ['a limit of nothing', ['--rate-limit', '0/1m'], '--rate-limit: must be a whole number from 1'],
  ])('refuses %s with 1 and says what is allowed', async (_, args, message) => {
    const before = await cli.json<unknown[]>('keys', 'list', '--org', 'acme')
    const { code, stdout, stderr } = await cli.run('keys', 'create', '--org', 'acme', '--name', 'Refused', ...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
    expect(await cli.json('keys', 'list', '--org', 'acme')).toHaveLength(before.length)
  })

  it('reports every problem at once', async () => {
    const args = ['--name', ' ', '--scopes', 'a,b', '--environment', 'prod', '--expires-in-days', '-1']
    const { stderr } = await cli.run('keys', 'create', '--org', 'acme', ...args)
    expect(stderr.trim().split('\n')).toHaveLength(5)
  })

  it('revokes by the id of the key alone, for good, and again with the same answer', async () => {
    const { key } = await create('--name', 'To revoke')
    const revoked = await cli.json('keys', 'revoke', key.id, '--reason', 'leaked')
    expect(revoked).toMatchObject({
      id: key.id,
      status: 'revoked',
      is_active: false,
      revoked_at: time,
      revoked_reason: 'leaked',
    })
    expect(await cli.json('keys', 'revoke', key.id, '--reason', 'once more')).toEqual(revoked)
    const { code, stderr } = await cli.run('keys', 'rotate', key.id)
    expect(code).toBe(1)
    expect(stderr).toContain('only an active key can be rotated')
  })

  it('treats a key of another organization as one that is not there', async () => {
    const { key } = await create('--name', 'Ours')
    const foreign = await cli.run('keys', 'revoke', key.id, '--org', 'other')
    const missing = await cli.run('keys', 'revoke', key.id.replace(/.{4}$/, 'zzzz'), '--org', 'other')
    expect(foreign.code).toBe(1)
    expect(foreign.stderr.replace(key.id, 'ID')).toBe(missing.stderr.replace(/key_[0-9a-z]{26}/, 'ID'))
    expect(await cli.json('keys', 'list', '--org', 'acme', '--status', 'active')).toContainEqual(
      expect.objectContaining({ id: key.id, status: 'active' }),
    )
  })

  it('rotates to a new secret and ends the old one at once', async () => {
    const { key, raw_key } = await create('--name', 'To rotate')
    const rotated = await cli.json<Created>('keys', 'rotate', key.id)
    secrets.push(rotated.raw_key)
    expect(rotated.raw_key).not.toBe(raw_key)
    expect(rotated.key).toMatchObject({ id: key.id, is_active: true, key_suffix: rotated.raw_key.slice(-4) })
    expect(rotated.key.secrets).toHaveLength(1)
  })

  it('keeps the old secret for the grace period, but never past the end of the key', async () => {
    const { key } = await create('--name', 'Grace', '--expires-in-days', '1')
    const rotated = await cli.json<Created>('keys', 'rotate', key.id, '--grace-period', '30d')
    secrets.push(rotated.raw_key)
    expect(rotated.key.secrets).toHaveLength(2)
    expect(rotated.key.secrets[1]).toMatchObject({ expires_at: key.expires_at })
  })

  it.each([[['--grace-period', '31d']], [['--grace-period-seconds', '2592001']], [['--grace-period-seconds=-1']]])(
    'refuses a grace period out of bounds: %s',
    async (args) => {
      const { key } = await create('--name', 'Bounds')
      const { code, stderr } = await cli.run('keys', 'rotate', key.id, ...args)
      expect(code).toBe(1)
      expect(stderr).toContain('the grace period must be 0 to 2592000 seconds')
    },
  )

  it('lists keys newest first, in aligned columns', async () => {
    const { stdout } = await cli.run('keys', 'list', '--org', 'acme')
    const [head = '', ...rows] = stdout.trimEnd().split('\n')
    expect(rows.length).toBeGreaterThan(5)
    for (const row of rows) expect(row.slice(head.indexOf('STATUS'))).toMatch(/^(active|revoked|expired) /)
    expect(rows.at(-1)).toContain('CI pipeline')
  })

  it('never shows a key a second time, and keeps it nowhere on disk', async () => {
    await cli.run('keys', 'list', '--org', 'acme')
    await cli.run('keys', 'list', '--org', 'acme', '--json')
    expect(secrets.length).toBeGreaterThan(5)
    expect(new Set(secrets).size).toBe(secrets.length)
    const data = join(cli.folder, 'data')
    const files = await Promise.all((await readdir(data)).map((name) => readFile(join(data, name), 'latin1')))
    expect(files.join('')).toContain('CI pipeline')
    for (const secret of secrets) {
      // Once as the key; the output for people has it a second time in its curl line.
      const shown = cli.transcript().split(secret).length - 1
      expect(shown === 1 || (shown === 2 && cli.transcript().includes(`Bearer ${secret}`))).toBe(true)
      for (const file of files) expect(file.includes(secret) || file.includes(secret.slice(9, -6))).toBe(false)
    }
  })
})
