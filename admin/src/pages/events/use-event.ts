import { useQuery } from '@tanstack/react-query'
import { useRef } from 'react'
import { api, ok } from '../../api/client.ts'
import type { Event } from './event-words.ts'

/** The one of an address, wherever it stands: also where the list has not come to it yet, or a filter leaves it out. */
export function useEvent(scope: string | undefined, eventId: string, found: Event | undefined) {
  // Others come before it: whoever reads it keeps it.
  const kept = useRef<Event | undefined>(undefined)
  if (found !== undefined) kept.current = found
  const atHand = kept.current?.id === eventId ? kept.current : undefined
  const query = useQuery({
    queryKey: ['event', scope ?? 'all', eventId],
    queryFn: ({ signal }) =>
      ok(
        scope === undefined
          ? api.GET('/platform/events/{event_id}', { params: { path: { event_id: eventId } }, signal })
          : api.GET('/platform/organizations/{organization_id}/events/{event_id}', {
              params: { path: { organization_id: scope, event_id: eventId } },
              signal,
            }),
      ),
    enabled: eventId !== '' && atHand === undefined,
    // What has happened stays as it is.
    staleTime: Number.POSITIVE_INFINITY,
  })
  return { event: atHand ?? query.data, error: query.error, retry: () => void query.refetch() }
}
