import { chmod, copyFile, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliSandbox, cliSandbox } from '../helpers/cli.ts'
import { startGateway } from '../helpers/gateway.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`openapi/${name}`, import.meta.url))

describe('sallyport import openapi', () => {
  let cli: CliSandbox
  beforeAll(async () => {
    cli = await cliSandbox()
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  const write = (name: string, content: unknown) =>
    writeFile(join(cli.folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  const read = (name: string) => readFile(join(cli.folder, name), 'utf8')
  const minimal = {
    openapi: '3.0.0',
    paths: { '/a': { get: { security: [{ key: [] }] } } },
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  }

  it('writes a file that check takes, and tells what is in it on stderr', async () => {
    const { code, stdout, stderr } = await cli.run(
      'import',
      'openapi',
      fixture('petstore.yaml'),
      '--upstream',
      'http://127.0.0.1:9',
      '--out',
      'new.yaml',
    )
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toMatch(
      /Wrote new\.yaml: 16 routes, 5 scopes, 3 public, 0 denied\nNext: sallyport check --config new\.yaml\n$/,
    )
    expect((await cli.run('check', '--config', 'new.yaml')).stdout).toContain('new.yaml is valid: 16 routes')
    const explained = await cli.run(
      'explain',
      '--config',
      'new.yaml',
      '--method',
      'DELETE',
      '--path',
      '/api/v3/pet/1',
      '--scopes',
      'read:pets',
    )
    expect(explained.stdout).toContain('deny (INSUFFICIENT_SCOPE)')

    const again = await cli.run('import', 'openapi', fixture('petstore.yaml'), '--out', 'new.yaml')
    expect([again.code, again.stderr]).toEqual([
      1,
      'error: new.yaml is there already and was left as it is; add to it with --merge new.yaml\n',
    ])
  })

  it('writes to stdout when no file is named, and with --json the summary', async () => {
    const plain = await cli.run('import', 'openapi', fixture('petstore.yaml'))
    expect(plain.code).toBe(0)
    const json = await cli.json<{ text: string; notes: string[] }>('import', 'openapi', fixture('petstore.yaml'))
    expect(json).toMatchObject({ routes: 16, scopes: 5, public: 3, denied: 0, file: null, text: plain.stdout })
    expect(plain.stderr).toContain(
      'note: the upstream is http://127.0.0.1:9000; --upstream sets where the API listens\n',
    )
  })

  it('merges through a symbolic link in one step, keeps the mode, and changes nothing the second time', async () => {
    await write('real.yaml', 'upstreams:\n  api: { targets: ["http://127.0.0.1:9"] }\nroutes: []\n')
    await chmod(join(cli.folder, 'real.yaml'), 0o640)
    await symlink('real.yaml', join(cli.folder, 'link.yaml'))
    const merge = () => cli.run('import', 'openapi', fixture('petstore.yaml'), '--merge', 'link.yaml')
    expect((await merge()).code).toBe(0)
    const [first, before] = [await read('real.yaml'), await stat(join(cli.folder, 'real.yaml'))]
    expect(first).toContain('/api/v3/pet/:petId')
    expect(before.mode & 0o777).toBe(0o640)
    expect((await merge()).code).toBe(0)
    expect((await stat(join(cli.folder, 'real.yaml'))).ino).toBe(before.ino)
    expect(
      (await cli.run('import', 'openapi', fixture('petstore.yaml'), '--merge', 'link.yaml', '--out', '-')).stdout,
    ).toBe(first)
  })

  it.each<[what: string, document: unknown, message: string]>([
    ['a file that is none', 'hello', 'must be a map of keys and values'],
    [
      'a path of the gateway itself',
      { ...minimal, paths: { '/api/v1/me': { get: {} } } },
      'the caller’s own endpoint (me.path)',
    ],
    [
      'paths that only differ in case',
      { ...minimal, paths: { '/a': { get: {} }, '/A': { get: {} } } },
      'differs from /A',
    ],
  ])('refuses %s with 1, and writes nothing', async (_, document, message) => {
    await write('document', document)
    const { code, stdout, stderr } = await cli.run('import', 'openapi', 'document', '--out', 'never.yaml')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(message)
    await expect(read('never.yaml')).rejects.toThrow('ENOENT')
  })

  it('refuses a file that is not there, and options that are none', async () => {
    expect((await cli.run('import', 'openapi', 'nothing.yaml')).stderr).toBe(
      "error: nothing.yaml can't be read: there is no such file\n",
    )
    await write('document', minimal)
    for (const options of [
      ['--base-path', 'v1'],
      ['--without-security', 'anyone'],
    ]) {
      expect((await cli.run('import', 'openapi', 'document', ...options)).code).toBe(2)
    }
    expect((await cli.run('import', 'openapi', 'document', '--merge', 'nothing.yaml')).stderr).toContain(
      'there is no such file',
    )
  })

  it('takes the path that is chosen in place of those of the servers', async () => {
    await write('document', { ...minimal, servers: [{ url: '/v1' }, { url: '/v2' }] })
    expect((await cli.run('import', 'openapi', 'document', '--base-path', '/v2/')).stdout).toContain('path: /v2/a')
    expect((await cli.run('import', 'openapi', 'document', '--base-path', '/')).stdout).toContain('path: /a')
  })

  it('fails with --strict where something could only be denied', async () => {
    await write('document', { ...minimal, paths: { '/a/{b}.json': { get: { security: [{ key: [] }] } } } })
    expect((await cli.run('import', 'openapi', 'document')).code).toBe(0)
    const { code, stdout, stderr } = await cli.run('import', 'openapi', 'document', '--strict')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('GET /a/:b_json: nobody may call it')
  })

  it('reads Swagger 2.0', async () => {
    await write('document', {
      swagger: '2.0',
      basePath: '/v2',
      securityDefinitions: {
        auth: { type: 'oauth2', flow: 'implicit', scopes: { 'read:pets': 'Read pets' } },
        basic: { type: 'basic' },
      },
      paths: { '/pets': { get: { security: [{ auth: ['read:pets'] }] }, post: { security: [{ basic: [] }] } } },
    })
    const { stdout } = await cli.run('import', 'openapi', 'document')
    expect(stdout).toContain('- { path: /v2/pets, methods: [GET], scopes: ["read:pets"], upstream: api }')
    expect(stdout).toContain('- { path: /v2/pets, methods: [POST], upstream: api }')
    expect(stdout).toContain('read:pets: "Read pets"')
  })
})

it('guards an API as its document says, in a gateway that was running when it was merged', async () => {
  await using cli = await cliSandbox()
  await using upstream = await startHttpUpstream((request, response) => {
    response.end(`${request.method} ${request.url} ${request.headers['x-key-scopes'] ?? '-'}`)
  })
  await using gateway = await startGateway(`upstreams:\n  api: { targets: ["${upstream.url}"] }\nroutes: []\n`)
  await copyFile(fixture('petstore.yaml'), join(cli.folder, 'petstore.yaml'))
  const { code, stderr } = await cli.run('import', 'openapi', 'petstore.yaml', '--merge', gateway.configFile)
  expect([code, stderr]).toEqual([0, expect.stringContaining('16 routes')])
  await gateway.app.reload()

  const reader = await gateway.createKey({ scopes: ['read:pets'] })
  const writer = await gateway.createKey({ scopes: ['read:pets', 'write:pets'] })
  const ask = async (method: string, path: string, key?: typeof reader) => {
    const response = await gateway.request(method, path, { ...(key && { key }) })
    return `${response.status} ${response.status === 200 ? response.text() : response.json().code}`
  }
  expect(await ask('GET', '/api/v3/pet/findByTags', reader)).toBe('200 GET /api/v3/pet/findByTags read:pets')
  expect(await ask('POST', '/api/v3/pet', reader)).toBe('403 INSUFFICIENT_SCOPE')
  expect(await ask('POST', '/api/v3/pet', writer)).toBe('200 POST /api/v3/pet read:pets write:pets')
  expect(await ask('GET', '/api/v3/user/login')).toBe('200 GET /api/v3/user/login -')
  expect(await ask('GET', '/api/v3/pet/7')).toBe('401 INVALID_API_KEY')
  expect(await ask('PATCH', '/api/v3/pet/7', writer)).toBe('405 METHOD_NOT_ALLOWED')
  expect(await ask('GET', '/api/v4/pet/7', writer)).toBe('404 NOT_FOUND')
})

it('leaves a file alone that changes while it is merged', async () => {
  // Two at once: whichever comes second finds the file of the first, and either merges into it or says that it changed.
  await using cli = await cliSandbox('upstreams:\n  api: { targets: ["http://127.0.0.1:9"] }\nroutes: []\n')
  for (const name of ['one.yaml', 'two.yaml']) {
    await writeFile(
      join(cli.folder, name),
      JSON.stringify({ openapi: '3.0.0', paths: { [`/${name.slice(0, 3)}`]: { get: { security: [] } } } }),
    )
  }
  const runs = await Promise.all(
    ['one.yaml', 'two.yaml'].map((name) => cli.run('import', 'openapi', name, '--merge', 'gateway.yaml')),
  )
  const text = await readFile(join(cli.folder, 'gateway.yaml'), 'utf8')
  expect((await cli.run('check')).code).toBe(0)
  for (const [index, { code, stderr }] of runs.entries()) {
    if (code === 0) continue
    expect([index, stderr]).toEqual([index, expect.stringContaining('has just changed; try again')])
  }
  expect(text).toContain('BEGIN sallyport import openapi')
})
