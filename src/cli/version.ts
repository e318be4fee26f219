import type { Command } from 'commander'
import { version } from '../version.ts'
import { print, printJson } from './output.ts'

/** `sallyport version` */
export function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'print JSON, for scripts')
    .addHelpText('after', '\nExample:\n  $ sallyport version --json')
    .action(({ json }: { json?: boolean }) => {
      const versions = { version, node: process.versions.node }
      if (json) return printJson(versions)
      print(`sallyport ${versions.version} (Node.js ${versions.node})`)
    })
}
