import { hash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliSandbox, cliConfig, cliSandbox } from '../helpers/cli.ts'
import { startGateway } from '../helpers/gateway.ts'
import { jsonLines } from '../helpers/jobs.ts'

const config = `keys: { accept: [{ prefix: old_, length: 24 }] }\n${cliConfig}`
const oldKey = (letter: string): string => `old_${letter.repeat(20)}`
const sha256 = (text: string): string => hash('sha256', text, 'hex')

interface Outcome {
  job_id: string
  status: string
  lines: number
  created: number
  skipped: number
  failed: number
  errors: { line: number; path: string; message: string }[]
}

describe('sallyport import keys', () => {
  let cli: CliSandbox
  beforeAll(async () => {
    cli = await cliSandbox(config)
    await cli.run('orgs', 'create', 'Acme Ltd', '--slug', 'acme')
  })
  afterAll(() => cli[Symbol.asyncDispose]())
  const write = (name: string, text: string) => writeFile(join(cli.folder, name), text)

  it.each([
    ['a.csv', `name,raw_key,scopes\nFrom CSV,${oldKey('a')},projects:read runs:write\n`, []],
    ['b.ndjson', `{"name":"From NDJSON","raw_key":"${oldKey('b')}"}\n`, []],
    ['c.json', JSON.stringify([{ name: 'From JSON', sha256: sha256(oldKey('c')), key_prefix: 'old_cccc' }]), []],
    ['d.txt', `name,raw_key\nNamed,${oldKey('d')}\n`, ['--format', 'csv']],
  ])('makes keys that callers have already: %s', async (file, text, options) => {
    await write(file, text)
    const outcome = await cli.json<Outcome>('import', 'keys', file, '--org', 'acme', ...options)
    expect(outcome).toMatchObject({ status: 'completed', lines: 1, created: 1, skipped: 0, failed: 0, errors: [] })
  })

  it('skips what is there already, so that a file can be imported again', async () => {
    const again = await cli.run('import', 'keys', 'a.csv', '--org', 'acme')
    expect([again.code, again.stdout]).toEqual([0, 'a.csv: 0 created, 1 there already, 0 failed\n'])
  })

  it('imports what is right, names every line that is not, and ends with 1', async () => {
    const lines = ['name,raw_key,scopes', `Good,${oldKey('e')},`, `Bad,${oldKey('f')},nope`, `Worse,${oldKey('g')}x,`]
    await write('mixed.csv', lines.join('\n'))
    const { code, stdout, stderr } = await cli.run('import', 'keys', 'mixed.csv', '--org', 'acme', '--report', 'report')
    expect([code, stdout]).toEqual([1, 'mixed.csv: 1 created, 0 there already, 2 failed\n'])
    expect(stderr).toContain('line 3: scopes.0: "nope" is not declared')
    expect(stderr).toContain('line 4: raw_key: is of no format that this gateway accepts; add it under keys.accept')
    expect(stderr).toContain('error: 2 lines failed; correct them and import the file again')
    const report = jsonLines(await readFile(join(cli.folder, 'report'), 'utf8'))
    expect(report.map(({ line, status }) => [line, status])).toEqual([
      [2, 'created'],
      [3, 'failed'],
      [4, 'failed'],
    ])
    expect((await stat(join(cli.folder, 'report'))).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['no such file', ['nothing.csv'], 1, "nothing.csv can't be read: there is no such file"],
    ['no known format', ['gateway.yaml'], 2, "the format of gateway.yaml can't be told by its name; give --format"],
    ['another organization', ['a.csv', '--org', 'nobody'], 1, 'there is no organization "nobody"'],
    ['a CSV without a head', ['gateway.yaml', '--format', 'csv'], 1, 'must start with a line that names the columns'],
    ['JSON that is no list', ['object.json'], 1, 'must be a JSON list of objects'],
    ['broken JSON', ['broken.json'], 1, 'is not JSON'],
    ['a name twice', ['twice.json'], 1, 'has a name twice in one object'],
    ['nothing in it', ['empty.ndjson'], 1, 'empty.ndjson must hold at least one line'],
  ])('refuses %s', async (_, args, code, message) => {
    await write('object.json', '{"name":"A"}')
    await write('broken.json', `[{"raw_key":"${oldKey('z')}",}]`)
    await write('twice.json', '[{"name":"A","name":"B"}]')
    await write('empty.ndjson', '\n')
    const org = args.includes('--org') ? [] : ['--org', 'acme']
    const result = await cli.run('import', 'keys', ...args, ...org)
    expect([result.code, result.stdout]).toEqual([code, ''])
    expect(result.stderr).toContain(message)
  })

  it('never prints a key, nor keeps one', async () => {
    const printed = cli.transcript()
    const store = await readFile(join(cli.folder, 'data/sallyport.db'), 'latin1')
    for (const letter of 'abcdefgz') {
      expect(printed).not.toContain(oldKey(letter))
      expect(store).not.toContain(oldKey(letter))
    }
  })

  it('leaves in the audit trail what the admin API would: the order, each key, the end', async () => {
    const events = await cli.json<{ type: string; actor: { type: string } }[]>('export', 'events')
    const types = new Set(events.map(({ type }) => type))
    for (const type of ['job.created', 'api_key.created', 'job.completed']) expect(types).toContain(type)
    expect(new Set(events.map(({ actor }) => actor.type))).toEqual(new Set(['cli']))
  })
})

it('imports into the store of a gateway that runs, which knows the keys at once', async () => {
  await using cli = await cliSandbox()
  await using gateway = await startGateway(
    'keys: { accept: [{ prefix: old_, length: 24 }] }\nupstreams: { api: { targets: ["http://127.0.0.1:9"] } }\nroutes: [{ path: /a, upstream: api }]\n',
  )
  const me = async () => (await gateway.request('GET', '/api/v1/me', { key: oldKey('a') })).status
  expect(await me()).toBe(401)
  const lines = Array.from({ length: 120 }, (_, n) => ({
    name: `Key ${n}`,
    raw_key: n === 119 ? oldKey('a') : `old_${String(n).padStart(20, '0')}`,
  }))
  await writeFile(join(cli.folder, 'keys.json'), JSON.stringify(lines))
  const { id } = gateway.organization
  const { code, stdout, stderr } = await cli.run(
    'import',
    'keys',
    'keys.json',
    '--org',
    id,
    '--config',
    gateway.configFile,
  )
  expect([code, stdout, stderr]).toEqual([0, 'keys.json: 120 created, 0 there already, 0 failed\n', ''])
  expect(await me()).toBe(200)
})
