import { useQuery } from '@tanstack/react-query'
import { useRef } from 'react'
import { api, ok } from '../../api/client.ts'
import type { Webhook } from '../webhooks/webhook-types.tsx'
import type { Delivery } from './deliveries-card.tsx'

/** The one of an address, wherever it stands: also where the list has not come to it yet, or a filter leaves it out. */
export function useDelivery(
  { organization_id, id }: Webhook,
  deliveryId: string,
  /** The one, where the list has it. */
  found: Delivery | undefined,
) {
  // Others come before it: whoever reads it keeps it.
  const kept = useRef<Delivery | undefined>(undefined)
  if (found !== undefined) kept.current = found
  const atHand = kept.current?.id === deliveryId ? kept.current : undefined
  const query = useQuery({
    queryKey: ['deliveries', organization_id, id, 'one', deliveryId],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/webhooks/{webhook_id}/deliveries/{delivery_id}', {
          params: { path: { organization_id, webhook_id: id, delivery_id: deliveryId } },
          signal,
        }),
      ),
    enabled: deliveryId !== '' && found === undefined,
    // Until it is over there is more to come.
    refetchInterval: ({ state }) => (state.data?.finished_at === null ? 2000 : false),
  })
  return { delivery: found ?? query.data ?? atHand, error: query.error, retry: () => void query.refetch() }
}
