import type { Config } from '../config/schema.ts'
import type { KeyRecord } from '../store/store.ts'

type Fact = keyof Config['context']['headers']

const presets: Record<Config['context']['preset'], Record<Fact, string>> = {
  sallyport: {
    org_id: 'X-Org-Id',
    org_name: 'X-Org-Name',
    key_id: 'X-Key-Id',
    key_name: 'X-Key-Name',
    key_scopes: 'X-Key-Scopes',
    key_environment: 'X-Key-Environment',
    workspace_id: 'X-Workspace-Id',
    service_account_id: 'X-Service-Account-Id',
  },
  kong: {
    org_id: 'X-Consumer-ID',
    org_name: 'X-Consumer-Username',
    key_id: 'X-Credential-Identifier',
    key_name: 'X-Key-Name',
    key_scopes: 'X-Key-Scopes',
    key_environment: 'X-Key-Environment',
    workspace_id: 'X-Workspace-Id',
    service_account_id: 'X-Service-Account-Id',
  },
}

/** Names of the headers that tell the API who is calling, by preset and by the file's own names. */
export function identityNames(context: Config['context']): Record<Fact, string> {
  const names = { ...presets[context.preset] }
  for (const [fact, name] of Object.entries(context.headers)) if (name !== undefined) names[fact as Fact] = name
  return names
}

/**
 * @returns a function from a key to its headers, flat name-value pairs. The list is shared between requests: copy, don't change.
 */
export function compileIdentity(names: Record<Fact, string>): (key: KeyRecord) => readonly string[] {
  const made = new WeakMap<KeyRecord, readonly string[]>()
  return (key) => {
    const seen = made.get(key)
    if (seen !== undefined) return seen
    const headers = [
      ...[names.org_id, key.organization.id, names.org_name, encodeText(key.organization.name)],
      ...[names.key_id, key.keyId, names.key_name, encodeText(key.name), names.key_scopes, key.scopes.join(' ')],
    ]
    if (key.environment !== null) headers.push(names.key_environment, key.environment)
    if (key.serviceAccountId !== null) headers.push(names.service_account_id, key.serviceAccountId)
    made.set(key, headers)
    return headers
  }
}

/** Percent-encoded UTF-8 of everything that is not a token character: a name can't end a header or forge another. */
const encodeText = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/[()]/g, (character) => (character === '(' ? '%28' : '%29'))
