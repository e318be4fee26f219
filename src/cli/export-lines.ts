import { csvLine } from '../jobs/csv.ts'

type Row = Readonly<Record<string, unknown>>

/** Rows as text, some at a time; as large as it may be, no more than one page of it is in memory. */
export async function* exportLines(
  rows: AsyncIterable<readonly Row[]>,
  format: 'ndjson' | 'csv' | 'json',
  columns: readonly string[],
  count: { rows: number },
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(columns)
  if (format === 'json') yield '['
  for await (const page of rows) {
    let text = ''
    for (const row of page) {
      if (format === 'csv') text += csvLine(columns.map((name) => row[name]))
      else if (format === 'ndjson') text += `${JSON.stringify(row)}\n`
      else text += `${count.rows === 0 ? '' : ','}\n${JSON.stringify(row)}`
      count.rows++
    }
    if (text !== '') yield text
  }
  if (format === 'json') yield count.rows === 0 ? ']\n' : '\n]\n'
}
