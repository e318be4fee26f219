import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { newId } from '../ids.ts'
import { unfinishedMax } from '../jobs/jobs.ts'
import { importResult, keyImport } from '../jobs/key-import.ts'
import { keyImportParts, putImportText } from '../jobs/key-import-parts.ts'
import { ImportRefused } from '../jobs/key-import-text.ts'
import { runJob } from '../jobs/run-job.ts'
import type { Job } from '../store/jobs-store.ts'
import type { Store } from '../store/store.ts'
import { Failure } from './failure.ts'
import { findOrganization } from './find.ts'
import type { ImportKeysOptions } from './import-keys.ts'
import { readKeyFile } from './key-file.ts'
import { formatsFrom } from './key-output.ts'
import { refuseExisting, writeNewFile } from './new-file.ts'
import { cliActor, withStore } from './open-store.ts'
import { print, printJson, tell } from './output.ts'

/** Orders the job that the admin API would, and follows it to its end. */
export async function importKeys(file: string, { config: configFile, json, org, format, report }: ImportKeysOptions) {
  if (report !== undefined) await refuseExisting(report)
  const input = await readKeyFile(file, format)
  await withStore(configFile, async (store, config) => {
    const { id: organizationId } = await findOrganization(store, org)
    const formats = await formatsFrom(config, store)
    const jobId = newId('job', systemClock.now())
    const lines = await putImportText(store, jobId, { ...input, formats }).catch((error: unknown) => {
      if (error instanceof ImportRefused) throw new Failure(`${file} ${error.message}`)
      throw error
    })
    const params = { format: input.format, service_account_roles: ['owner', 'admin', 'engineer', 'viewer'] }
    const order = { id: jobId, organizationId, type: 'key_import', params, total: lines } as const
    if (!(await store.createJob(order, unfinishedMax, cliActor))) {
      throw new Failure(`${unfinishedMax} jobs of this organization are not finished; wait for one, or cancel one`)
    }
    const job = await runToEnd(organizationId, jobId, store, config, () => formats)
    if (report !== undefined) await writeNewFile(report, outputOf(job, store))
    tellResult(file, job, json === true)
  })
}

/**
 * Does the job here, unless a gateway that runs on the same store has taken it first; either way by the same code. Ctrl-C
 * cancels it: what is done stays done.
 */
async function runToEnd(
  organizationId: string,
  jobId: string,
  store: Store,
  config: Config,
  formats: () => Awaited<ReturnType<typeof formatsFrom>>,
): Promise<Job> {
  const handler = keyImport(keyImportParts({ store, clock: systemClock, config: () => config, formats }))
  const events = { fault: (where: string, error: unknown) => tell(`${where}: ${String(error)}`) }
  const cancel = (): void => void store.cancelJob(organizationId, jobId, cliActor).catch(() => undefined)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, cancel)
  try {
    for (;;) {
      const claimed = await store.claimJob({ leaseMs, runningMax, jobId })
      const closing = new AbortController().signal
      if (claimed) await runJob(claimed, { store, handler, clock: systemClock, events, leaseMs, closing })
      const job = await store.findJob(organizationId, jobId)
      if (job === undefined) throw new Failure('the organization has just been deleted')
      if (job.completedAt !== null) return job
      // Somebody else does it, or other jobs of the organization come first.
      await wait(pollMs)
    }
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, cancel)
  }
}

function tellResult(file: string, { id, status, result, errorMessage }: Job, json: boolean): void {
  const { created, skipped, failed, errors } = result === null ? nothing : importResult.parse(result)
  if (json) printJson({ job_id: id, status, error_message: errorMessage, ...result })
  else {
    for (const { line, path, message } of errors) tell(`line ${line}: ${path === '' ? '' : `${path}: `}${message}`)
    if (failed > errors.length) tell('and more; --report FILE has all of them')
    print(`${file}: ${created} created, ${skipped} there already, ${failed} failed`)
  }
  if (status !== 'completed') throw new Failure(errorMessage ?? `the import was ${status}; what is done stays done`)
  if (failed > 0) {
    const lines = failed === 1 ? '1 line' : `${failed} lines`
    throw new Failure(`${lines} failed; correct them and import the file again: what is there already is skipped`)
  }
}

async function* outputOf({ id, outputParts }: Job, store: Pick<Store, 'jobOutput'>): AsyncGenerator<string> {
  for (let seq = 0; seq < outputParts; seq++) yield (await store.jobOutput(id, seq)) ?? ''
}

/** Of one that was cancelled before it began. */
const nothing = { created: 0, skipped: 0, failed: 0, errors: [] }
const leaseMs = 15_000
/** As gateways have it: of the jobs of all organizations together. */
const runningMax = 2
const pollMs = 250
