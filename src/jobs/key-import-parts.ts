import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { keyRules } from '../keys/create.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { JobsStore } from '../store/jobs-store.ts'
import type { Store } from '../store/store.ts'
import type { KeyImportParts } from './key-import.ts'
import { type ImportFormat, readImport } from './key-import-text.ts'

export interface ImportSettings {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly config: () => Config
  readonly formats: () => KeyFormats
}

/** What an import of keys goes by, wherever it is done: in a gateway, or on the command line. */
export function keyImportParts({ store, clock, config, formats }: ImportSettings): KeyImportParts {
  return {
    ...{ store, clock },
    rules: () => keyRules(config()),
    prefixes: () => keyPrefixes(config()),
    generate: () => (config().keys.reveal ? (environment) => formats().generate(environment) : undefined),
  }
}

/**
 * Reads the text of an import and keeps it for a job that is about to be created, without any raw key.
 * @returns how many lines there are.
 * @throws ImportRefused when the text as a whole can't be used.
 */
export async function putImportText(
  store: Pick<JobsStore, 'putJobInput'>,
  jobId: string,
  { text, format, formats }: { readonly text: string; readonly format: ImportFormat; readonly formats: KeyFormats },
): Promise<number> {
  let lines = 0
  let parts = 0
  for await (const some of readImport(text, format, formats)) {
    await store.putJobInput(jobId, parts++, JSON.stringify(some))
    lines += some.length
  }
  return lines
}

/** What the keys start with that are worth a look-up. */
function keyPrefixes({ keys: { prefix, environments, accept } }: Pick<Config, 'keys'>): string[] {
  const own = environments.length === 0 ? [`${prefix}_`] : environments.map((name) => `${prefix}_${name}_`)
  return [...own, ...accept.map((format) => format.prefix)]
}
