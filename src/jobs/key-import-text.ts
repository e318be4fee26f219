import { setImmediate as turn } from 'node:timers/promises'
import { jsonShapeProblem, repeatedName } from '../json-text.ts'
import type { KeyFormats } from '../keys/format.ts'
import { CsvBroken, type CsvRecord, emptyLinesMax, plainText, readCsv, recordMax } from './csv.ts'
import { type ImportLine, importColumns, toImportLine } from './key-import-line.ts'

export type ImportFormat = 'jsonl' | 'csv'

/** The text as a whole can't be imported. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused'
}

/**
 * Reads what is to be imported, batch by batch, and gives the event loop back every few milliseconds: the same thread
 * carries traffic. What is wrong with one line stands in its place.
 * @throws ImportRefused when nothing of it can be used.
 */
export async function* readImport(
  text: string,
  format: ImportFormat,
  formats: Pick<KeyFormats, 'parse' | 'containsKey'>,
): AsyncGenerator<ImportLine[]> {
  let batch: ImportLine[] = []
  let count = 0
  let turnAt = performance.now()
  for (const line of format === 'csv' ? csvLines(text, formats) : jsonLines(text, formats)) {
    if (++count > linesMax) throw new ImportRefused(`must be at most ${linesMax} lines; split it`)
    batch.push(line)
    if (batch.length === batchSize) {
      yield batch
      batch = []
    }
    if (performance.now() - turnAt > turnMs) {
      await turn()
      turnAt = performance.now()
    }
  }
  if (count === 0) throw new ImportRefused('must hold at least one line')
  if (batch.length > 0) yield batch
}

function* jsonLines(text: string, formats: Pick<KeyFormats, 'parse' | 'containsKey'>): Generator<ImportLine> {
  let line = 0
  let empty = 0
  const wrong = (message: string): ImportLine => ({ line, problems: [{ path: '', message }] })
  for (let from = 0; from < text.length; ) {
    line++
    const lineEnd = text.indexOf('\n', from)
    const end = lineEnd < 0 ? text.length : lineEnd
    const one = end - from > recordMax ? undefined : text.slice(from, end).trim()
    from = end + 1
    if (one === '') {
      if (++empty <= emptyLinesMax) continue
      yield wrong(`is one empty line more than there may be; ${notRead}`)
      return
    }
    if (one === undefined) {
      yield wrong(`must be at most ${recordMax} characters`)
      continue
    }
    const problem = jsonShapeProblem(one, shape)
    if (problem !== undefined) {
      yield wrong(shapeMessages[problem])
      continue
    }
    let value: unknown
    try {
      value = JSON.parse(one)
    } catch {
      // Not with the parser's own words: they quote the line.
      yield wrong('is not JSON')
      continue
    }
    if (repeatedName(one) === undefined) yield toImportLine(line, value, formats)
    else yield wrong('has a name twice')
  }
}

function* csvLines(text: string, formats: Pick<KeyFormats, 'parse' | 'containsKey'>): Generator<ImportLine> {
  let columns: readonly string[] | undefined
  try {
    for (const record of readCsv(text)) {
      if (columns === undefined) columns = checkHeader(record)
      else if (record.cells.length !== columns.length) {
        const message = `has ${record.cells.length} cells, but the first line names ${columns.length}`
        yield { line: record.line, problems: [{ path: '', message }] }
      } else yield toImportLine(record.line, toObject(columns, record.cells), formats)
    }
  } catch (error) {
    if (!(error instanceof CsvBroken)) throw error
    if (columns === undefined) throw new ImportRefused(error.message)
    yield { line: error.line, problems: [{ path: '', message: `${error.complaint}; ${notRead}` }] }
  }
}

function checkHeader({ cells }: CsvRecord): readonly string[] {
  const columns = cells.map((cell) => cell.trim())
  if (columns.some((name) => !importColumns.includes(name)) || new Set(columns).size !== columns.length) {
    // Without the names that are there: where the header is missing they are somebody's data.
    throw new ImportRefused(`must start with a line that names the columns, each once: ${importColumns.join(', ')}`)
  }
  return columns
}

/** Cells as the JSON form has them. What is left empty is left out; what has the wrong shape is left to the schema. */
function toObject(columns: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [index, name] of columns.entries()) {
    const cell = plainText(cells[index] ?? '')
    if (cell !== '') object[name] = toValue(name, cell)
  }
  return object
}

function toValue(name: string, cell: string): unknown {
  switch (name) {
    case 'scopes':
    case 'workspace_ids':
    case 'allowed_ips':
      return cell.split(/[\s;]+/).filter((word) => word !== '')
    case 'expires_in_days':
      return /^\d{1,5}$/.test(cell) ? Number(cell) : cell
    case 'rate_limit': {
      const [, requests, per] = /^(\d{1,10})\/(\w+)$/.exec(cell) ?? []
      return requests === undefined ? cell : { requests: Number(requests), per }
    }
    case 'metadata':
      if (jsonShapeProblem(cell, shape) !== undefined) return cell
      try {
        const value: unknown = JSON.parse(cell)
        return repeatedName(cell) === undefined ? value : cell
      } catch {
        return cell
      }
    default:
      return cell
  }
}

/** Of one line: more than a key can have, and far from where something that walks through it runs out of stack. */
const shape = { levelsMax: 64, valuesMax: 10_000 }
const shapeMessages = {
  deep: `must not be nested deeper than ${shape.levelsMax} levels`,
  many: `must not hold more than ${shape.valuesMax} values`,
}
const notRead = 'nothing behind it was read'

const linesMax = 100_000
/** Lines in one part of the input, which is one step of the job. */
const batchSize = 50
const turnMs = 5
