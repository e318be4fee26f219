import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliSandbox, cliConfig, cliSandbox } from '../helpers/cli.ts'

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

describe('organizations and workspaces on the command line', () => {
  let cli: CliSandbox
  beforeAll(async () => {
    cli = await cliSandbox(cliConfig)
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  it('creates an organization and finds it in the list', async () => {
    const organization = await cli.json('orgs', 'create', 'Acme Ltd', '--slug', 'acme', '--metadata', '{"plan":"pro"}')
    expect(organization).toEqual({
      id: expect.stringMatching(/^org_[0-9a-z]{26}$/),
      name: 'Acme Ltd',
      slug: 'acme',
      status: 'active',
      status_reason: null,
      suspended_by: null,
      rate_limit: null,
      metadata: { plan: 'pro' },
      created_at: time,
      updated_at: time,
    })
    expect(await cli.json('orgs', 'list')).toEqual([organization])
    expect((await cli.run('orgs', 'list')).stdout).toMatch(
      /^ID +SLUG +NAME +STATUS +CREATED\norg_\w+ +acme +Acme Ltd +active /,
    )
  })

  it('makes a slug from the name when none is given', async () => {
    const organization = await cli.json<{ slug: string }>('orgs', 'create', 'Zürich & Söhne')
    expect(organization.slug).toMatch(/^[a-z0-9-]+$/)
  })

  it('refuses a slug that is taken, with 1', async () => {
    const { code, stderr } = await cli.run('orgs', 'create', 'Other', '--slug', 'acme')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'error: there is already one with this slug; give another with --slug; "sallyport orgs list" shows those there are\n',
    })
  })

  it('suspends and resumes by slug, with the reason', async () => {
    const suspended = await cli.json('orgs', 'suspend', 'acme', '--reason', 'invoice overdue')
    expect(suspended).toMatchObject({ status: 'suspended', status_reason: 'invoice overdue', suspended_by: 'root' })
    expect(await cli.json('orgs', 'resume', 'acme')).toMatchObject({ status: 'active', status_reason: null })
  })

  it('says where to look when there is no such organization', async () => {
    const { code, stderr } = await cli.run('orgs', 'suspend', 'acmee')
    expect(code).toBe(1)
    expect(stderr).toBe('error: there is no organization "acmee"; "sallyport orgs list" shows those there are\n')
  })

  it('shows control characters of a name instead of sending them to the terminal', async () => {
    const { id } = await cli.json<{ id: string }>('orgs', 'create', 'Red', '--slug', 'red')
    const database = new DatabaseSync(join(cli.folder, 'data/sallyport.db'))
    // Nobody can give it such a name any more; versions before took them.
    database.prepare('update organizations set name = ? where id = ?').run('red \u001b[31m', id)
    database.close()
    const { stdout } = await cli.run('orgs', 'list')
    expect(stdout).toMatch(/red \ufffd\[31m/)
    expect(stdout).not.toContain('\u001b')
  })

  it('refuses control characters in names and reasons', async () => {
    for (const args of [
      ['orgs', 'create', 'red \u001b[31m'],
      ['workspaces', 'create', 'a\r\nb', '--org', 'acme'],
      ['operators', 'create', 'ada@example.com', '--root', '--name', 'a\nb'],
      ['orgs', 'suspend', 'acme', '--reason', 'a\u001bb'],
    ]) {
      const { code, stderr } = await cli.run(...args)
      expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining('without control characters')])
    }
  })

  it('creates a workspace and lists it for its organization alone', async () => {
    const workspace = await cli.json('workspaces', 'create', 'Website', '--org', 'acme', '--external-id', 'prj_42')
    expect(workspace).toEqual({
      id: expect.stringMatching(/^ws_[0-9a-z]{26}$/),
      organization_id: expect.stringMatching(/^org_/),
      name: 'Website',
      external_id: 'prj_42',
      created_at: time,
      updated_at: time,
    })
    expect(await cli.json('workspaces', 'list', '--org', 'acme')).toEqual([workspace])
    expect(await cli.json('workspaces', 'list', '--org', 'red')).toEqual([])
  })

  it('refuses a second workspace with the same external id', async () => {
    const { code, stderr } = await cli.run('workspaces', 'create', 'Copy', '--org', 'acme', '--external-id', 'prj_42')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'error: there is already one with this external_id; "sallyport workspaces list --org acme" shows those there are\n',
    )
  })

  it('refuses an external id that has several spellings in a path', async () => {
    const { code } = await cli.run('workspaces', 'create', 'Odd', '--org', 'acme', '--external-id', 'a/b')
    expect(code).toBe(2)
  })
})
