import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'

export type Health = Schema<'Health'>

/** For root. */
export function useHealth() {
  return useQuery({
    queryKey: ['health'],
    queryFn: ({ signal }) => ok(api.GET('/platform/health', { signal })),
    refetchInterval: 10_000,
    staleTime: 5000,
  })
}

/** What is not as it should be, in words; empty: all is well. */
export function troublesOf({ checks, store, redis, limiter, upstreams, request_log, config, nodes }: Health): string[] {
  const down = upstreams.flatMap(({ name, targets }) =>
    targets.filter(({ up }) => !up).map(({ url }) => `The upstream ${name} does not answer at ${url}.`),
  )
  const behind = nodes.live - nodes.acknowledged
  return [
    ...(store.up ? [] : ['The store does not answer.']),
    ...Object.entries(checks)
      .filter(([name]) => name !== 'store' || store.up)
      .map(([name, what]) => `Not ready: ${name} ${what}.`),
    ...(redis?.up === false || limiter.degraded
      ? ['Redis does not answer: for rate limits holds what redis_failure says.']
      : []),
    ...down,
    ...(request_log.dropped > 0
      ? [`${request_log.dropped.toLocaleString('en')} rows of the request log were lost since the start.`]
      : []),
    ...(behind > 0 ? [`${behind} of ${nodes.live} nodes may still hold what was changed.`] : []),
    ...(config.last_reload?.result === 'rejected' ? ['The last reload of the configuration was rejected.'] : []),
  ]
}
