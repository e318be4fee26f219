import { apiKeyRecord, keyStatus } from '../admin-api/records.ts'
import { systemClock } from '../clock.ts'
import { formatDuration } from '../config/duration.ts'
import type { Config } from '../config/schema.ts'
import type { FreshSecret } from '../keys/create.ts'
import { compileKeyFormats, type KeyFormats } from '../keys/format.ts'
import { sealInto } from '../keys/seal-secret.ts'
import type { Secret } from '../keys/secret.ts'
import type { ApiKey, Store } from '../store/store.ts'
import { openBox } from './open-store.ts'
import { facts, print, printJson } from './output.ts'

/** Makes secrets in the format that the configuration asks for, with their encrypted copy where it wants one. */
export async function secretsFrom(config: Config, store: Store): Promise<(environment: string | null) => FreshSecret> {
  const formats = await formatsFrom(config, store)
  return (environment) => formats.generate(environment)
}

/** The formats of keys that the configuration names. */
export const formatsFrom = async (config: Config, store: Store): Promise<KeyFormats> =>
  compileKeyFormats(config.keys, config.keys.reveal ? sealInto(await openBox(config, store)) : undefined)

/** The one place of the command line that shows a secret: right after it was made, to whoever asked for it. */
export function printSecret(shown: { key: ApiKey; secret: Secret; config: Config; json: boolean }): void {
  const { key, secret, config, json } = shown
  const now = systemClock.now()
  if (json) {
    printJson({ key: apiKeyRecord(key, now), raw_key: secret.reveal() })
    return
  }
  print(
    describeKey(key, now),
    '',
    `  ${secret.reveal()}`,
    '',
    config.keys.reveal
      ? `"sallyport keys reveal ${key.id}" shows it again. Try it:`
      : 'Store it now: it is not shown again. Try it:',
    '',
    `  curl -H "Authorization: Bearer ${secret.reveal()}" ${dataPlaneUrl(config)}${config.me.path}`,
  )
}

/** What there is to know of a key, without its secret. @param more facts for whoever asked for this key alone. */
export function describeKey(key: ApiKey, now: number, more: readonly [string, string][] = []): string {
  const older = key.secrets.slice(1).filter(({ expiresAt }) => expiresAt !== null && expiresAt > now)
  return facts([
    ['Key', key.id],
    ['Name', key.name],
    ['Organization', key.organizationId],
    ['Status', keyStatus(key, now)],
    ['Scopes', key.scopes.join(' ') || 'none'],
    ['Environment', key.environment ?? '-'],
    ['Expires', key.expiresAt === null ? 'never' : new Date(key.expiresAt).toISOString()],
    ...optional('Bound to', key.projectId),
    ...optional('Workspaces', key.workspaces.map(({ id, externalId }) => externalId ?? id).join(' ')),
    ...optional('Allowed from', key.allowedIps.join(' ')),
    ...optional('Rate limit', key.rateLimit && `${key.rateLimit.requests}/${formatDuration(key.rateLimit.perMs)}`),
    ...older.map(({ keyPrefix, keySuffix, expiresAt }): [string, string] => [
      'Old secret',
      `${keyPrefix}…${keySuffix} valid until ${new Date(expiresAt ?? now).toISOString()}`,
    ]),
    ...optional('Revoked', key.revokedReason),
    ...more,
  ])
}

/** What matters when one looks for a key that turned up somewhere, or for whoever made it. */
export const keyDetails = (key: ApiKey): [string, string][] => [
  ['Secret', `${key.secrets[0]?.keyPrefix ?? ''}…${key.secrets[0]?.keySuffix ?? ''}`],
  ...optional('Description', key.description),
  ...optional('Owner', key.serviceAccountId),
  ...optional('Metadata', Object.keys(key.metadata).length === 0 ? null : JSON.stringify(key.metadata)),
  ...optional('System', key.system ? 'yes' : null),
  ['Created', new Date(key.createdAt).toISOString()],
  ['Last used', key.lastUsedAt === null ? 'never' : new Date(key.lastUsedAt).toISOString()],
]

const optional = (name: string, value: string | null): [string, string][] => (value ? [[name, value]] : [])

/** Where a caller on this machine reaches the gateway. */
function dataPlaneUrl({ listen, tls }: Config): string {
  const host = listen.host === '0.0.0.0' || listen.host === '::' ? '127.0.0.1' : listen.host
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}
