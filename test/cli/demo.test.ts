import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cliSandbox, repository, runNode } from '../helpers/cli.ts'

describe('npm run demo', () => {
  it('runs every line it shows, gets what it says, and leaves nothing behind', async () => {
    await using sandbox = await cliSandbox()
    const env = { TMPDIR: sandbox.folder }
    const { code, stdout, stderr } = await runNode([join(repository, 'examples/demo.ts'), '--once'], repository, env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.match(/^ {2}\$ curl .*$/gm) ?? []
    expect(lines.length).toBeGreaterThanOrEqual(5)
    expect(stdout).toContain('INSUFFICIENT_SCOPE')
    expect(stdout).toContain('x-org-id')
    expect(stdout).toMatch(/The dashboard: http:\/\/127\.0\.0\.1:\d+\n {2}e-mail {3}\S+\n {2}password \S{16}\n/)
    expect(await readdir(sandbox.folder)).toEqual([])
  })
})
