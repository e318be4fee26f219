import type { Clock } from '../clock.ts'
import { parseDuration } from '../config/duration.ts'
import { checkKeyRequest, type FreshSecret, type KeyRequest, type KeyRules } from '../keys/create.ts'
import type { KeyChange } from '../store/jobs-store.ts'
import type { NewKey, NewSecret, Role, Store } from '../store/store.ts'
import type { ImportLine, LineProblem } from './key-import-line.ts'

export interface PrepareParts {
  readonly store: Pick<Store, 'findWorkspace' | 'findServiceAccount'>
  readonly clock: Pick<Clock, 'now'>
  readonly rules: () => KeyRules
  /** What accepted keys start with. */
  readonly prefixes: () => readonly string[]
  /** Undefined where a new secret could never be shown to anybody (`keys.reveal`). */
  readonly generate: () => ((environment: string | null) => FreshSecret) | undefined
}

/**
 * Checks lines as the creation of a key would. Made for one batch: what it has looked up it does not look up again.
 * @param allowed roles of service accounts that keys may be given to.
 */
export function createPrepare(organizationId: string, allowed: readonly Role[], parts: PrepareParts) {
  const known: Known = { organizationId, allowed, workspaces: new Map(), roles: new Map() }
  return async (item: ImportLine): Promise<Prepared> => {
    const { line } = item
    if ('problems' in item) return { line, problems: item.problems }
    const rules = parts.rules()
    const request = requestOf(item.key)
    const { expiresAt, problems: expiryProblems } = expiryOf(item.key, parts.clock.now())
    const { workspaceIds, problems: workspaceProblems } = await workspacesOf(request, parts, known)
    const problems = [
      ...checkKeyRequest(request, rules).map(({ path, message }) => ({ path, message })),
      ...expiryProblems,
      ...workspaceProblems,
      ...(await ownerProblems(request, parts, known)),
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
}

/** What to do about a line, or everything that is wrong with it. */
export interface Prepared {
  readonly line: number
  readonly change?: KeyChange
  readonly problems?: readonly LineProblem[]
}

/** What a batch has looked up already. */
interface Known {
  readonly organizationId: string
  readonly allowed: readonly Role[]
  readonly workspaces: Map<string, string | undefined>
  readonly roles: Map<string, Role | undefined>
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
  { store }: PrepareParts,
  { organizationId, workspaces }: Known,
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
  { store }: PrepareParts,
  { organizationId, allowed, roles }: Known,
): Promise<readonly LineProblem[]> {
  if (id === undefined) return []
  if (!roles.has(id)) roles.set(id, (await store.findServiceAccount(organizationId, id))?.role)
  const role = roles.get(id)
  const path = 'service_account_id'
  if (role === undefined) return [{ path, message: notThere }]
  if (allowed.includes(role)) return []
  return [{ path, message: 'has a role above that of whoever ordered the import' }]
}

type SecretOrProblem =
  | { readonly secret: NewSecret; readonly problem?: never }
  | { readonly secret?: never; readonly problem: LineProblem }

function secretOf(
  imported: Extract<ImportLine, { secret: unknown }>['secret'],
  environment: string | null,
  { generate, prefixes }: PrepareParts,
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

export const notThere = 'is not in this organization'
const dayMs = 86_400_000
