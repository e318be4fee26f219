import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { cliSandbox } from '../helpers/cli.ts'

describe('sallyport', () => {
  it('has all the commands that are promised, each with an example in its help', () => {
    const found: string[] = []
    const walk = (command: Command, name: string): void => {
      for (const below of command.commands) walk(below, `${name} ${below.name()}`)
      if (command.commands.length > 0) return
      const written: string[] = []
      command.configureOutput({ writeOut: (text) => void written.push(text) }).outputHelp()
      found.push(name)
      expect(written.join('')).toMatch(new RegExp(`Examples?:\\n  \\$ .*sallyport ${name}`))
    }
    for (const command of createProgram().commands) walk(command, command.name())
    expect(found).toEqual(expect.arrayContaining(promised))
  })

  it('shows the help of a command on stdout', async () => {
    await using cli = await cliSandbox()
    const { code, stdout, stderr } = await cli.run('import', 'openapi', '--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('$ sallyport import openapi openapi.json --merge gateway.yaml')
  })

  it('prints the version of the package and of Node.js', async () => {
    await using cli = await cliSandbox()
    expect((await cli.run('version')).stdout).toMatch(/^sallyport \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+\)\n$/)
    expect((await cli.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
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

// biome-ignore format: a plain list
const promised = [
  'start', 'check', 'init', 'explain', 'version', 'verify-events', 'migrate', 'store copy',
  'keys create', 'keys list', 'keys show', 'keys revoke', 'keys rotate', 'keys reveal',
  'orgs create', 'orgs list', 'orgs show', 'orgs suspend', 'orgs resume', 'workspaces create', 'workspaces list',
  'operators create', 'operators list', 'operators reset-password', 'operators set-role', 'operators delete',
  'import openapi', 'import keys', 'export keys', 'export orgs', 'export requests', 'export events',
]
