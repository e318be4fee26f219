import { useQueryClient } from '@tanstack/react-query'
import type { paths } from '../../../../docs/reference/openapi.d.ts'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'

type NewKey =
  paths['/platform/organizations/{organization_id}/api-keys']['post']['requestBody']['content']['application/json']

/** Makes a key, and no second one when the same is tried again. */
export function useCreateKey(organizationId: string): (key: NewKey) => Promise<Schema<'ApiKeyCreatedResponse'>> {
  const client = useQueryClient()
  const once = useOnce()
  return async (body) => {
    const created = await once(body, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/api-keys', {
          params: { path: { organization_id: organizationId }, header },
          body,
        }),
      ),
    )
    void client.invalidateQueries({ queryKey: ['keys', organizationId] })
    return created
  }
}
