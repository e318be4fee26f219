import { Command, CommanderError } from 'commander'
import { AdminTokenProblem } from '../admin-api/admin-token.ts'
import { MasterKeyProblem } from '../keys/master-key.ts'
import { StoreConflict, StoreMissing, StoreUnavailable } from '../store/store.ts'
import { version } from '../version.ts'
import { addCheck } from './check.ts'
import { addExplain } from './explain.ts'
import { addExport } from './export.ts'
import { Failure, UsageFailure } from './failure.ts'
import { addImport } from './import.ts'
import { addInit } from './init.ts'
import { addKeys } from './keys.ts'
import { addMigrate } from './migrate.ts'
import { addOperators } from './operators.ts'
import { addOrgs } from './orgs.ts'
import { tell } from './output.ts'
import { addStart } from './start.ts'
import { addStoreCopy } from './store-copy.ts'
import { addVerifyEvents } from './verify-events.ts'
import { addVersion } from './version.ts'
import { addWorkspaces } from './workspaces.ts'

/**
 * Runs one command line, without the program's own name.
 * @returns the exit code: 0, 1 when the command failed, 2 when it was not understood. Errors are on stderr by then.
 */
export async function run(argv: readonly string[]): Promise<number> {
  // Whoever reads the output has seen enough: `sallyport export requests | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    return exitCode(error)
  }
}

/** Every command, with its options and help. */
export function createProgram(): Command {
  const program = new Command('sallyport')
    .description('A reverse proxy that gives any HTTP API keys, scopes, rate limits and an audit trail.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(add --help to see how)')
    .addHelpText('after', examples)
  for (const add of [
    addStart,
    addCheck,
    addInit,
    addExplain,
    addImport,
    addExport,
    addOrgs,
    addKeys,
    addWorkspaces,
    addOperators,
    addMigrate,
    addStoreCopy,
    addVerifyEvents,
    addVersion,
  ])
    add(program)
  return program
}

/** What happened decides the code; what is not foreseen is a fault of ours and shows its stack. */
function exitCode(error: unknown): number {
  // Commander has written its text already. Help and version come this way too, with 0; its own errors say 1.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageFailure) return complain(`${error.message}\n(add --help to see how)`, 2)
  if (error instanceof Failure) return complain(error.message, 1)
  if (error instanceof StoreConflict || error instanceof StoreMissing) return complain(error.message, 1)
  if (error instanceof MasterKeyProblem || error instanceof AdminTokenProblem) return complain(error.message, 1)
  if (error instanceof StoreUnavailable) return complain(`the store can't be used: ${error.message}`, 1)
  return complain(error instanceof Error ? (error.stack ?? error.message) : String(error), 1)
}

function complain(text: string, code: number): number {
  tell(`error: ${text}`)
  return code
}

const examples = `
Examples:
  $ sallyport init --upstream http://127.0.0.1:9000   write a gateway.yaml to begin with
  $ sallyport                                         start the gateway from gateway.yaml
  $ sallyport orgs create "Acme Ltd"                  an organization, and then a key for it
  $ sallyport keys create --org acme-ltd --name "CI pipeline"
  $ sallyport check                                   is gateway.yaml right, and do its tests pass?

Exit codes: 0 done, 1 failed, 2 not understood.`
