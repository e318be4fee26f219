import { Button, Group, Tooltip } from '@mantine/core'
import { useMemo } from 'react'
import { requestsLookedAtMax } from '../../../src/store/basics.ts'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useSettings } from '../api/session.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { ListTable } from '../components/list-table.tsx'
import { LookBar, MoreToSee, NoneMatch } from '../components/look-further.tsx'
import { Page } from '../components/page.tsx'
import { type Look, useLookFurther } from '../components/use-look-further.ts'
import { useQueryState } from '../components/use-query-state.ts'
import { useScope } from '../shell/use-organization.ts'
import { curlLine } from './keys/curl-line.ts'
import { usePolicy } from './policy/use-policy.ts'
import { LiveBar } from './requests/live-bar.tsx'
import { csvColumns, type Row, requestColumns } from './requests/request-columns.tsx'
import { RequestDrawer } from './requests/request-drawer.tsx'
import { filterNames, listQuery, matchQuery, noFilters, RequestFilters } from './requests/request-filters.tsx'
import { useNames } from './requests/use-names.ts'
import { useTail } from './requests/use-tail.ts'

/** The request log of an organization, or of the whole instance. */
export default function RequestsPage() {
  const scope = useScope()
  const [{ request, live, ...filters }, change] = useQueryState([...filterNames, 'request', 'live'])
  const pages = usePages(
    ['requests', scope ?? 'all', filters],
    (page, signal) => {
      const query = { ...page, ...listQuery(filters) }
      return scope === undefined
        ? api.GET('/platform/requests', { params: { query }, signal })
        : api.GET('/platform/organizations/{organization_id}/requests', {
            params: { path: { organization_id: scope }, query },
            signal,
          })
    },
    { limit },
  )
  const isLive = live !== ''
  const look = useLookFurther(JSON.stringify([scope, filters]), pages, {
    ...{ limit, enabled: !isLive, what: 'requests', each: requestsLookedAtMax },
  })
  const tail = useTail(isLive ? streamUrl(scope, matchQuery(filters)) : null)
  const rows = useMemo(
    () => (isLive ? withTail(tail.rows, tail.isFull, pages.items) : pages.items),
    [isLive, tail, pages.items],
  )
  const names = useNames(rows, scope)
  const isFiltered = filterNames.some((name) => filters[name] !== '')
  const inForce = usePolicy().data?.routes ?? []
  const routes = [...inForce.map(({ path }) => path), ...rows.flatMap(({ route }) => (route === null ? [] : [route]))]

  return (
    <Page
      title={scope === undefined ? 'All requests' : 'Requests'}
      about={
        scope === undefined
          ? 'Every request that has reached the gateway, allowed or refused, also those that came without a key.'
          : 'Every request with a key of this organization, allowed or refused. Open one to see how it was decided.'
      }
      actions={
        <Button
          variant={isLive ? 'default' : 'filled'}
          leftSection={<Icon name={isLive ? 'cross' : 'play'} size={16} />}
          // Now has no range.
          onClick={() => change({ live: isLive ? '' : '1', range: '', since: '', until: '' })}
        >
          {isLive ? 'Stop following' : 'Follow live'}
        </Button>
      }
    >
      <RequestFilters
        organizationId={scope}
        routes={routes}
        filters={filters}
        onChange={(next) => change('range' in next ? { ...next, live: '' } : next)}
      />
      <Card flush>
        {!pages.query.isError && (
          <Group justify="space-between" px="md" py="xs" mih={48} gap="xs" wrap="nowrap">
            {isLive ? (
              <LiveBar tail={tail} />
            ) : (
              <LookBar look={look}>
                {pages.query.isPending
                  ? '…'
                  : rows.length === 0 && look.state !== 'none'
                    ? 'None so far'
                    : `${rows.length}${pages.query.hasNextPage ? ' newest' : ''} shown`}
              </LookBar>
            )}
            <Group gap="xs" wrap="nowrap">
              {!isLive && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  leftSection={<Icon name="refresh" size={14} />}
                  loading={pages.query.isRefetching}
                  onClick={() => void pages.query.refetch()}
                >
                  Refresh
                </Button>
              )}
              <Tooltip label={look.state === 'none' ? 'The rows that are shown' : 'The rows that were found so far'}>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  leftSection={<Icon name="download" size={14} />}
                  disabled={rows.length === 0}
                  onClick={() => saveCsv('requests.csv', csvColumns, rows)}
                >
                  CSV
                </Button>
              </Tooltip>
            </Group>
          </Group>
        )}
        <ListTable
          label="Requests"
          pages={{ items: rows, query: pages.query }}
          columns={requestColumns(names)}
          onOpen={({ id }) => change({ request: id })}
          ends
          empty={<Nothing isLive={isLive} isFiltered={isFiltered} look={look} onClear={() => change(noFilters)} />}
        />
        {rows.length > 0 && !(isLive && tail.isFull) && <MoreToSee look={look} query={pages.query} />}
      </Card>
      <RequestDrawer
        scope={scope}
        rowId={request}
        found={rows.find(({ id }) => id === request)}
        names={names}
        onClose={() => change({ request: '' })}
        onFilter={(next) => change({ ...noFilters, ...next, request: '' })}
      />
    </Page>
  )
}

const limit = 50

const streamUrl = (scope: string | undefined, query: Readonly<Record<string, string>>): string =>
  `/platform${scope === undefined ? '' : `/organizations/${scope}`}/requests/stream?${new URLSearchParams(query)}`

/** What came since on top of the list, each row once. With a gap between the two the list stays away. */
function withTail(tail: readonly Row[], isFull: boolean, list: readonly Row[]): readonly Row[] {
  const seen = new Set(tail.map(({ id }) => id))
  const all = isFull ? [...tail] : [...tail, ...list.filter(({ id }) => !seen.has(id))]
  return all.sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
}

function Nothing({
  isLive,
  isFiltered,
  look,
  onClear,
}: {
  isLive: boolean
  isFiltered: boolean
  look: Look
  onClear: () => void
}) {
  const settings = useSettings().data
  if (isFiltered && isLive) {
    return (
      <NoneMatch title="None so far" onClear={onClear}>
        The next one that matches appears here by itself.
      </NoneMatch>
    )
  }
  if (isFiltered || (!isLive && look.state !== 'none')) {
    return (
      <NoneMatch title="No request matches" look={look} onClear={onClear}>
        Try a longer time, or fewer filters.
      </NoneMatch>
    )
  }
  return (
    <Empty icon="requests" title="No requests yet" code={curlLine('<a key>', settings)}>
      {isLive ? 'The next one appears here by itself.' : 'Every call with a key appears here a moment later.'} To send
      one:
    </Empty>
  )
}
