import type { Command } from 'commander'
import { loadOrFail } from './load.ts'
import { migrateStore, plannedMigrations } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson } from './output.ts'

/** `sallyport migrate` */
export function addMigrate(program: Command): void {
  addStoreOptions(program.command('migrate'))
    .description('bring the schema of the store up to date, which a gateway that starts does as well')
    .option('--dry-run', 'show what would be run, and change nothing')
    .addHelpText('after', examples)
    .action(migrate)
}

async function migrate({ config: file, json, dryRun }: StoreOptions & { dryRun?: boolean }): Promise<void> {
  const { config } = await loadOrFail(file)
  const planned = await plannedMigrations(config)
  if (!dryRun && planned.length > 0) await migrateStore(config)
  if (json) {
    printJson({ dry_run: dryRun === true, migrations: planned.map(({ name, statements }) => ({ name, statements })) })
    return
  }
  if (planned.length === 0) print('The schema is up to date.')
  for (const { name, statements } of planned) {
    if (dryRun) print(`-- ${name}`, ...statements.map((statement) => `${statement};`))
    else print(`${name} done`)
  }
}

const examples = `
Examples:
  $ sallyport migrate --dry-run        the SQL that is pending; nothing where the schema is up to date
  $ sallyport migrate

Several nodes may run it, or start, at the same time: one of them does it. Make a backup first.`
