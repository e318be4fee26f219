import { SimpleGrid, Skeleton } from '@mantine/core'
import { useMemo } from 'react'
import { Card } from '../../components/card.tsx'
import { Chart, roughly } from '../../components/chart.tsx'
import { outcomeSeries, type Series } from '../../components/series.ts'
import { Denials } from './denials.tsx'
import type { Bucket, View, ViewState } from './view.ts'

const height = 210

/** What came of requests over time, why some were refused, and how long they took. */
export function TrafficCharts({
  buckets,
  took,
  total,
  codes,
  toRequests,
  view,
}: {
  buckets: readonly Bucket[] | undefined
  /** The same time, in intervals with so many requests that something can be said of how long they took. */
  took: readonly Bucket[] | undefined
  total: Bucket | undefined
  codes: readonly Bucket[] | undefined
  toRequests: (filter: Record<string, string>) => string
  view: ViewState
}) {
  const times = useMemo(() => timesOf(buckets), [buckets])
  const outcomes = useMemo(() => outcomeSeries(buckets ?? []), [buckets])
  const tookTimes = useMemo(() => timesOf(took), [took])
  const latencies = useMemo(() => latenciesOf(took ?? []), [took])
  const zoom = (since: number, until: number): void => view.zoom({ since, until })
  return (
    <>
      <Card title="Requests" about="Drag over a part to look closer.">
        {buckets === undefined ? (
          <Skeleton h={height + 30} />
        ) : (
          <Chart
            label={outcomesText(total, view)}
            times={times}
            series={outcomes}
            kind="bars"
            height={height}
            onZoom={zoom}
            together="overview"
          />
        )}
      </Card>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Denials codes={codes} toRequests={toRequests} />
        <Card title="How long they took" about="To the last byte of the answer.">
          {took === undefined ? (
            <Skeleton h={height + 30} />
          ) : (
            <Chart
              label={latenciesText(total)}
              times={tookTimes}
              series={latencies}
              kind="lines"
              format={roughly}
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

const timesOf = (buckets: readonly Bucket[] | undefined): number[] =>
  (buckets ?? []).map(({ at }) => Date.parse(at ?? '') / 1000)

/** The slowest at the back, the usual in front: shades of one colour, which stands for no outcome. */
const latenciesOf = (buckets: readonly Bucket[]): Series[] => [
  { label: 'p99: 99 % took at most', color: 'harbour', shades: [2, 8], values: buckets.map(({ p99_ms }) => p99_ms) },
  { label: 'p95', color: 'harbour', shades: [4, 6], values: buckets.map(({ p95_ms }) => p95_ms) },
  { label: 'p50: half of them', color: 'harbour', shades: [8, 2], values: buckets.map(({ p50_ms }) => p50_ms) },
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
