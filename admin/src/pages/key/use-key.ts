import { useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ok, whole } from '../../api/client.ts'
import { useRole } from '../../api/session.tsx'
import { type ApiKey, keyAccess } from '../keys/use-owners.ts'

/** A key, with the tag that says whether somebody has changed it since. */
export function useKey(organizationId: string, keyId: string) {
  return useQuery({
    queryKey: ['key', organizationId, keyId],
    enabled: organizationId !== '' && keyId !== '',
    queryFn: async ({ signal }) => {
      const { data, response } = await whole(
        api.GET('/platform/organizations/{organization_id}/api-keys/{key_id}', {
          params: { path: { organization_id: organizationId, key_id: keyId } },
          signal,
        }),
      )
      return { key: data, etag: response.headers.get('etag') ?? '*' }
    },
    // Two secrets: somebody waits for the old one to fall out of use.
    refetchInterval: ({ state }) => ((state.data?.key.secrets.length ?? 0) > 1 ? 10_000 : 60_000),
  })
}

/** After a change of a key: everything that shows it. */
export function useKeyChanged({ organization_id, id }: ApiKey): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    void client.invalidateQueries({ queryKey: ['keys', organization_id] })
    await client.invalidateQueries({ queryKey: ['key', organization_id, id] })
  }
}

/** The service account that owns a key, and what one may do with the key. */
export function useKeyOwner(key: ApiKey) {
  const role = useRole(key.organization_id)
  const account = useQuery({
    queryKey: ['service-account', key.organization_id, key.service_account_id],
    enabled: key.service_account_id !== null,
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/service-accounts/{sa_id}', {
          params: { path: { organization_id: key.organization_id, sa_id: key.service_account_id ?? '' } },
          signal,
        }),
      ),
    staleTime: 60_000,
  }).data
  return { account, ...keyAccess(role, key, account) }
}
