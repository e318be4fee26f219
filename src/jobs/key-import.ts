import { z } from 'zod'
import { assertNever } from '../errors.ts'
import type { KeyOutcome } from '../store/jobs-store.ts'
import type { Store } from '../store/store.ts'
import { type JobHandler, jobHandler, type TypedRun } from './handler.ts'
import { createPrepare, notThere, type Prepared, type PrepareParts } from './key-import-key.ts'
import { importLine, type LineProblem } from './key-import-line.ts'

export interface KeyImportParts extends PrepareParts {
  readonly store: Pick<Store, 'jobInput'> & PrepareParts['store']
}

const params = z.object({
  /** Roles of service accounts that keys may be given to: none above whoever ordered the import. */
  service_account_roles: z.array(z.enum(['owner', 'admin', 'engineer', 'viewer'])),
})

const problem = z.object({ line: z.number(), path: z.string(), message: z.string() })
const checkpoint = z.object({
  part: z.number(),
  lines: z.number(),
  created: z.number(),
  skipped: z.number(),
  failed: z.number(),
  errors: z.array(problem),
})
type Checkpoint = z.output<typeof checkpoint>
/** What the result of such a job tells. */
export const importResult = checkpoint.omit({ part: true })
type ImportRun = TypedRun<z.output<typeof params>, Checkpoint>

/**
 * Creates keys from lines. A line with the hash of a key makes that key go on working under its own text; one without gets
 * a new secret, where it can be revealed later. A line whose key is there already is skipped, so that the same file can be
 * sent again. The output has one line of JSON for each.
 */
export const keyImport = (parts: KeyImportParts): JobHandler =>
  jobHandler({
    params,
    checkpoint,
    start: { part: 0, lines: 0, created: 0, skipped: 0, failed: 0, errors: [] },
    run: (run) => importAll(run, parts),
    result: ({ lines, created, skipped, failed, errors }) => ({
      format: 'jsonl',
      lines,
      created,
      skipped,
      failed,
      errors,
    }),
  })

async function importAll(run: ImportRun, parts: KeyImportParts): Promise<void> {
  let at = run.checkpoint
  for (;;) {
    const input = await parts.store.jobInput(run.job.id, at.part)
    if (input === undefined) return
    const lines = z.array(importLine).parse(JSON.parse(input))
    const prepared: Prepared[] = []
    const prepare = createPrepare(run.job.organizationId, run.params.service_account_roles, parts)
    for (const line of lines) prepared.push(await prepare(line))
    const changes = prepared.flatMap(({ change }) => change ?? [])
    await run.step(changes, (outcomes) => {
      const reports = reportsOf(prepared, outcomes)
      at = advance(at, reports)
      return {
        progress: at.lines,
        checkpoint: at,
        output: reports.map((report) => `${JSON.stringify(report)}\n`).join(''),
      }
    })
  }
}

type Report =
  | { readonly line: number; readonly status: 'created' | 'skipped'; readonly key_id: string }
  | { readonly line: number; readonly status: 'failed'; readonly errors: readonly LineProblem[] }

function reportsOf(prepared: readonly Prepared[], outcomes: readonly KeyOutcome[]): Report[] {
  let next = 0
  return prepared.map(({ line, change, problems = [] }) => {
    const outcome = change === undefined ? undefined : outcomes[next++]
    if (outcome?.kind === 'done') return { line, status: 'created', key_id: outcome.key.id }
    if (outcome?.kind === 'present') return { line, status: 'skipped', key_id: outcome.keyId }
    return { line, status: 'failed', errors: outcome === undefined ? problems : [problemOf(outcome)] }
  })
}

function problemOf(outcome: KeyOutcome): LineProblem {
  switch (outcome.kind) {
    case 'taken':
      return { path: 'sha256', message: "is of a key that can't be imported: it is, or was, in use here" }
    case 'missing':
      return { path: outcome.field, message: notThere }
    case 'conflict':
      return { path: outcome.field, message: 'conflicts with the rest of the line' }
    case 'done':
    case 'present':
    case 'skipped':
      throw new Error(`no problem: ${outcome.kind}`)
    default:
      return assertNever(outcome)
  }
}

function advance(at: Checkpoint, reports: readonly Report[]): Checkpoint {
  const count = (status: Report['status']) => reports.filter((report) => report.status === status).length
  const errors = reports.flatMap((report) =>
    report.status === 'failed' ? report.errors.map((error) => ({ line: report.line, ...error })) : [],
  )
  return {
    part: at.part + 1,
    lines: at.lines + reports.length,
    created: at.created + count('created'),
    skipped: at.skipped + count('skipped'),
    failed: at.failed + count('failed'),
    errors: [...at.errors, ...errors].slice(0, errorsMax),
  }
}

/** In the result; all of them are in the output. */
const errorsMax = 100
