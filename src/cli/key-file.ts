import { open } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { ImportFormat } from '../jobs/key-import-text.ts'
import { jsonShapeProblem, repeatedName } from '../json-text.ts'
import { Failure, UsageFailure } from './failure.ts'

export const inputFormats = ['csv', 'ndjson', 'json'] as const
export type InputFormat = (typeof inputFormats)[number]

/**
 * Reads a file of keys, in the form in which an import takes it. No message quotes anything of it.
 * @throws Failure, UsageFailure when the format can't be told.
 */
export async function readKeyFile(
  file: string,
  wanted: InputFormat | undefined,
): Promise<{ readonly text: string; readonly format: ImportFormat }> {
  const format = wanted ?? formatOf(file)
  const text = await readText(file)
  if (format === 'csv') return { text, format: 'csv' }
  return { text: format === 'json' ? toLines(text, file) : text, format: 'jsonl' }
}

function formatOf(file: string): InputFormat {
  const [, ending = ''] = /\.([a-z]+)$/i.exec(file) ?? []
  const name = ending.toLowerCase()
  const format = name === 'jsonl' ? 'ndjson' : inputFormats.find((known) => known === name)
  if (format !== undefined) return format
  throw new UsageFailure(`the format of ${file} can't be told by its name; give --format csv, ndjson or json`)
}

async function readText(file: string): Promise<string> {
  try {
    if (file === '-') return decode(await buffer(process.stdin), 'stdin')
    await using handle = await open(file)
    if ((await handle.stat()).size > bytesMax) throw new Failure(`${file} is larger than 32 MB; split it`)
    return decode(await handle.readFile(), file)
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = code === 'ENOENT' ? 'there is no such file' : error instanceof Error ? error.message : String(error)
    throw new Failure(`${file} can't be read: ${why}`)
  }
}

function decode(bytes: Uint8Array, file: string): string {
  if (bytes.length > bytesMax) throw new Failure(`${file} is larger than 32 MB; split it`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Failure(`${file} is not UTF-8 text; save it as UTF-8`)
  }
}

/** One list of objects → one line for each. */
function toLines(text: string, file: string): string {
  const wrong = (what: string): Failure => new Failure(`${file} ${what}`)
  if (jsonShapeProblem(text, { levelsMax: 66, valuesMax: 5_000_000 }) !== undefined) {
    throw wrong('is nested too deeply, or holds too many values')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not in the words of the parser: they quote what stands there.
    throw wrong('is not JSON; one object on each line is --format ndjson')
  }
  if (!Array.isArray(value)) throw wrong('must be a JSON list of objects; one object on each line is --format ndjson')
  if (repeatedName(text) !== undefined) throw wrong('has a name twice in one object; remove one of the two')
  return value.map((item) => JSON.stringify(item)).join('\n')
}

/** As much as the admin API takes. */
const bytesMax = 32 * 1024 * 1024
