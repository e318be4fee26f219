import type { Clock } from '../clock.ts'
import { compileCidrs } from '../config/cidr.ts'
import { keysManage } from '../config/grantable.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { checkKeyRequest, createKey, type FieldProblem, keyRules } from '../keys/create.ts'
import type { KeyFormats } from '../keys/format.ts'
import { holdsScope } from '../keys/scopes.ts'
import {
  type ActingKey,
  type Actor,
  type ApiKey,
  type Store,
  StoreChanged,
  StoreConflict,
  StoreMissing,
  StoreUnavailable,
} from '../store/store.ts'
import { beyond } from './beyond.ts'
import type { AnswerCall, Call, Outcome } from './call.ts'
import { readCreation, wantedBy } from './creation.ts'

export interface ApiKeysDependencies {
  readonly store: Pick<
    Store,
    'listKeys' | 'findKey' | 'createKey' | 'deleteKey' | 'findWorkspace' | 'findServiceAccount'
  >
  readonly clock: Pick<Clock, 'now'>
  readonly events: Pick<Events, 'fault'>
  readonly config: () => Config
  readonly formats: () => KeyFormats
}

/**
 * `/tenants/me/api-keys`: a key that holds `keys:manage` lists, makes and deletes keys of its organization. It can't reach
 * beyond itself, and keys of the platform are not in its hands. Answers with names in camelCase. Never rejects.
 */
export function createApiKeys({ store, clock, events, config, formats }: ApiKeysDependencies): AnswerCall {
  const work = { list, create, remove }
  return async (call) => {
    try {
      return await work[call.operation](call)
    } catch (error) {
      return refusalOf(error, events)
    }
  }

  /** All that are active, newest first; an organization with very many gets them in parts, and who asks for parts too. */
  async function list({ query, path, key: { organization } }: Call): Promise<Outcome> {
    const asked = new URLSearchParams(query)
    const most = Number(asked.get('limit') ?? listMax)
    let before = asked.get('cursor') ?? undefined
    if (!Number.isInteger(most) || most < 1 || most > listMax) return invalid(`limit must be from 1 to ${listMax}`)
    if (before !== undefined && !/^key_\w{1,64}$/.test(before)) return invalid('cursor must be one from a Link header')
    const data: ReturnType<typeof listed>[] = []
    for (;;) {
      const limit = Math.min(pageSize, most - data.length)
      const page = { limit, ...(before !== undefined && { before }) }
      const keys = await store.listKeys(organization.id, { status: 'active' }, page)
      data.push(...keys.map(listed))
      before = keys.at(-1)?.id
      if (keys.length < limit) return { status: 200, data }
      if (data.length >= most) return { status: 200, data, next: `${path}?limit=${most}&cursor=${before}` }
    }
  }

  async function create(call: Call): Promise<Outcome> {
    const { key } = call
    // Whoever has a secret that is on its way out must not live on in a key that it has made.
    if (key.secretExpiresAt !== null) return { refused: 'FORBIDDEN', detail: rotated }
    const body = readCreation(call.body, call.headers, formats().containsKey)
    if ('refused' in body) return body

    const rules = keyRules(config())
    const wanted = wantedBy(key, body, rules, clock.now())
    if (wanted === undefined) return { refused: 'NOT_FOUND', detail: 'This key reaches no such workspace.' }
    const problems = checkKeyRequest(wanted.request, rules)
    if (problems.length > 0) return refusedFor(problems)
    const excess = beyond(key, wanted.rights)
    if (excess !== undefined) return { refused: 'FORBIDDEN', detail: `The new key would have ${excess}.` }

    const made = await createKey(wanted.request, {
      ...{ store, rules, clock, organizationId: key.organization.id, actor: actorOf(call) },
      generate: (environment) => formats().generate(environment),
      by: acting(call, (own) => beyond(own, wanted.rights) === undefined),
    })
    if (!made.ok) return refusedFor(made.problems)
    const { id, name, ...rest } = listed(made.key)
    return { status: 201, data: { id, name, key: made.secret.reveal(), ...rest } }
  }

  async function remove(call: Call): Promise<Outcome> {
    const { key, keyId } = call
    const { id: organizationId } = key.organization
    const target = await store.findKey(organizationId, keyId)
    // What the list does not show is not there.
    if (target === undefined || !isActive(target, clock.now())) return missing
    if (target.system) return { refused: 'FORBIDDEN', detail: 'This key belongs to the platform.' }
    const excess = beyond(key, target)
    if (excess !== undefined) return { refused: 'FORBIDDEN', detail: `That key has ${excess}.` }

    const by = acting(call, (own, current) => !current?.system && beyond(own, current ?? target) === undefined)
    const isDeleted = await store.deleteKey(organizationId, keyId, actorOf(call), by)
    return isDeleted ? { status: 200, data: null } : missing
  }
}

function refusalOf(error: unknown, events: Pick<Events, 'fault'>): Outcome {
  if (error instanceof StoreUnavailable) return { refused: 'KEY_STORE_UNAVAILABLE' }
  if (error instanceof StoreChanged) return { refused: 'FORBIDDEN', detail: 'This key may not do that any more.' }
  if (error instanceof StoreMissing) return { refused: 'NOT_FOUND' }
  if (error instanceof StoreConflict) return { refused: 'CONFLICT' }
  events.fault('self_service', error)
  return { refused: 'INTERNAL' }
}

/** The caller's key once more, as it is in the transaction: its request may have taken long. */
const acting = ({ address, key: { keyId, secretId } }: Call, may: ActingKey['holds']): ActingKey => ({
  keyId,
  secretId,
  holds: (own, target) =>
    holdsScope(own.scopes, keysManage) &&
    (own.allowedIps.length === 0 || compileCidrs(own.allowedIps)(address)) &&
    may(own, target),
})

const actorOf = ({ requestId, key }: Call): Actor => ({ type: 'api_key', id: key.keyId, requestId })

const isActive = ({ revokedAt, expiresAt }: ApiKey, now: number): boolean =>
  revokedAt === null && (expiresAt === null || expiresAt > now)

const listed = ({ id, name, secrets, createdAt, lastUsedAt }: ApiKey) => ({
  ...{ id, name },
  prefix: secrets[0]?.keyPrefix ?? '',
  createdAt: new Date(createdAt).toISOString(),
  lastUsedAt: lastUsedAt === null ? null : new Date(lastUsedAt).toISOString(),
})

/** Rules speak of fields as the admin API names them. */
function refusedFor(problems: readonly FieldProblem[]): Outcome {
  const codes = new Set(problems.map(({ code }) => code))
  const refused = codes.has('NOT_FOUND')
    ? 'NOT_FOUND'
    : codes.has('VALIDATION_FAILED')
      ? 'VALIDATION_FAILED'
      : 'UNKNOWN_SCOPE'
  const camelCase = (path: string): string => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const detail = problems.slice(0, problemsMax).map(({ path, message }) => `${camelCase(path)}: ${message}`)
  return { refused, detail: detail.join(' ') }
}

const invalid = (detail: string): Outcome => ({ refused: 'VALIDATION_FAILED', detail })
const missing: Outcome = { refused: 'NOT_FOUND' }
const rotated = 'This secret was rotated and ends soon; make keys with the new one.'
const pageSize = 200
const listMax = 5000
const problemsMax = 10
