import { z } from 'zod'
import { csvLine } from './csv.ts'
import type { TypedRun } from './handler.ts'

export const exportFormat = z.enum(['jsonl', 'csv'])
export type ExportFormat = z.output<typeof exportFormat>

export const exportCheckpoint = z.object({
  format: exportFormat,
  /** Id of the last one that was looked at. */
  before: z.string().nullable(),
  rows: z.number(),
  bytes: z.number(),
  truncated: z.boolean(),
})
export type ExportCheckpoint = z.output<typeof exportCheckpoint>

export const exportStart: ExportCheckpoint = { format: 'jsonl', before: null, rows: 0, bytes: 0, truncated: false }

export const exportResult = ({ format, rows, bytes, truncated }: ExportCheckpoint) => ({
  format,
  rows,
  bytes,
  truncated,
})

export interface ExportSource {
  /** The names in the order of the columns. */
  readonly columns: readonly string[]
  readonly total?: number
  /** Newest first; at most 200. A page can be short, or empty, and have another behind it. */
  page(before: string | null): Promise<ExportPage>
}

export interface ExportPage {
  readonly records: readonly Readonly<Record<string, unknown>>[]
  /** `before` of the page that follows. */
  readonly next: string | undefined
}

/** Writes every row into the job's output, newest first, some pages in each step. What no longer fits is left out, and said. */
export async function exportAll<P>(
  run: TypedRun<P, ExportCheckpoint>,
  format: ExportFormat,
  { columns, total, page }: ExportSource,
): Promise<void> {
  let at: ExportCheckpoint = { ...run.checkpoint, format }
  for (let done = false; !done; ) {
    let output = format === 'csv' && at.before === null ? csvLine(columns) : ''
    let { before, rows } = at
    for (let pages = 0; pages < pagesPerStep && !done; pages++) {
      const { records, next } = await page(before)
      for (const record of records) output += lineOf(record, columns, format)
      rows += records.length
      // Also behind the last page: whoever goes on after an interruption must not write it again.
      before = next ?? idOf(records.at(-1)) ?? before
      done = next === undefined
    }
    const bytes = at.bytes + Buffer.byteLength(output)
    const truncated: boolean = !done && (rows >= rowsMax || bytes >= bytesMax)
    at = { format, before, rows, bytes, truncated }
    await run.step([], () => ({ progress: rows, ...(total !== undefined && { total }), checkpoint: at, output }))
    done ||= truncated
  }
}

function lineOf(record: Readonly<Record<string, unknown>>, columns: readonly string[], format: ExportFormat): string {
  return format === 'csv' ? csvLine(columns.map((name) => record[name])) : `${JSON.stringify(record)}\n`
}

const idOf = (record: Readonly<Record<string, unknown>> | undefined): string | undefined =>
  record === undefined ? undefined : String(record.id)

export const pageSize = 200
const pagesPerStep = 5
const rowsMax = 1_000_000
const bytesMax = 256 * 1024 * 1024
