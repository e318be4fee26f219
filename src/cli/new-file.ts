import { open, rename, rm, stat } from 'node:fs/promises'
import { Failure } from './failure.ts'

/**
 * Writes a file that nobody but its owner reads. It appears under its name when all of it is there, and never in place of
 * another one.
 * @throws Failure when it can't be written.
 */
export async function writeNewFile(file: string, parts: AsyncIterable<string>): Promise<void> {
  await refuseExisting(file)
  const part = `${file}.${process.pid}.part`
  try {
    await using handle = await open(part, 'wx', 0o600)
    for await (const text of parts) await handle.writeFile(text)
    await handle.sync()
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new Failure(`${file} can't be written: ${error.message}`)
  }
}

/** Also asked before long work whose outcome is to go there. @throws Failure */
export async function refuseExisting(file: string): Promise<void> {
  if (await isThere(file)) throw new Failure(`${file} is there already and was left as it is; name another`)
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )
