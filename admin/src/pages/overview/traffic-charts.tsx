import { SimpleGrid, Skeleton } from '@mantine/core'
import { useMemo } from 'react'
import { Card } from '../../components/card.tsx'
import { Chart } from '../../components/chart.tsx'
import { Denials } from './denials.tsx'
import type { Bucket, View, ViewState } from './view.ts'

const height = 220

/** What came of requests over time, why some were refused, and how long they took. */
export function TrafficCharts({
  buckets,
  total,
  codes,
  toRequests,
  view,
}: {
  buckets: readonly Bucket[] | undefined
  total: Bucket | undefined
  codes: readonly Bucket[] | undefined
  toRequests: (filter: Record<string, string>) => string
  view: ViewState
}) {
  const times = useMemo(() => (buckets ?? []).map(({ at }) => Date.parse(at ?? '') / 1000), [buckets])
  const outcomes = useMemo(() => outcomesOf(buckets ?? []), [buckets])
  const latencies = useMemo(() => latenciesOf(buckets ?? []), [buckets])
  const zoom = (since: number, until: number): void => view.zoom({ since, until })
  const per = intervalOf(times)
  return (
    <>
      <Card title="Requests" about={`${per === undefined ? '' : `Per ${per}. `}Drag over a part to look closer.`}>
        {buckets === undefined ? (
          <Skeleton h={height + 30} />
        ) : (
          <Chart
            label={outcomesText(total, view)}
            times={times}
            series={outcomes}
            height={height}
            onZoom={zoom}
            together="overview"
          />
        )}
      </Card>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Denials codes={codes} toRequests={toRequests} />
        <Card
          title="How long they took"
          about="Half of them took p50 at most, 95 % p95, 99 % p99; to the last byte of the answer."
        >
          {buckets === undefined ? (
            <Skeleton h={height + 30} />
          ) : (
            <Chart
              label={latenciesText(total)}
              times={times}
              series={latencies}
              unit=" ms"
              height={height}
              onZoom={zoom}
              together="overview"
            />
          )}
        </Card>
      </SimpleGrid>
    </>
  )
}

const outcomesOf = (buckets: readonly Bucket[]) => [
  { label: 'All', color: 'harbour', values: buckets.map(({ requests }) => requests), fill: true },
  { label: 'Denied', color: 'orange', values: buckets.map(({ denied }) => denied) },
  { label: 'Over a limit', color: 'grape', values: buckets.map(({ limited }) => limited) },
  { label: 'Errors', color: 'red', values: buckets.map(({ errors }) => errors) },
]

const latenciesOf = (buckets: readonly Bucket[]) => [
  { label: 'p50', color: 'teal', values: buckets.map(({ p50_ms }) => p50_ms) },
  { label: 'p95', color: 'harbour', values: buckets.map(({ p95_ms }) => p95_ms) },
  { label: 'p99', color: 'grape', values: buckets.map(({ p99_ms }) => p99_ms) },
]

function outcomesText(total: Bucket | undefined, { part }: View): string {
  if (total === undefined) return 'Requests over time'
  const { requests, denied, limited, errors } = total
  const when = part === undefined ? 'over time' : `from ${part.since} to ${part.until}`
  return `Requests ${when}: ${requests} in all, ${denied} denied, ${limited} over a limit, ${errors} errors`
}

function latenciesText(total: Bucket | undefined): string {
  if (total?.p50_ms == null) return 'How long requests took over time'
  return `How long requests took over time. In all: half of them ${total.p50_ms} ms, 95 % ${total.p95_ms} ms, 99 % ${total.p99_ms} ms at most`
}

const names: Readonly<Record<number, string>> = { 60: 'minute', 300: '5 minutes', 3600: 'hour', 86400: 'day' }

/** How long one point of the chart stands for. */
const intervalOf = ([first, second]: readonly number[]): string | undefined =>
  first === undefined || second === undefined ? undefined : names[second - first]
