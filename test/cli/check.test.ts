import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cliConfig, cliSandbox, repository } from '../helpers/cli.ts'

const withTests = (tests: string): string => `${cliConfig}tests:\n${tests}`

describe('sallyport check', () => {
  it('passes a file whose tests hold, and touches no store', async () => {
    await using cli = await cliSandbox(
      withTests(`
  - { request: GET /projects/1, scopes: ["projects:read"], expect: allow }
  - { request: GET /projects/1, scopes: ["projects:write"], expect: INSUFFICIENT_SCOPE }
  - { request: GET /projects/1, expect: INVALID_API_KEY }
  - { request: GET /billing/invoices, scopes: ["*"], expect: ROUTE_DENIED }
  - { request: POST /projects/1/runs, scopes: ["*"], workspaces: ["1"], expect: allow }
  - { request: POST /projects/1/runs, scopes: ["*"], expect: NOT_FOUND }
  - { request: DELETE /projects/1, scopes: ["*"], expect: METHOD_NOT_ALLOWED }
  - { request: GET /nowhere, scopes: ["*"], expect: deny }
  - { request: GET /status, expect: allow }
`),
    )
    const { code, stdout, stderr } = await cli.run('check')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('gateway.yaml is valid: 5 routes, 1 upstream, 0 limits; 9 tests passed\n')
    await expect(stat(join(cli.folder, 'data'))).rejects.toThrow('ENOENT')
  })

  it('shows control characters of the file, and lets none of them steer the terminal', async () => {
    const red = '\\e[31m\\u009b2J\\u202e'
    await using missed = await cliSandbox(withTests(`  - { request: "GET /x${red}", expect: allow }\n`))
    await using broken = await cliSandbox(`${cliConfig}"${red}": 1\n`)
    for (const cli of [missed, broken]) {
      const { code, stdout, stderr } = await cli.run('check')
      expect([code, stdout]).toEqual([1, ''])
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
      expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
    }
  })

  it('ends with 1 on a miss and tells what was expected, what came and which step decided', async () => {
    await using cli = await cliSandbox(
      withTests(`
  - { request: GET /projects/1, scopes: ["projects:read"], expect: allow }
  - { request: GET /projects/1, scopes: ["projects:write"], expect: allow }
  - { request: GET /status, expect: deny }
`),
    )
    const { code, stdout, stderr } = await cli.run('check')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('error: 2 of 3 tests missed in gateway.yaml')
    expect(stderr).toMatch(
      /GET \/projects\/1 with scopes \[projects:write\]\n +expected +allow\n +came +INSUFFICIENT_SCOPE, by route \/projects\/\*\n +decided +scopes?: /,
    )
    expect(stderr).toMatch(/GET \/status without a key\n +expected +deny\n +came +allow/)

    const asJson = await cli.run('check', '--json')
    expect(asJson.code).toBe(1)
    const { valid, tests } = JSON.parse(asJson.stdout)
    expect(valid).toBe(true)
    expect(tests.map(({ passed }: { passed: boolean }) => passed)).toEqual([true, false, false])
    expect(tests[1]).toMatchObject({
      expected: 'allow',
      decision: 'deny',
      code: 'INSUFFICIENT_SCOPE',
      route: '/projects/*',
    })
  })

  it('shows every problem of a bad file with its place, and as data with --json', async () => {
    await using cli = await cliSandbox('lisen: 127.0.0.1:8080\nroutes:\n  - { path: /a, upstream: nowhere }\n')
    const { code, stderr } = await cli.run('check')
    expect(code).toBe(1)
    expect(stderr).toMatch(/gateway\.yaml:1:1.*lisen/)
    expect(stderr).toMatch(/gateway\.yaml:3:\d+.*nowhere/)

    const asJson = await cli.run('check', '--json')
    expect(asJson.code).toBe(1)
    expect(JSON.parse(asJson.stdout)).toMatchObject({ valid: false, problems: expect.any(Array), tests: [] })
    expect(JSON.parse(asJson.stdout).problems.length).toBeGreaterThanOrEqual(2)
  })

  it.each(['gateway.yaml', 'deploy/compose.gateway.yaml'])('passes %s of this repository', async (file) => {
    await using cli = await cliSandbox()
    const { code, stdout, stderr } = await cli.run('check', '--config', join(repository, file))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/ [1-9]\d* tests? passed/)
  })

  it('passes every gateway.yaml that the README and the guides show', async () => {
    const pages = ['README.md', 'docs/guides/getting-started.md', 'docs/guides/keys.md', 'docs/guides/operations.md']
    let seen = 0
    for (const page of pages) {
      const text = await readFile(join(repository, page), 'utf8')
      for (const [, yaml = ''] of text.matchAll(/```yaml\n(# gateway\.yaml\n[\s\S]*?)```/g)) {
        await using cli = await cliSandbox(yaml)
        expect(await cli.run('check')).toMatchObject({ code: 0, stderr: '' })
        seen++
      }
    }
    expect(seen).toBeGreaterThan(0)
  })
})

describe('sallyport init', () => {
  it('writes a file that passes check, for the upstream given', async () => {
    await using cli = await cliSandbox()
    const { code, stdout } = await cli.run('init', '--upstream', 'http://127.0.0.1:9123')
    expect(code).toBe(0)
    expect(stdout).toContain('sallyport orgs create')
    expect(await readFile(join(cli.folder, 'gateway.yaml'), 'utf8')).toContain('http://127.0.0.1:9123')
    expect(await cli.run('check')).toMatchObject({ code: 0, stdout: expect.stringContaining('3 tests passed') })
  })

  it('never overwrites a file', async () => {
    await using cli = await cliSandbox('mine')
    const { code, stderr } = await cli.run('init', '--upstream', 'http://127.0.0.1:9123')
    expect(code).toBe(1)
    expect(stderr).toBe('error: gateway.yaml is there already and was left as it is; name another with --config\n')
    expect(await readFile(join(cli.folder, 'gateway.yaml'), 'utf8')).toBe('mine')
  })

  it.each(['127.0.0.1:9000', 'ftp://a', 'http://a/path', 'http://user:pass@a', 'not a url'])(
    'refuses %s as upstream with 2',
    async (upstream) => {
      await using cli = await cliSandbox()
      const { code, stderr } = await cli.run('init', '--upstream', upstream)
      expect(code).toBe(2)
      expect(stderr).toContain('--upstream must be an origin')
    },
  )

  it('leaves the schema that is there as it is', async () => {
    await using cli = await cliSandbox()
    await writeFile(join(cli.folder, 'gateway.schema.json'), '{}')
    await cli.run('init', '--upstream', 'https://api.example.com')
    expect(await readFile(join(cli.folder, 'gateway.schema.json'), 'utf8')).toBe('{}')
  })
})
