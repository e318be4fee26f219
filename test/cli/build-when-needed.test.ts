import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { repository, runNode } from '../helpers/cli.ts'

/** A small dashboard, with the script that builds the real one. */
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-build-'))
  await mkdir(join(folder, 'admin/src'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await copyFile(join(repository, 'admin/build-when-needed.ts'), join(folder, 'admin/build-when-needed.ts'))
  await writeFile(
    join(folder, 'admin/index.html'),
    '<title>One</title><script type="module" src="./src/main.ts"></script>',
  )
  await writeFile(join(folder, 'admin/src/main.ts'), 'document.title = "main"')
  await writeFile(
    join(folder, 'admin/vite.config.ts'),
    `const root = import.meta.dirname\nexport default { root, build: { outDir: root + '/../dist/admin', emptyOutDir: true } }`,
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const installVite = () => symlink(join(repository, 'node_modules'), join(folder, 'node_modules'))
const run = (...args: string[]) => runNode([join(folder, 'admin/build-when-needed.ts'), ...args], folder)
const built = () => readFile(join(folder, 'dist/admin/index.html'), 'utf8')
const laterMs = 60_000

describe('before npm start and npm run demo', () => {
  it('the dashboard is built once, and again when its sources have changed', async () => {
    await installVite()
    const building = { code: 0, stdout: '', stderr: expect.stringMatching(/^Building the dashboard .*\n$/) }
    expect(await run()).toMatchObject(building)
    expect(await built()).toContain('<title>One</title>')
    expect(await run()).toMatchObject({ code: 0, stdout: '', stderr: '' })

    await writeFile(join(folder, 'admin/index.html'), '<title>Two</title>')
    const later = new Date(Date.now() + laterMs)
    await utimes(join(folder, 'admin/index.html'), later, later)
    expect(await run()).toMatchObject(building)
    expect(await built()).toContain('<title>Two</title>')
  })

  it('a build that fails is told of in a line, and is no reason not to start', async () => {
    await installVite()
    await writeFile(join(folder, 'admin/src/main.ts'), "import './not-there.ts'")
    const { code, stderr } = await run()
    expect([code, stderr]).toEqual([0, expect.stringMatching(/could not be built: .*npm run build:admin/)])
    expect(stderr.trim().split('\n')).toHaveLength(2)
  })

  it('where vite is not installed it says so and goes on', async () => {
    const { code, stderr } = await run()
    expect([code, stderr]).toEqual([0, expect.stringContaining('vite is not installed')])
    await expect(built()).rejects.toThrow('ENOENT')
  })

  it('with --must, as the browser tests call it, what can not be built is a failure', async () => {
    expect(await run('--must')).toMatchObject({ code: 1, stderr: expect.stringContaining('vite is not installed') })
    await installVite()
    await writeFile(join(folder, 'admin/src/main.ts'), "import './not-there.ts'")
    expect(await run('--must')).toMatchObject({ code: 1, stderr: expect.stringContaining('could not be built') })
    await writeFile(join(folder, 'admin/src/main.ts'), 'document.title = "main"')
    expect(await run('--must')).toMatchObject({ code: 0 })
  })
})
