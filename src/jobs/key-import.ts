import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { parseDuration } from '../config/duration.ts'
import { assertNever } from '../errors.ts'
import { checkKeyRequest, type FreshSecret, type KeyRequest, type KeyRules } from '../keys/create.ts'
import type { KeyChange, KeyOutcome } from '../store/jobs-store.ts'
import type { NewKey, NewSecret, Role, Store } from '../store/store.ts'
import { type JobHandler, jobHandler, type TypedRun } from './handler.ts'
import { type ImportLine, importLine, type LineProblem } from './key-import-line.ts'

export interface KeyImportParts {
  readonly store: Pick<Store, 'jobInput' | 'findWorkspace' | 'findServiceAccount'>
  readonly clock: Pick<Clock, 'now'>
  readonly rules: () => KeyRules
  /** What accepted keys start with. */
  readonly prefixes: () => readonly string[]
  /** Undefined where a new secret could never be shown to anybody (`keys.reveal`). */
  readonly generate: () => ((environment: string | null) => FreshSecret) | undefined
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
    const known: Known = { workspaces: new Map(), roles: new Map() }
    for (const line of lines) prepared.push(await prepare(line, run, parts, known))
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

interface Prepared {
  readonly line: number
  readonly change?: KeyChange
  readonly problems?: readonly LineProblem[]
}

/** What a batch has looked up already. */
interface Known {
  readonly workspaces: Map<string, string | undefined>
  readonly roles: Map<string, Role | undefined>
}

/** Checks one line as the creation of a key would, and says either what to do or everything that is wrong. */
async function prepare(item: ImportLine, run: ImportRun, parts: KeyImportParts, known: Known): Promise<Prepared> {
  const { line } = item
  if ('problems' in item) return { line, problems: item.problems }
  const { organizationId } = run.job
  const rules = parts.rules()
  const request = requestOf(item.key)
  const { expiresAt, problems: expiryProblems } = expiryOf(item.key, parts.clock.now())
  const { workspaceIds, problems: workspaceProblems } = await workspacesOf(request, organizationId, parts, known)
  const problems = [
    ...checkKeyRequest(request, rules).map(({ path, message }) => ({ path, message })),
    ...expiryProblems,
    ...workspaceProblems,
    ...(await ownerProblems(request, run, parts, known)),
  ]
  if (problems.length > 0) return { line, problems }

  const environment = request.environment ?? rules.environments[0] ?? null
  const { secret, problem } = secretOf(item.secret, environment, parts)
  if (secret === undefined) return { line, problems: [problem] }
  const key: NewKey = {
    organizationId,
    name: request.name,
    description: request.description ?? '',
    environment,
    scopes: [...new Set(request.scopes ?? rules.defaultScopes)],
    expiresAt,
    projectId: request.projectId ?? null,
    workspaceIds,
    allowedIps: request.allowedIps ?? [],
    rateLimit: request.rateLimit ?? null,
    serviceAccountId: request.serviceAccountId ?? null,
    metadata: request.metadata ?? {},
    secret,
  }
  return { line, change: { kind: 'create', key } }
}

type ImportedKey = Extract<ImportLine, { secret: unknown }>['key']

function requestOf({ name, description, environment, scopes, ...rest }: ImportedKey): KeyRequest {
  const { expires_in_days, project_id, workspace_ids, allowed_ips, rate_limit, service_account_id, metadata } = rest
  return {
    name,
    ...(description !== undefined && { description }),
    ...(environment !== undefined && { environment }),
    ...(scopes !== undefined && { scopes }),
    ...(expires_in_days !== undefined && { expiresInDays: expires_in_days }),
    ...(project_id != null && { projectId: project_id }),
    ...(workspace_ids !== undefined && { workspaceIds: workspace_ids }),
    ...(allowed_ips !== undefined && { allowedIps: allowed_ips }),
    ...(rate_limit != null && {
      rateLimit: { requests: rate_limit.requests, perMs: parseDuration(rate_limit.per) ?? 0 },
    }),
    ...(service_account_id != null && { serviceAccountId: service_account_id }),
    ...(metadata !== undefined && { metadata }),
  }
}

function expiryOf(
  { expires_at, expires_in_days }: ImportedKey,
  now: number,
): { readonly expiresAt: number | null; readonly problems: readonly LineProblem[] } {
  const wrong = (message: string) => ({ expiresAt: null, problems: [{ path: 'expires_at', message }] })
  if (expires_at == null) {
    return { expiresAt: expires_in_days == null ? null : now + expires_in_days * dayMs, problems: [] }
  }
  if (expires_in_days != null) return wrong('must be left out when expires_in_days is given')
  const expiresAt = Date.parse(expires_at)
  if (expiresAt <= now) return wrong('is over already')
  return expiresAt > now + 3650 * dayMs ? wrong('must be within 3650 days') : { expiresAt, problems: [] }
}

async function workspacesOf(
  { workspaceIds = [] }: KeyRequest,
  organizationId: string,
  { store }: KeyImportParts,
  { workspaces }: Known,
): Promise<{ readonly workspaceIds: readonly string[]; readonly problems: readonly LineProblem[] }> {
  const found: string[] = []
  const problems: LineProblem[] = []
  for (const id of workspaceIds) {
    if (!workspaces.has(id)) workspaces.set(id, (await store.findWorkspace(organizationId, id))?.id)
    const workspaceId = workspaces.get(id)
    if (workspaceId === undefined) problems.push({ path: 'workspace_ids', message: notThere })
    else found.push(workspaceId)
  }
  return { workspaceIds: found, problems }
}

async function ownerProblems(
  { serviceAccountId: id }: KeyRequest,
  { job, params }: ImportRun,
  { store }: KeyImportParts,
  { roles }: Known,
): Promise<readonly LineProblem[]> {
  if (id === undefined) return []
  if (!roles.has(id)) roles.set(id, (await store.findServiceAccount(job.organizationId, id))?.role)
  const role = roles.get(id)
  const path = 'service_account_id'
  if (role === undefined) return [{ path, message: notThere }]
  if (params.service_account_roles.includes(role)) return []
  return [{ path, message: 'has a role above that of whoever ordered the import' }]
}

type SecretOrProblem =
  | { readonly secret: NewSecret; readonly problem?: never }
  | { readonly secret?: never; readonly problem: LineProblem }

function secretOf(
  imported: Extract<ImportLine, { secret: unknown }>['secret'],
  environment: string | null,
  { generate, prefixes }: KeyImportParts,
): SecretOrProblem {
  if (imported === null) {
    const fresh = generate()
    // The secret itself is dropped here: what is kept of it is its hash, and the copy that reveal opens.
    if (fresh !== undefined) return { secret: fresh(environment).stored }
    return {
      problem: {
        path: 'sha256',
        message: 'must be given, or raw_key: without keys.reveal nobody could ever see a new secret',
      },
    }
  }
  const { sha256, key_prefix: keyPrefix, key_suffix: keySuffix } = imported
  if (!prefixes().some((prefix) => prefix.startsWith(keyPrefix) || keyPrefix.startsWith(prefix))) {
    const message =
      'starts no key that this gateway looks up; add its format under keys.accept, reload, and send the line again'
    return { problem: { path: 'key_prefix', message } }
  }
  return { secret: { sha256: Buffer.from(sha256, 'hex'), keyPrefix, keySuffix } }
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

const notThere = 'is not in this organization'
/** In the result; all of them are in the output. */
const errorsMax = 100
const dayMs = 86_400_000
