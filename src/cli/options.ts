import type { Command } from 'commander'

/** What every command that works on the store takes. */
export interface StoreOptions {
  config: string
  json?: boolean
}

/** `--config FILE`, the same for every command. */
export const addConfigOption = (command: Command): Command =>
  command.option('-c, --config <file>', 'configuration file', 'gateway.yaml')

/** `--config FILE` and `--json`. */
export const addStoreOptions = (command: Command): Command =>
  addConfigOption(command).option('--json', 'print JSON, for scripts')
