import type { Command } from 'commander'
import type { Copied } from '../store/copy.ts'
import { Failure, UsageFailure } from './failure.ts'
import { migrateStore, openCopyEnd, plannedMigrations } from './open-store.ts'
import { print, printJson } from './output.ts'

/** `sallyport store copy FROM TO` */
export function addStoreCopy(program: Command): void {
  program
    .command('store')
    .description('work on a store as a whole')
    .command('copy')
    .description('copy everything from one store into another, empty one: from SQLite to PostgreSQL or back')
    .argument('<from>', 'sqlite:FILE, postgres://…, or env:NAME for a variable that holds it')
    .argument('<to>', 'the same; there must be nothing in it')
    .option('--json', 'print JSON, for scripts')
    .addHelpText('after', help)
    .action(copy)
}

async function copy(fromText: string, toText: string, { json }: { json?: boolean }): Promise<void> {
  const [from, to] = [storeNamed(fromText), storeNamed(toText)]
  if (from === to) throw new UsageFailure('both are the same store')
  const pending = await plannedMigrations({ store: from })
  if (pending.length > 0) {
    throw new Failure(
      `there is no store of this version to copy from: it lacks ${pending.map(({ name }) => name).join(', ')}. Check its name, or run "sallyport migrate" on it first`,
    )
  }
  await migrateStore({ store: to })
  await using source = await openCopyEnd(from)
  await using target = await openCopyEnd(to)
  const { copyStore } = await import('../store/copy.ts')
  const copied = await copyStore(source, target, tell)
  const rows = copied.reduce((sum, { rows }) => sum + rows, 0)
  if (json) printJson({ rows, tables: Object.fromEntries(copied.map(({ table, rows }) => [table, rows])) })
  else print(`Copied ${rows} rows of ${copied.length} tables; the audit trail is whole.`, next)
}

const tell = ({ table, rows }: Copied): void => void process.stderr.write(`${table}: ${rows}\n`)

/** A URL on the command line can be read by everybody on the machine; a variable can't. */
function storeNamed(text: string): string {
  const [, name] = /^env:(.+)$/.exec(text) ?? []
  const store = name === undefined ? text : (process.env[name] ?? '')
  if (/^(sqlite:.+|postgres(ql)?:\/\/.+)/.test(store)) return store
  throw new UsageFailure(
    name === undefined
      ? 'a store is named sqlite:FILE, postgres://… or env:NAME'
      : `the environment has no store in ${name}`,
  )
}

const next = `Next: set "store" in gateway.yaml. Secrets went along encrypted: give the new gateway the same master key
(SALLYPORT_MASTER_KEY, or for a copy from SQLite the content of the file <store>.key).`

const help = `
Examples:
  $ sallyport store copy sqlite:data/sallyport.db env:DATABASE_URL
  $ sallyport store copy env:DATABASE_URL sqlite:backup.db

Stop the gateways first: what they write while the copy runs stays behind. Rows are counted and the audit trail is verified
before the copy is kept; when anything fails the target stays empty. Beside the store there may be files: <store>.key (the
master key), <store>.context.pem (of context.sign) and <store>.checkpoints are not copied.`
