import { type Command, InvalidArgumentError } from 'commander'
import { type InputFormat, inputFormats } from './key-file.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'

/** `sallyport import keys` */
export function addImportKeys(command: Command): void {
  addStoreOptions(command.command('keys'))
    .description('take over keys that callers have already, by themselves or as SHA-256')
    .argument('<file>', 'CSV, NDJSON (one JSON object on each line) or a JSON list; - for stdin')
    .requiredOption('--org <org>', 'organization that the keys go to, by id or slug')
    .option('--format <format>', 'csv, ndjson or json (default: by the name of the file)', readFormat)
    .option('--report <file>', 'write what became of each line, as NDJSON')
    .addHelpText('after', help)
    // Loaded for this command alone: the others would wait for it.
    .action(async (file: string, options: ImportKeysOptions) => {
      const { importKeys } = await import('./run-key-import.ts')
      await importKeys(file, options)
    })
}

export interface ImportKeysOptions extends StoreOptions {
  org: string
  format?: InputFormat
  report?: string
}

function readFormat(text: string): InputFormat {
  const format = inputFormats.find((name) => name === text)
  if (format !== undefined) return format
  throw new InvalidArgumentError(`It must be ${inputFormats.join(', ')}.`)
}

const help = `
Examples:
  $ sallyport import keys keys.csv --org acme
  $ sallyport import keys - --format ndjson --org acme < keys.ndjson
  $ sallyport import keys keys.json --org acme --json --report report.ndjson

Columns of a CSV, or fields: name and either raw_key, or sha256 with key_prefix (the first characters of the key); also
description, environment, scopes, expires_in_days or expires_at, project_id, workspace_ids, allowed_ips, rate_limit,
service_account_id, metadata. Lists in CSV are separated by spaces. Keys of another format than the gateway's own need an
entry under keys.accept. Raw keys are hashed at once and kept nowhere. A key that is there already is skipped, so that the
same file can be imported again.`
