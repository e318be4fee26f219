import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ConfigWatch, watchConfig } from '../../src/config/watch.ts'

let folder: string
let watch: ConfigWatch | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-'))
})
afterEach(async () => {
  await watch?.close()
  await rm(folder, { recursive: true })
})

it('tells of a file that is written in place, and again when it is written again', async () => {
  const { file, changes } = await watched()
  await writeFile(file, 'two')
  await changes.reach(1)
  await writeFile(file, 'three')
  await changes.reach(2)
})

it('tells of a file that is replaced by a rename, and goes on watching the new one', async () => {
  const { file, changes } = await watched()
  for (let time = 1; time <= 3; time++) {
    await writeFile(`${file}.tmp`, `version ${time}`)
    await rename(`${file}.tmp`, file)
    await changes.reach(time)
  }
})

it('tells of a file that is removed and written anew', async () => {
  const { file, changes } = await watched()
  await rm(file)
  await writeFile(file, 'again')
  await changes.reach(1)
})

it('tells of the swap of a link, as Kubernetes does it, several times', async () => {
  const version = async (name: string): Promise<void> => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'gateway.yaml'), name)
    await symlink(name, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  await version('..one')
  await symlink('..data/gateway.yaml', join(folder, 'gateway.yaml'))
  const changes = counter()
  watch = watchConfig(join(folder, 'gateway.yaml'), changes.count, { settleMs: 20 })
  await watch.ready
  for (const [index, name] of ['..two', '..three'].entries()) {
    await version(name)
    await rm(join(folder, index === 0 ? '..one' : '..two'), { recursive: true })
    await changes.reach(index + 1)
  }
})

it('makes one call of many changes within a moment, and none after it is closed', async () => {
  const { file, changes } = await watched(150)
  for (let i = 0; i < 20; i++) await writeFile(file, `version ${i}`)
  await changes.reach(1)
  const before = changes.seen()
  expect(before).toBe(1)
  await writeFile(file, 'last')
  await watch?.close()
  // A second watch on the same file has heard of it: the closed one would have, too.
  const other = counter()
  watch = watchConfig(file, other.count, { settleMs: 20 })
  await watch.ready
  await writeFile(file, 'after')
  await other.reach(1)
  expect(changes.seen()).toBe(before)
})

async function watched(settleMs = 20) {
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, 'one')
  const changes = counter()
  watch = watchConfig(file, changes.count, { settleMs })
  await watch.ready
  return { file, changes }
}

/** Counts calls, and waits for at least so many. */
function counter() {
  let calls = 0
  let waiting: (() => void)[] = []
  return {
    seen: () => calls,
    count: () => {
      calls++
      for (const wake of waiting) wake()
      waiting = []
    },
    async reach(wanted: number): Promise<void> {
      while (calls < wanted) await new Promise<void>((wake) => waiting.push(wake))
    },
  }
}
