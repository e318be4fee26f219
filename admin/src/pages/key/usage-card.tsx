import { ActionIcon, Button, Group, SegmentedControl, SimpleGrid, Skeleton, Text, Tooltip } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { Card } from '../../components/card.tsx'
import { Chart, compact } from '../../components/chart.tsx'
import { saveCsv } from '../../components/csv.ts'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { outcomeSeries, outcomes } from '../../components/series.ts'
import { exactTime } from '../../components/time.tsx'
import { useQueryState } from '../../components/use-query-state.ts'
import type { ApiKey } from '../keys/use-owners.ts'

type Bucket = Schema<'AnalyticsBucket'>

const ranges: Record<string, { readonly label: string; readonly ms: number }> = {
  '24h': { label: '24 h', ms: 86_400_000 },
  '7d': { label: '7 d', ms: 7 * 86_400_000 },
  '30d': { label: '30 d', ms: 30 * 86_400_000 },
}

/** How much a key is used, and what comes of it. */
export function UsageCard({ apiKey: { id, organization_id, name } }: { apiKey: ApiKey }) {
  const [{ range, since, until }, change] = useQueryState(['range', 'since', 'until'])
  const { ms } = ranges[range] ?? { ms: 7 * 86_400_000 }
  const isZoomed = since !== '' && until !== ''
  const { data, error, refetch } = useQuery({
    queryKey: ['analytics', organization_id, 'key', id, range, since, until],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/analytics', {
          params: {
            path: { organization_id },
            query: {
              key_id: id,
              ...(isZoomed ? { since, until } : { since: new Date(Date.now() - ms).toISOString() }),
            },
          },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  })
  const plotted = useMemo(() => plot(data ?? []), [data])
  const { requests, denied, limited, errors } = totals(data ?? [])

  return (
    <Card
      title="Usage"
      about={isZoomed ? `${exactTime(since)} – ${exactTime(until)}` : 'Drag over a part to look closer.'}
      actions={
        <Group gap="xs">
          {isZoomed && (
            <Button size="xs" variant="subtle" onClick={() => change({ since: '', until: '' })}>
              Whole range
            </Button>
          )}
          <SegmentedControl
            size="xs"
            aria-label="Range"
            data={Object.entries(ranges).map(([value, { label }]) => ({ value, label }))}
            value={ranges[range] === undefined ? '7d' : range}
            onChange={(next) => change({ range: next === '7d' ? '' : next, since: '', until: '' })}
          />
          <Tooltip label="Save as CSV">
            <ActionIcon
              variant="default"
              aria-label="Save the figures as CSV"
              disabled={data === undefined}
              onClick={() => saveCsv('usage.csv', csvColumns, data ?? [])}
            >
              <Icon name="download" size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      }
    >
      {error !== null && data === undefined ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : (
        <>
          <SimpleGrid cols={{ base: 2, xs: 4 }} mb="sm">
            <Figure name="Requests" value={data && requests} />
            <Figure name={outcomes.denied.label} value={data && denied} />
            <Figure name={outcomes.limited.label} value={data && limited} />
            <Figure name={outcomes.errors.label} value={data && errors} />
          </SimpleGrid>
          {data === undefined ? (
            <Skeleton h={230} />
          ) : (
            <Chart
              label={`Requests of ${name} over time: ${requests} in all, ${denied} denied, ${limited} over a limit, ${errors} errors`}
              {...plotted}
              kind="bars"
              height={200}
              onZoom={(from, to) => change({ since: iso(from), until: iso(to) })}
            />
          )}
        </>
      )}
    </Card>
  )
}

const Figure = ({ name, value }: { name: string; value: number | undefined }) => (
  <div>
    <Text size="xs" className="quiet">
      {name}
    </Text>
    {value === undefined ? (
      <Skeleton h={24} w={60} mt={4} />
    ) : (
      <Text size="lg" fw={600} className="numbers" title={value.toLocaleString('en')}>
        {compact(value)}
      </Text>
    )}
  </div>
)

const plot = (buckets: readonly Bucket[]) => ({
  times: buckets.map(({ at }) => Date.parse(at ?? '') / 1000),
  series: outcomeSeries(buckets),
})

function totals(buckets: readonly Bucket[]) {
  const sum = { requests: 0, denied: 0, limited: 0, errors: 0 }
  for (const bucket of buckets) {
    sum.requests += bucket.requests
    sum.denied += bucket.denied
    sum.limited += bucket.limited
    sum.errors += bucket.errors
  }
  return sum
}

const csvColumns: Record<string, (bucket: Bucket) => unknown> = {
  at: ({ at }) => at,
  requests: ({ requests }) => requests,
  denied: ({ denied }) => denied,
  limited: ({ limited }) => limited,
  errors: ({ errors }) => errors,
  p50_ms: ({ p50_ms }) => p50_ms,
  p95_ms: ({ p95_ms }) => p95_ms,
  p99_ms: ({ p99_ms }) => p99_ms,
}

const iso = (seconds: number): string => new Date(Math.round(seconds) * 1000).toISOString()
