import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Writes data to stdout as it is, as fast as it is taken. */
export const writeOut = (parts: Iterable<string> | AsyncIterable<string>): Promise<void> =>
  pipeline(Readable.from(parts), process.stdout, { end: false })

/** Writes a value as JSON, for scripts. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Writes lines to stdout. */
export function print(...lines: string[]): void {
  process.stdout.write(`${plainLines(lines.join('\n'))}\n`)
}

/** Writes lines to stderr. */
export function tell(text: string): void {
  process.stderr.write(`${plainLines(text)}\n`)
}

/** What a file, a caller or the store brought along must not steer the terminal, nor the log of whatever runs this. */
const plainLines = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')

/** Columns aligned by their widest cell, under a head. Control characters in cells are shown, not obeyed. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows.map((row) => row.map(plain))]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values below each other, aligned. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${plain(value)}`).join('\n')
}

/** A name in the store could hold an escape sequence that would redraw the terminal of whoever lists it. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}
