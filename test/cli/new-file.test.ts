import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { replaceFile, writeNewFile } from '../../src/cli/new-file.ts'

let folder: string
let file: string
let part: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-new-file-'))
  file = join(folder, 'out')
  part = join(folder, `.out.${process.pid}.part`)
})
afterEach(() => rm(folder, { recursive: true }))

async function* parts(between: () => Promise<void> = async () => {}) {
  yield 'one '
  await between()
  yield 'two'
}

it('leaves a file alone that somebody makes while it writes', async () => {
  const writing = writeNewFile(
    file,
    parts(() => writeFile(file, 'theirs')),
  )
  await expect(writing).rejects.toThrow('is there already and was left as it is; name another')
  expect([await readdir(folder), await readFile(file, 'utf8')]).toEqual([['out'], 'theirs'])
})

it('leaves a part alone that another one writes, and says what to do', async () => {
  await writeFile(part, 'theirs')
  for (const writing of [() => writeNewFile(file, parts()), () => replaceFile(file, 'mine', 0o600)]) {
    await expect(writing()).rejects.toThrow(`${part} is there already`)
    expect([await readdir(folder), await readFile(part, 'utf8')]).toEqual([[`.out.${process.pid}.part`], 'theirs'])
  }
})

it('leaves nothing behind when what is to be written fails', async () => {
  const failing = parts(() => Promise.reject(new Error('no more')))
  await expect(writeNewFile(file, failing)).rejects.toThrow('no more')
  expect(await readdir(folder)).toEqual([])
})

it('writes all of it, for its owner alone, and replaces in one step', async () => {
  await writeNewFile(file, parts())
  const { mode, nlink } = await stat(file)
  expect([mode & 0o777, nlink, await readFile(file, 'utf8')]).toEqual([0o600, 1, 'one two'])
  await replaceFile(file, 'three', 0o640)
  expect([await readdir(folder), await readFile(file, 'utf8')]).toEqual([['out'], 'three'])
})
