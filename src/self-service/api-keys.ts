import type { Clock } from '../clock.ts'
import { compileCidrs } from '../config/cidr.ts'
import { keysManage } from '../config/grantable.ts'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Finish } from '../gateway/finish.ts'
import { checkKeyRequest, createKey, type FieldProblem, keyRules } from '../keys/create.ts'
import type { KeyFormats } from '../keys/format.ts'
import { holdsScope } from '../keys/scopes.ts'
import type { ActingKey, Actor, ApiKey, KeyRecord, Store } from '../store/store.ts'
import { beyond } from './beyond.ts'
import { readCreation, wantedBy } from './creation.ts'
import { createHandler, type Outcome } from './handler.ts'
import { readBody } from './read-body.ts'

export interface ApiKeysDependencies {
  readonly store: Pick<
    Store,
    'listKeys' | 'findKey' | 'createKey' | 'deleteKey' | 'findWorkspace' | 'findServiceAccount'
  >
  readonly clock: Pick<Clock, 'now'>
  readonly events: Pick<Events, 'fault'>
  readonly formats: () => KeyFormats
}

/**
 * `/tenants/me/api-keys`: a key that holds `keys:manage` lists, makes and deletes keys of its organization. It can't reach
 * beyond itself, and keys of the platform are not in its hands. Answers `{success, data}`, names in camelCase.
 */
export function createApiKeys({ store, clock, events, formats }: ApiKeysDependencies): Finish['selfService'] {
  return (config) => {
    const handler = createHandler(config, events)
    return {
      list: handler(list),
      create: handler((exchange, key) => create(exchange, key, config)),
      remove: handler(remove),
    }
  }

  /** All that are active, newest first; an organization with very many gets them in parts, and who asks for parts too. */
  async function list({ query, path }: Exchange, { organization }: KeyRecord): Promise<Outcome> {
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

  async function create(exchange: Exchange, key: KeyRecord, config: Config): Promise<Outcome> {
    // Whoever has a secret that is on its way out must not live on in a key that it has made.
    if (key.secretExpiresAt !== null) return { refused: 'FORBIDDEN', detail: rotated }
    const read = await readBody(exchange, exchange.bodyBytesMax, config.timeouts.body_idle)
    if ('refused' in read) return read.refused === 'GONE' ? 'gone' : { refused: read.refused }
    const body = readCreation(read.bytes, exchange.raw.headers, formats().containsKey)
    if ('refused' in body) return body

    const rules = keyRules(config)
    const wanted = wantedBy(key, body, rules, clock.now())
    if (wanted === undefined) return { refused: 'NOT_FOUND', detail: 'This key reaches no such workspace.' }
    const problems = checkKeyRequest(wanted.request, rules)
    if (problems.length > 0) return refusedFor(problems)
    const excess = beyond(key, wanted.rights)
    if (excess !== undefined) return { refused: 'FORBIDDEN', detail: `The new key would have ${excess}.` }

    const made = await createKey(wanted.request, {
      ...{ store, rules, clock, organizationId: key.organization.id, actor: actorOf(exchange, key) },
      generate: (environment) => formats().generate(environment),
      by: acting(exchange, key, (own) => beyond(own, wanted.rights) === undefined),
    })
    if (!made.ok) return refusedFor(made.problems)
    const { id, name, ...rest } = listed(made.key)
    return { status: 201, data: { id, name, key: made.secret.reveal(), ...rest } }
  }

  async function remove(exchange: Exchange, key: KeyRecord): Promise<Outcome> {
    const { id: organizationId } = key.organization
    const keyId = exchange.params.key_id ?? ''
    const target = await store.findKey(organizationId, keyId)
    // What the list does not show is not there.
    if (target === undefined || !isActive(target, clock.now())) return missing
    if (target.system) return { refused: 'FORBIDDEN', detail: 'This key belongs to the platform.' }
    const excess = beyond(key, target)
    if (excess !== undefined) return { refused: 'FORBIDDEN', detail: `That key has ${excess}.` }

    const by = acting(exchange, key, (own, current) => !current?.system && beyond(own, current ?? target) === undefined)
    const isDeleted = await store.deleteKey(organizationId, keyId, actorOf(exchange, key), by)
    return isDeleted ? { status: 200, data: null } : missing
  }
}

/** The caller's key once more, as it is in the transaction: its request may have taken long. */
const acting = ({ address }: Exchange, { keyId, secretId }: KeyRecord, may: ActingKey['holds']): ActingKey => ({
  keyId,
  secretId,
  holds: (own, target) =>
    holdsScope(own.scopes, keysManage) &&
    (own.allowedIps.length === 0 || compileCidrs(own.allowedIps)(address)) &&
    may(own, target),
})

const actorOf = ({ requestId }: Exchange, { keyId }: KeyRecord): Actor => ({ type: 'api_key', id: keyId, requestId })

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
