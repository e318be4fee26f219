import { link, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Failure } from './failure.ts'

/**
 * Writes a file that nobody but its owner reads. It appears under its name when all of it is there, and never in place of
 * another one.
 * @throws Failure when it can't be written.
 */
export async function writeNewFile(file: string, parts: AsyncIterable<string>): Promise<void> {
  await refuseExisting(file)
  await writePart(file, parts, 0o600, async (part) => {
    try {
      // A rename would take the place of a file that was made in the meantime.
      await link(part, file)
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? existing(file) : error
    }
    await rm(part)
  })
}

/**
 * Puts a text in place of a file in one step: whoever reads it has the one or the other.
 * @param file never a symbolic link, which would be replaced itself.
 * @throws Failure when it can't be written; the file is what it was then.
 */
export const replaceFile = (file: string, text: string, mode: number): Promise<void> =>
  writePart(file, [text], mode, (part) => rename(part, file))

/** Also asked before long work whose outcome is to go there. @throws Failure */
export async function refuseExisting(file: string): Promise<void> {
  if (await isThere(file)) throw existing(file)
}

/** @param place gives the part, when all of it is on the disk, its name. */
async function writePart(
  file: string,
  parts: AsyncIterable<string> | Iterable<string>,
  mode: number,
  place: (part: string) => Promise<void>,
): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.${process.pid}.part`)
  // Removed by whoever has made it alone.
  let isOurs = false
  try {
    await using handle = await open(part, 'wx', mode)
    isOurs = true
    for await (const text of parts) await handle.writeFile(text)
    await handle.sync()
    await place(part)
  } catch (error) {
    if (isOurs) await rm(part, { force: true })
    else if (codeOf(error) === 'EEXIST') {
      throw new Failure(`${part} is there already: another command is writing, or one was killed; then remove it`)
    }
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new Failure(`${file} can't be written: ${error.message}`)
  }
}

const existing = (file: string): Failure => new Failure(`${file} is there already and was left as it is; name another`)

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
