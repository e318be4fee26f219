import { describe, expect, it } from 'vitest'
import { cliSandbox } from '../helpers/cli.ts'

describe('sallyport', () => {
  it.each([
    ['start'],
    ['check'],
    ['init'],
    ['explain'],
    ['orgs', 'create'],
    ['orgs', 'list'],
    ['orgs', 'suspend'],
    ['orgs', 'resume'],
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke'],
    ['keys', 'rotate'],
    ['workspaces', 'create'],
    ['workspaces', 'list'],
    ['version'],
  ])('shows an example in the help of %s %s', async (...command) => {
    await using cli = await cliSandbox()
    const { code, stdout, stderr } = await cli.run(...command.filter(Boolean), '--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ .*sallyport ${command.join(' ')}`))
  })

  it('prints the version of the package and of Node.js', async () => {
    await using cli = await cliSandbox()
    expect((await cli.run('version')).stdout).toMatch(/^sallyport \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+\)\n$/)
    expect(await cli.json('version')).toEqual({ version: expect.any(String), node: process.versions.node })
  })

  it.each([
    ['an unknown option', ['orgs', 'list', '--jsno'], 'error: unknown option'],
    ['a missing option', ['keys', 'create', '--org', 'acme'], "error: required option '--name <name>' not specified"],
    ['a missing argument', ['orgs', 'create'], "error: missing required argument 'name'"],
    [
      'a value that is no number',
      ['keys', 'create', '--org', 'a', '--name', 'a', '--expires-in-days', '1e3'],
      'error: option',
    ],
    ['a rate that is none', ['keys', 'create', '--org', 'a', '--name', 'a', '--rate-limit', '100'], 'error: option'],
    ['metadata that is no object', ['orgs', 'create', 'A', '--metadata', '[1]'], 'error: option'],
    [
      'two grace periods',
      ['keys', 'rotate', 'key_1', '--grace-period', '1h', '--grace-period-seconds', '5'],
      'error: give',
    ],
    ['nobody calling', ['explain', '--method', 'GET', '--path', '/'], 'error: say who calls'],
    [
      'two callers',
      ['explain', '--method', 'GET', '--path', '/', '--anonymous', '--scopes', 'a'],
      'error: say who calls',
    ],
  ])('ends with 2 and points to the help on %s', async (_, args, message) => {
    await using cli = await cliSandbox()
    const { code, stdout, stderr } = await cli.run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.startsWith(message)).toBe(true)
    expect(stderr).toContain('--help')
  })

  it('names the nearest command for a mistyped one, instead of starting the gateway', async () => {
    await using cli = await cliSandbox()
    const { code, stderr } = await cli.run('chekc')
    expect(code).toBe(2)
    expect(stderr).toContain('unknown command "chekc"; did you mean check?')
  })

  it('ends with 1 and names the file when there is no configuration', async () => {
    await using cli = await cliSandbox()
    for (const args of [['check'], ['start'], [], ['orgs', 'list']]) {
      const { code, stdout, stderr } = await cli.run(...args)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toContain('gateway.yaml')
    }
  })
})
