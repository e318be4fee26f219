import { apiKeyRecord, keyStatus } from '../admin-api/records.ts'
import { systemClock } from '../clock.ts'
import { formatDuration } from '../config/duration.ts'
import type { Config } from '../config/schema.ts'
import type { FreshSecret } from '../keys/create.ts'
import { compileKeyFormats } from '../keys/format.ts'
import { sealInto } from '../keys/seal-secret.ts'
import type { Secret } from '../keys/secret.ts'
import type { ApiKey, Store } from '../store/store.ts'
import { openBox } from './open-store.ts'
import { facts, print, printJson } from './output.ts'

/** Makes secrets in the format that the configuration asks for, with their encrypted copy where it wants one. */
export async function secretsFrom(config: Config, store: Store): Promise<(environment: string | null) => FreshSecret> {
  const seal = config.keys.reveal ? sealInto(await openBox(config, store)) : undefined
  const formats = compileKeyFormats(config.keys, seal)
  return (environment) => formats.generate(environment)
}

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

/** What there is to know of a key, without its secret. */
export function describeKey(key: ApiKey, now: number): string {
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
  ])
}

const optional = (name: string, value: string | null): [string, string][] => (value ? [[name, value]] : [])

/** Where a caller on this machine reaches the gateway. */
function dataPlaneUrl({ listen, tls }: Config): string {
  const host = listen.host === '0.0.0.0' || listen.host === '::' ? '127.0.0.1' : listen.host
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}
