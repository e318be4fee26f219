import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import { exportLines } from './export-lines.ts'
import { type ExportKind, exportSources } from './export-sources.ts'
import { UsageFailure } from './failure.ts'
import { findOrganization } from './find.ts'
import { refuseExisting, writeNewFile } from './new-file.ts'
import { withStore } from './open-store.ts'
import { addConfigOption } from './options.ts'
import { tell, writeOut } from './output.ts'
import { readMoment } from './values.ts'

/** `sallyport export keys|orgs|requests|events` */
export function addExport(program: Command): void {
  const command = program.command('export').description('write out what the store holds, newest first; never a secret')
  for (const [kind, { what, byOrganization, example }] of Object.entries(exportSources)) {
    const one = addConfigOption(command.command(kind)).description(what)
    if (byOrganization) one.option('--org <org>', 'of one organization alone, by id or slug')
    one
      .option(
        '--since <time>',
        'no older than this: 2026-01-31, 2026-01-31T12:00:00Z, or 24h for so long ago',
        readMoment,
      )
      .option('--until <time>', 'and older than this', readMoment)
      .option('--format <format>', 'ndjson (one JSON object on each line), csv or json', readFormat, 'ndjson')
      .option('--json', 'the same as --format json')
      .option('--out <file>', 'a new file to write, which only you can read (default: stdout)')
      .addHelpText(
        'after',
        `\nExamples:\n  $ sallyport export ${kind}\n  $ sallyport export ${kind} ${example}\n${format}`,
      )
      .action((options: ExportOptions) => exportAll(kind as ExportKind, options))
  }
}

interface ExportOptions {
  config: string
  org?: string
  since?: number
  until?: number
  format: ExportFormat
  json?: boolean
  out?: string
}

const exportFormats = ['ndjson', 'csv', 'json'] as const
export type ExportFormat = (typeof exportFormats)[number]

async function exportAll(kind: ExportKind, { config: file, org, out, ...options }: ExportOptions): Promise<void> {
  if (options.json && options.format === 'csv') throw new UsageFailure('give --json or --format csv, not both')
  if (out !== undefined) await refuseExisting(out)
  await withStore(file, async (store: Store) => {
    const now = systemClock.now()
    const { columns, records } = exportSources[kind]
    const organization = org === undefined ? undefined : await findOrganization(store, org)
    const { since, until } = options
    const rows = records(store, { since, until, now, ...(organization && { organizationId: organization.id }) })
    const count = { rows: 0 }
    const lines = exportLines(rows, options.json ? 'json' : options.format, columns, count)
    if (out === undefined) await writeOut(lines)
    else await writeNewFile(out, lines)
    if (out !== undefined) tell(`Wrote ${out}: ${count.rows === 1 ? '1 row' : `${count.rows} rows`}`)
  })
}

function readFormat(text: string): ExportFormat {
  const format = text === 'jsonl' ? 'ndjson' : exportFormats.find((name) => name === text)
  if (format !== undefined) return format
  throw new InvalidArgumentError(`It must be ${exportFormats.join(', ')}.`)
}

const format = `
Fields are those of the admin API. In CSV, cells that a spreadsheet would take for a formula begin with '.`
