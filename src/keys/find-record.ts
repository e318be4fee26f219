import type { ApiKey, KeyRecord, Organization, Store } from '../store/store.ts'

/**
 * The key as a request with its newest secret would find it, for questions about a request that nobody sends.
 * @returns undefined when there is no such key.
 */
export async function findKeyRecord(
  store: Pick<Store, 'locateKey' | 'findKey' | 'findOrganization' | 'findServiceAccount'>,
  keyId: string,
): Promise<KeyRecord | undefined> {
  const organizationId = await store.locateKey(keyId)
  if (organizationId === undefined) return undefined
  const [key, organization] = await Promise.all([
    store.findKey(organizationId, keyId),
    store.findOrganization(organizationId),
  ])
  if (!key || !organization) return undefined
  const account =
    key.serviceAccountId === null ? undefined : await store.findServiceAccount(organizationId, key.serviceAccountId)
  return recordOf(key, organization, key.serviceAccountId === null || account?.isActive === true)
}

function recordOf(key: ApiKey, organization: Organization, serviceAccountActive: boolean): KeyRecord {
  const { id: keyId, secrets, ...same } = key
  const newest = secrets[0]
  return {
    ...same,
    keyId,
    secretId: newest?.id ?? '',
    secretExpiresAt: newest?.expiresAt ?? null,
    keyPrefix: newest?.keyPrefix ?? '',
    serviceAccountActive,
    organization,
  }
}
