import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliSandbox, cliConfig, cliSandbox } from '../helpers/cli.ts'

interface Explanation {
  decision: string
  code: string | null
  route: string | null
  steps: { step: string; result: string; detail: string }[]
}

describe('sallyport explain', () => {
  let cli: CliSandbox
  beforeAll(async () => {
    cli = await cliSandbox(cliConfig)
    await cli.run('orgs', 'create', 'Acme Ltd', '--slug', 'acme')
    await cli.run('workspaces', 'create', 'Website', '--org', 'acme', '--external-id', 'prj_42')
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  const explain = (method: string, path: string, ...args: string[]) =>
    cli.json<Explanation>('explain', '--method', method, '--path', path, ...args)
  const createKey = async (...args: string[]) =>
    (await cli.json<{ key: { id: string } }>('keys', 'create', '--org', 'acme', '--name', 'Explained', ...args)).key.id

  it.each([
    ['allows a key with the scope', ['GET', '/projects/1', '--scopes', 'projects:read'], 'allow', null, '/projects/*'],
    [
      'refuses one without',
      ['GET', '/projects/1', '--scopes', 'runs:write'],
      'deny',
      'INSUFFICIENT_SCOPE',
      '/projects/*',
    ],
    ['refuses nobody', ['GET', '/projects/1', '--anonymous'], 'deny', 'INVALID_API_KEY', expect.anything()],
    ['lets nobody through to what is public', ['GET', '/status', '--anonymous'], 'allow', null, '/status'],
    ['takes methods in small letters', ['get', '/status', '--anonymous'], 'allow', null, '/status'],
    ['refuses a bad path', ['GET', '/projects/../status', '--scopes', '*'], 'deny', 'BAD_REQUEST_TARGET', null],
  ])('%s', async (_, [method = '', path = '', ...args], decision, code, route) => {
    const explanation = await explain(method, path, ...args)
    expect(explanation).toMatchObject({ decision, code })
    if (decision === 'allow' || code === 'INSUFFICIENT_SCOPE') expect(explanation.route).toEqual(route)
    expect(explanation.steps.length).toBeGreaterThan(0)
    const refused = explanation.steps.filter(({ result }) => result === 'deny')
    expect(refused).toHaveLength(decision === 'deny' ? 1 : 0)
  })

  it('refuses a made-up key with a scope that no key can have', async () => {
    const args = ['explain', '--method', 'GET', '--path', '/projects/1', '--scopes', 'nope,project:read,billing:*']
    const { code, stdout, stderr } = await cli.run(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('--scopes: "nope" is not declared.')
    expect(stderr).toContain('--scopes: "project:read" is not declared; did you mean "projects:read"?')
    expect(stderr).toContain('--scopes: "billing:*" covers no declared scope.')
    expect(stderr).toContain('Declared are: projects:read, projects:write, runs:write.')
    for (const scopes of ['*', 'projects:*', 'keys:manage']) {
      expect((await cli.run('explain', '--method', 'GET', '--path', '/projects/1', '--scopes', scopes)).code).toBe(0)
    }
  })

  it('judges grants of workspaces made up with --workspace', async () => {
    const args = ['--scopes', 'runs:write']
    expect(await explain('POST', '/projects/prj_42/runs', ...args)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await explain('POST', '/projects/prj_42/runs', ...args, '--workspace', 'prj_42')).toMatchObject({
      decision: 'allow',
    })
  })

  it('judges a real key by its id: scopes, grants, addresses and state', async () => {
    const key = await createKey('--scopes', 'runs:write', '--workspace', 'prj_42', '--allowed-ip', '203.0.113.7')
    const from = (ip: string) => explain('POST', '/projects/prj_42/runs', '--key-id', key, '--ip', ip)
    expect(await from('203.0.113.7')).toMatchObject({ decision: 'allow' })
    expect(await from('203.0.113.8')).toMatchObject({ code: 'IP_NOT_ALLOWED' })
    await cli.run('orgs', 'suspend', 'acme')
    expect(await from('203.0.113.7')).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
    await cli.run('orgs', 'resume', 'acme')
    await cli.run('keys', 'revoke', key)
    expect(await from('203.0.113.7')).toMatchObject({ code: 'INVALID_API_KEY' })
  })

  it('shows the steps in aligned columns for people', async () => {
    const { stdout } = await cli.run('explain', '--method', 'GET', '--path', '/projects/1', '--scopes', 'runs:write')
    expect(stdout).toMatch(
      /^Request +GET \/projects\/1\nRoute +\/projects\/\*\nDecision +deny \(INSUFFICIENT_SCOPE\)\n/,
    )
    expect(stdout).toMatch(/\nSTEP +RESULT +DETAIL\n/)
  })

  it('ends with 1 when there is no such key', async () => {
    const { code, stderr } = await cli.run('explain', '--method', 'GET', '--path', '/', '--key-id', 'key_nothing')
    expect(code).toBe(1)
    expect(stderr).toContain('there is no key "key_nothing"')
  })
})
