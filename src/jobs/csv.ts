/** One record of a CSV text, RFC 4180. */
export interface CsvRecord {
  /** Of its first character, from 1. */
  readonly line: number
  readonly cells: readonly string[]
}

/**
 * Reads one record after the other; line ends may be CRLF or LF.
 * @throws CsvBroken where quotes are not as they should be, and where a record is so long, or so many lines are empty, that
 * this thread would do nothing else.
 */
export function* readCsv(text: string): Generator<CsvRecord> {
  let at = text.charCodeAt(0) === byteOrderMark ? 1 : 0
  let line = 1
  let empty = 0
  while (at < text.length) {
    const startLine = line
    const end = at + recordMax
    const cells: string[] = []
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at, startLine, end) : plainCell(text, at, end)
      if (cell.end > end) throw new CsvBroken(startLine, `must be at most ${recordMax} characters`)
      cells.push(cell.value)
      line += cell.lineEnds
      at = cell.end
      if (text[at] !== ',') break
      at++
    }
    if (text[at] === '\r') at++
    if (text[at] === '\n') at++
    else if (at < text.length) throw new CsvBroken(startLine, 'has text behind a closing quote')
    line++
    // An empty line is no record.
    if (cells.length > 1 || cells[0] !== '') yield { line: startLine, cells }
    else if (++empty > emptyLinesMax) throw new CsvBroken(startLine, 'is one empty line more than there may be')
  }
}

/** What stands in the text from there on can't be told apart. */
export class CsvBroken extends Error {
  override readonly name = 'CsvBroken'
  readonly line: number
  readonly complaint: string
  constructor(line: number, complaint: string) {
    super(`line ${line} ${complaint}`)
    this.line = line
    this.complaint = complaint
  }
}

/** One record with its line end. Lists become words, objects JSON. */
export const csvLine = (values: readonly unknown[]): string => `${values.map(csvCell).join(',')}\r\n`

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const isWords = Array.isArray(value) && value.every((item) => typeof item === 'string')
  const text = typeof value === 'string' ? value : isWords ? value.join(' ') : JSON.stringify(value)
  // Spreadsheets run such cells as formulas, and names and user agents come from strangers (CWE-1236).
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** Takes off what csvCell puts in front of formulas. */
export const plainText = (cell: string): string => (/^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell)

interface Cell {
  readonly value: string
  readonly end: number
  readonly lineEnds: number
}

/** @param until behind it is too far. */
function plainCell(text: string, from: number, until: number): Cell {
  let end = from
  while (end < text.length && end <= until && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end++
  return { value: text.slice(from, end), end, lineEnds: 0 }
}

function quotedCell(text: string, from: number, line: number, until: number): Cell {
  let value = ''
  let start = from + 1
  for (;;) {
    const quote = text.indexOf('"', start)
    if (quote < 0) throw new CsvBroken(line, 'has a quote that is never closed')
    if (quote >= until) return { value: '', end: quote + 1, lineEnds: 0 }
    value += text.slice(start, quote)
    if (text[quote + 1] !== '"') {
      return { value, end: quote + 1, lineEnds: value.split('\n').length - 1 }
    }
    value += '"'
    start = quote + 2
  }
}

/** In characters: everything that a key can have, and some room. */
export const recordMax = 64 * 1024
export const emptyLinesMax = 100_000

const byteOrderMark = 0xfeff
