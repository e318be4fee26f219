import { Anchor, Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { ApiError, api, ok } from '../api/client.ts'
import { useMay, useMe, useSettings } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Page } from '../components/page.tsx'
import { exactTime } from '../components/time.tsx'
import { useOrganization } from '../shell/organization-switcher.tsx'
import { useScope } from '../shell/use-organization.ts'
import { curlLine } from './keys/curl-line.ts'
import { HealthAlert } from './overview/health-alert.tsx'
import { HealthCards } from './overview/health-cards.tsx'
import { RangeBar } from './overview/range-bar.tsx'
import { Tiles } from './overview/tiles.tsx'
import { TopTables } from './overview/top-tables.tsx'
import { TrafficCharts } from './overview/traffic-charts.tsx'
import { type Bucket, intervalFor, ranges, useAnalytics, useView } from './overview/view.ts'

/** What goes through the gateway: of one organization, or of all of them with how the gateway itself is. */
export default function OverviewPage() {
  const organizationId = useScope()
  const { is_root: isRoot } = useMe()
  const organization = useOrganization(organizationId)
  const view = useView()
  const isThere = !organization.isError
  const totals = useAnalytics(organizationId, view, 'total', isThere)
  const total = totals.data?.[0]
  const interval = total === undefined ? undefined : intervalFor(total.requests, view)
  const asked = {
    totals,
    time: useAnalytics(organizationId, view, 'time', isThere),
    took: useAnalytics(organizationId, view, 'time', isThere && interval !== undefined, interval),
    codes: useAnalytics(organizationId, view, 'code', isThere),
    keys: useAnalytics(organizationId, view, 'key', isThere),
    routes: useAnalytics(organizationId, view, 'route', isThere),
  }
  const failed = Object.values(asked).find(({ isError, data }) => isError && data === undefined)
  const base = organizationId === undefined ? '/requests' : `/o/${organizationId}/requests`
  const toRequests = (filter: Record<string, string>): string =>
    `${base}?${new URLSearchParams({ ...filter, ...(view.part ?? { range: view.range }) })}`

  if (organization.error instanceof ApiError && organization.error.status === 404) return <NoSuchOrganization />
  const { data: buckets } = asked.time
  return (
    <Page
      title={organizationId === undefined ? 'Overview' : (organization.data?.name ?? 'Overview')}
      about={
        view.part === undefined
          ? `What came through in ${ranges[view.range].text}${organizationId === undefined ? ', in all organizations' : ''}.`
          : `What came through from ${exactTime(view.part.since)} to ${exactTime(view.part.until)}.`
      }
      badges={organization.data?.status === 'suspended' && <Status of="suspended" />}
      actions={
        <RangeBar view={view} onSave={buckets && (() => saveCsv('requests-over-time.csv', csvColumns, buckets))} />
      }
    >
      {organizationId === undefined && isRoot && (
        <>
          <HealthAlert />
          <FirstOrganization />
        </>
      )}
      {failed !== undefined ? (
        <ErrorNote
          error={failed.error}
          retry={() => {
            for (const one of Object.values(asked)) void one.refetch()
          }}
        />
      ) : (
        <>
          <Tiles total={total} />
          {total?.requests === 0 && <NothingYet organizationId={organizationId} />}
          {total?.requests !== 0 && (
            <>
              <TrafficCharts
                buckets={buckets}
                took={asked.took.data}
                total={total}
                codes={asked.codes.data}
                toRequests={toRequests}
                view={view}
              />
              <TopTables
                keys={asked.keys.data}
                routes={asked.routes.data}
                organizationId={organizationId}
                toRequests={toRequests}
              />
            </>
          )}
        </>
      )}
      {organizationId === undefined && isRoot && <HealthCards />}
    </Page>
  )
}

function NothingYet({ organizationId }: { organizationId: string | undefined }) {
  const mayMakeKeys = useMay(organizationId, 'admin')
  const settings = useSettings().data
  return (
    <Card>
      <Empty
        icon="overview"
        title="No requests in this time"
        {...(settings?.data_url != null && { code: curlLine('<your key>', settings) ?? '' })}
        action={
          organizationId !== undefined &&
          mayMakeKeys && (
            <Button component={Link} href={`/welcome?org=${organizationId}`} variant="default" mt="xs">
              Make a key and send a first request
            </Button>
          )
        }
      >
        What callers send with a key stands here a moment later: how much, what was refused and why, and how long it
        took. Look further back, or send one:
      </Empty>
    </Card>
  )
}

/** A gateway without organizations has nothing to show: the way on. */
function FirstOrganization() {
  const { data } = useQuery({
    queryKey: ['organizations', 'first'],
    queryFn: ({ signal }) => ok(api.GET('/platform/organizations', { params: { query: { limit: '1' } }, signal })),
    staleTime: 60_000,
  })
  if (data?.length !== 0) return null
  return (
    <Card>
      <Empty
        icon="building"
        title="There is no organization yet"
        action={
          <Button component={Link} href="/welcome" mt="xs">
            Go on with the set-up
          </Button>
        }
      >
        Keys belong to an organization. With the first of each, requests can go through.
      </Empty>
    </Card>
  )
}

const NoSuchOrganization = () => (
  <Page title="There is no such organization">
    <Card>
      <Empty
        icon="building"
        title="Nothing to see here"
        action={
          <Anchor component={Link} href="/organizations" size="sm">
            The organizations that you can see
          </Anchor>
        }
      >
        It was deleted, or you are not a member of it any more.
      </Empty>
    </Card>
  </Page>
)

const csvColumns: Record<string, (bucket: Bucket) => unknown> = {
  at: ({ at }) => at,
  requests: ({ requests }) => requests,
  denied: ({ denied }) => denied,
  limited: ({ limited }) => limited,
  errors: ({ errors }) => errors,
  bytes_in: ({ bytes_in }) => bytes_in,
  bytes_out: ({ bytes_out }) => bytes_out,
  p50_ms: ({ p50_ms }) => p50_ms,
  p95_ms: ({ p95_ms }) => p95_ms,
  p99_ms: ({ p99_ms }) => p99_ms,
}
