import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useMe } from '../../api/session.tsx'
import { type StreamState, useStream } from '../../api/stream.ts'

export type Row = Schema<'RequestRecord'>

export interface FirstRequest {
  /** The last one with the key. */
  readonly row: Row | undefined
  /** For root: the last one whose key nobody knows, or that had none, since the page is open. */
  readonly stray: Row | undefined
  readonly state: StreamState
}

/**
 * Waits for a request with a key, live. The log is asked besides, for what came while nobody was listening; once one has
 * gone through, neither goes on.
 */
export function useFirstRequest(organizationId: string, keyId: string): FirstRequest {
  const { is_root: isRoot } = useMe()
  const [live, setLive] = useState<Row | undefined>(undefined)
  const [stray, setStray] = useState<Row | undefined>(undefined)
  const isThrough = (row: Row | undefined): boolean => row !== undefined && row.code === null
  const logged = useQuery({
    queryKey: ['requests', organizationId, 'first', keyId],
    queryFn: async ({ signal }) => {
      const params = { path: { organization_id: organizationId }, query: { key_id: keyId, limit: '1' } }
      const [row] = await ok(api.GET('/platform/organizations/{organization_id}/requests', { params, signal }))
      return row ?? null
    },
    refetchInterval: ({ state }) => (isThrough(state.data ?? undefined) || isThrough(live) ? false : 10_000),
    staleTime: 0,
  })
  const newest = later(live, logged.data ?? undefined)

  // Only root sees what belongs to no organization, as a request with a wrong key does.
  const url = isRoot
    ? '/platform/requests/stream'
    : `/platform/organizations/${organizationId}/requests/stream?key_id=${encodeURIComponent(keyId)}`
  const state = useStream<Row>(
    isThrough(newest) ? null : url,
    (row) => {
      if (row.key_id === keyId) setLive(row)
      else if (row.organization_id === null && row.status_code === 401) setStray(row)
    },
    'request',
  )
  const { refetch } = logged
  useEffect(() => {
    if (state === 'live') void refetch()
  }, [state, refetch])
  return { row: newest, stray, state }
}

const later = (one: Row | undefined, other: Row | undefined): Row | undefined =>
  one === undefined || (other !== undefined && other.at > one.at) ? other : one
