import type { Clock } from '../clock.ts'
import { isCidr } from '../config/cidr.ts'
import { nearest } from '../config/nearest.ts'
import type { Config } from '../config/schema.ts'
import { isPlainLine, isPlainText } from '../plain-text.ts'
import type { ActingKey, Actor, ApiKey, Metadata, NewKey, NewSecret, RateLimitSetting, Store } from '../store/store.ts'
import { isGrantable } from './scopes.ts'
import type { Secret } from './secret.ts'

/** A key as its creator asks for it. The types are checked at the border; the rules are checked here. */
export interface KeyRequest {
  readonly name: string
  readonly description?: string
  /** The first configured one when left out. */
  readonly environment?: string
  /** The configured default when left out. */
  readonly scopes?: readonly string[]
  /** Null or left out: never. */
  readonly expiresInDays?: number | null
  /** For a key that shall end at a certain moment. */
  readonly expiresAt?: number | null
  /** Binds the key to this workspace: its id or its external id. */
  readonly projectId?: string
  /** Ids or external ids. */
  readonly workspaceIds?: readonly string[]
  readonly allowedIps?: readonly string[]
  readonly rateLimit?: RateLimitSetting | null
  readonly serviceAccountId?: string
  readonly metadata?: Metadata
}

/** What the configuration says about new keys. */
export interface KeyRules {
  /** Names of declared scopes. */
  readonly scopes: readonly string[]
  readonly defaultScopes: readonly string[]
  readonly environments: readonly string[]
}

export const keyRules = ({ scopes, keys }: Pick<Config, 'scopes' | 'keys'>): KeyRules => ({
  scopes: Object.keys(scopes),
  defaultScopes: keys.default_scopes,
  environments: keys.environments,
})

/** One field that breaks a rule. `path` is the field's name in the API: `scopes.0`. */
export interface FieldProblem {
  readonly path: string
  /** NOT_FOUND: it names an object that is not there, or is another organization's. Which of the two is never said. */
  readonly code: 'VALIDATION_FAILED' | 'UNKNOWN_SCOPE' | 'NOT_FOUND'
  readonly message: string
}

export type CreatedKey =
  | { readonly ok: true; readonly key: ApiKey; readonly secret: Secret }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] }

/** A fresh secret: the text for its owner, and what the store keeps of it. */
export interface FreshSecret {
  readonly secret: Secret
  readonly stored: NewSecret
}

export interface CreateKeyOptions {
  readonly store: Pick<Store, 'createKey' | 'findWorkspace' | 'findServiceAccount'>
  readonly rules: KeyRules
  readonly clock: Pick<Clock, 'now'>
  readonly generate: (environment: string | null) => FreshSecret
  readonly organizationId: string
  readonly actor: Actor
  /** A key that makes another. */
  readonly by?: ActingKey
}

/**
 * Creates a key when every rule holds. The command line and the admin API both come through here, so that neither can
 * make a key that the other would refuse. All problems are reported at once, and then nothing was written.
 * @throws StoreUnavailable, StoreConflict, StoreChanged where the key that makes it may not
 */
export async function createKey(request: KeyRequest, options: CreateKeyOptions): Promise<CreatedKey> {
  const { store, organizationId } = options
  const problems = [...checkKeyRequest(request, options.rules)]

  const workspaceIds = new Set<string>()
  for (const [path, id] of namedWorkspaces(request)) {
    const workspace = await store.findWorkspace(organizationId, id)
    if (workspace) workspaceIds.add(workspace.id)
    else problems.push(missing(path, `there is no workspace ${quote(id)} in this organization`))
  }
  if (request.serviceAccountId !== undefined) {
    const account = await store.findServiceAccount(organizationId, request.serviceAccountId)
    if (!account) problems.push(missing('service_account_id', 'there is no such service account in this organization'))
  }
  if (problems.length > 0) return { ok: false, problems }

  const environment = request.environment ?? options.rules.environments[0] ?? null
  const { secret, stored } = options.generate(environment)
  const key = await store.createKey(
    { ...newKey(request, options, environment), workspaceIds: [...workspaceIds], secret: stored },
    options.actor,
    options.by,
  )
  return { ok: true, key, secret }
}

/** The rules that need no store. @returns every problem; none when the request is in order. */
export function checkKeyRequest(request: KeyRequest, rules: KeyRules): readonly FieldProblem[] {
  return [
    ...checkTexts(request),
    ...checkScopes(request.scopes ?? rules.defaultScopes, request.scopes === undefined, rules.scopes),
    ...checkEnvironment(request.environment, rules.environments),
    ...checkExpiry(request.expiresInDays ?? null),
    ...checkAddresses(request.allowedIps ?? []),
    ...checkGrants(request),
    ...checkRateLimit(request.rateLimit ?? null),
    ...checkMetadata(request.metadata ?? {}),
  ]
}

/** Scopes that can't be granted, each with the nearest that can. */
function* checkScopes(
  scopes: readonly string[],
  fromDefault: boolean,
  declared: readonly string[],
): Generator<FieldProblem> {
  if (scopes.length > listMax) yield invalid('scopes', `must be at most ${listMax}`)
  else if (scopes.length === 0 && fromDefault) {
    yield invalid('scopes', `must be given: keys.default_scopes is empty. ${declaredText(declared)}`)
  } else {
    yield* ungrantable(scopes, declared)
  }
}

/** Those that no key can have. @param declared names of the declared ones. */
export function* ungrantable(scopes: readonly string[], declared: readonly string[]): Generator<FieldProblem> {
  for (const [index, scope] of scopes.entries()) {
    if (isGrantable(scope, declared)) continue
    const near = nearest(scope, declared)
    const hint = near === undefined ? '.' : `; did you mean ${quote(near)}?`
    const problem = scope.endsWith(':*') ? 'covers no declared scope' : 'is not declared'
    const message = `${quote(scope)} ${problem}${hint} ${declaredText(declared)}`
    yield { path: `scopes.${index}`, code: 'UNKNOWN_SCOPE', message }
  }
}

function* checkTexts({ name, description = '' }: KeyRequest): Generator<FieldProblem> {
  if (name.trim() === '' || name.length > 200 || !isPlainLine(name)) {
    yield invalid('name', 'must be 1 to 200 characters of well-formed Unicode, without control characters')
  }
  if (description.length > 1000 || !isPlainText(description)) {
    yield invalid('description', 'must be at most 1000 characters of well-formed Unicode, without control characters')
  }
}

function* checkEnvironment(environment: string | undefined, allowed: readonly string[]): Generator<FieldProblem> {
  if (environment === undefined || allowed.includes(environment)) return
  const choice = allowed.length === 0 ? 'no environments are configured' : `must be one of: ${allowed.join(', ')}`
  yield invalid('environment', choice)
}

function* checkExpiry(days: number | null): Generator<FieldProblem> {
  if (days === null || (Number.isInteger(days) && days >= 1 && days <= 3650)) return
  yield invalid('expires_in_days', 'must be a whole number from 1 to 3650')
}

function* checkAddresses(addresses: readonly string[]): Generator<FieldProblem> {
  if (addresses.length > listMax) yield invalid('allowed_ips', `must be at most ${listMax}`)
  for (const [index, address] of addresses.slice(0, listMax).entries()) {
    if (!isCidr(address)) yield invalid(`allowed_ips.${index}`, `${quote(address)} is not an address or CIDR`)
  }
}

function* checkGrants({ projectId, workspaceIds = [] }: KeyRequest): Generator<FieldProblem> {
  if (workspaceIds.length > listMax) yield invalid('workspace_ids', `must be at most ${listMax}`)
  if (projectId !== undefined && workspaceIds.length > 0) {
    yield invalid('workspace_ids', 'must be left out when project_id is given: such a key is bound to that one')
  }
}

function* checkRateLimit(limit: RateLimitSetting | null): Generator<FieldProblem> {
  if (!limit) return
  const { requests, perMs } = limit
  if (!Number.isInteger(requests) || requests < 1 || requests > 1_000_000_000) {
    yield invalid('rate_limit.requests', 'must be a whole number from 1 to 1000000000')
  }
  if (!Number.isInteger(perMs) || perMs < 1000 || perMs > 366 * dayMs) {
    yield invalid('rate_limit.per', 'must be from 1s to 366d')
  }
}

function* checkMetadata(metadata: Metadata): Generator<FieldProblem> {
  if (JSON.stringify(metadata).length > 8192) yield invalid('metadata', 'must be at most 8 KiB as JSON')
}

function newKey(
  request: KeyRequest,
  { rules, clock, organizationId }: CreateKeyOptions,
  environment: string | null,
): Omit<NewKey, 'secret'> {
  const days = request.expiresInDays ?? null
  return {
    organizationId,
    name: request.name,
    description: request.description ?? '',
    environment,
    scopes: [...new Set(request.scopes ?? rules.defaultScopes)],
    expiresAt: days === null ? (request.expiresAt ?? null) : clock.now() + days * dayMs,
    projectId: request.projectId ?? null,
    allowedIps: request.allowedIps ?? [],
    rateLimit: request.rateLimit ?? null,
    serviceAccountId: request.serviceAccountId ?? null,
    metadata: request.metadata ?? {},
  }
}

/** At most `listMax` look-ups, however many ids came. */
function namedWorkspaces({ projectId, workspaceIds = [] }: KeyRequest): [path: string, id: string][] {
  const grants = workspaceIds.slice(0, listMax).map((id, index): [string, string] => [`workspace_ids.${index}`, id])
  return projectId === undefined ? grants : [['project_id', projectId], ...grants]
}

const listMax = 100
const dayMs = 86_400_000

const invalid = (path: string, message: string): FieldProblem => ({ path, code: 'VALIDATION_FAILED', message })
const missing = (path: string, message: string): FieldProblem => ({ path, code: 'NOT_FOUND', message })
const quote = (text: string): string => JSON.stringify(text.slice(0, 100))
const declaredText = (declared: readonly string[]): string =>
  declared.length === 0
    ? 'The configuration declares no scopes.'
    : `Declared are: ${declared.slice(0, 50).join(', ')}${declared.length > 50 ? ', …' : ''}.`
