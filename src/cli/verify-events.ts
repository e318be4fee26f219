import type { Command } from 'commander'
import { checkpointFile, readCheckpoint } from '../recorder/checkpoints.ts'
import { verifyEvents } from '../store/verify-events.ts'
import { Failure } from './failure.ts'
import { openBox, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson } from './output.ts'

/** `sallyport verify-events` */
export function addVerifyEvents(program: Command): void {
  addStoreOptions(program.command('verify-events'))
    .description('go through the audit trail and find whether an event was edited, removed, moved or cut off')
    .addHelpText('after', '\nExamples:\n  $ sallyport verify-events\n  $ sallyport verify-events --json')
    .action(verify)
}

async function verify({ config: file, json }: StoreOptions): Promise<void> {
  const { valid, checked, firstBad } = await withStore(file, async (store, config) => {
    const checkpoint = await readCheckpoint(checkpointFile(config), await openBox(config, store)).catch(
      (error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        throw new Failure(`the checkpoints in ${checkpointFile(config)} can't be trusted: ${why}`)
      },
    )
    return verifyEvents((after, limit) => store.listEventChain(after, limit), checkpoint)
  })
  if (json) printJson({ valid, checked, ...(firstBad && { first_bad: firstBad }) })
  else if (valid) print(`The audit trail is whole: ${checked} events, each in its place.`)
  if (firstBad)
    throw new Failure(`event ${firstBad.seq}${firstBad.id === null ? '' : ` (${firstBad.id})`}: ${firstBad.reason}`)
}
