import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
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
const assets = async () => (await readdir(join(folder, 'dist/admin/assets'))).sort()
const assetText = async () => {
  const [, file = ''] = /src="\.?\/assets\/([^"]+)"/.exec(await built()) ?? []
  return readFile(join(folder, 'dist/admin/assets', file), 'utf8')
}
const laterMs = 60_000

describe('before npm start and npm run demo', () => {
  it('the dashboard is built once, and again when its sources have changed', async () => {
    await installVite()
    const building = { code: 0, stdout: '', stderr: expect.stringMatching(/^Building the dashboard .*\n$/) }
    expect(await run()).toMatchObject(building)
    expect(await built()).toContain('<title>One</title>')
    expect(await run()).toMatchObject({ code: 0, stdout: '', stderr: '' })

    const later = new Date(Date.now() + laterMs)
    await utimes(join(folder, 'admin/index.html'), later, later)
    expect(await run(), 'a later date is no change').toMatchObject({ stderr: '' })
    await writeFile(join(folder, 'admin/index.html'), '<title>Two</title>')
    const earlier = new Date(Date.now() - laterMs)
    await utimes(join(folder, 'admin/index.html'), earlier, earlier)
    expect(await run(), 'an earlier date is no reason to leave it').toMatchObject(building)
    expect(await built()).toContain('<title>Two</title>')
    expect(await run()).toMatchObject({ stderr: '' })
  })

  it('what it takes in from elsewhere in the repository, and its dependencies, count as its sources', async () => {
    await installVite()
    await mkdir(join(folder, 'src'))
    await writeFile(join(folder, 'src/texts.ts'), 'export const text = "as it was"')
    await writeFile(join(folder, 'src/types.ts'), 'export type Kind = "one"')
    await writeFile(
      join(folder, 'admin/src/main.ts'),
      `import { text } from '../../src/texts.ts'\nimport type { Kind } from '../../src/types.ts'\ndocument.title = text as Kind`,
    )
    await run()
    await writeFile(join(folder, 'src/types.ts'), 'export type Kind = "one" | "two"')
    expect(await run(), 'types leave no trace').toMatchObject({ stderr: '' })
    await writeFile(join(folder, 'src/texts.ts'), 'export const text = "as it is"')
    expect((await run()).stderr).toContain('Building')
    expect(await assetText()).toContain('as it is')
    await writeFile(join(folder, 'package-lock.json'), '{ "lockfileVersion": 3 }')
    expect((await run()).stderr).toContain('Building')
    expect((await run()).stderr).toBe('')
  })

  it('the page is there all the while, and so are the files of the one before, for who has it open', async () => {
    await installVite()
    await run()
    const old = await assets()
    await writeFile(join(folder, 'admin/src/main.ts'), 'document.title = "another"')
    let missed = 0
    let asked = 0
    const building = run('--anew')
    const isOver = building.then(() => true)
    while (!(await Promise.race([isOver, setImmediate(false)]))) {
      asked += 1
      const page = await built().catch(() => undefined)
      const [, file = 'none'] = /src="\.?\/assets\/([^"]+)"/.exec(page ?? '') ?? []
      if (!(await assets()).includes(file)) missed += 1
    }
    expect(await building).toMatchObject({ code: 0 })
    expect([asked > 10, missed]).toEqual([true, 0])
    expect(await assets()).toEqual(expect.arrayContaining(old))
    expect(await assets()).toHaveLength(old.length + 1)
    expect((await readdir(join(folder, 'dist'))).sort(), 'nothing is left beside').toEqual(['admin'])

    // Two builds later, and an hour: nobody has it open any more.
    const [first = ''] = old
    const longAgo = new Date(Date.now() - 2 * 3_600_000)
    await utimes(join(folder, 'dist/admin/assets', first), longAgo, longAgo)
    await writeFile(join(folder, 'admin/src/main.ts'), 'document.title = "a third"')
    await run()
    expect(await assets()).not.toContain(first)
    expect(await assets()).toHaveLength(2)
  })

  it('a build that fails leaves the one that is there', async () => {
    await installVite()
    await run()
    await writeFile(join(folder, 'admin/src/main.ts'), "import './not-there.ts'")
    expect((await run()).stderr).toContain('could not be built')
    expect(await built()).toContain('<title>One</title>')
    expect((await readdir(join(folder, 'dist'))).sort()).toEqual(['admin'])
    expect(await run('--anew')).toMatchObject({ code: 1, stderr: expect.stringContaining('not-there.ts') })
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
