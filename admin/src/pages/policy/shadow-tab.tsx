import { Anchor, Group, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { api } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { Card } from '../../components/card.tsx'
import { Empty } from '../../components/empty.tsx'
import { ListTable } from '../../components/list-table.tsx'
import { type Row, requestColumns } from '../requests/request-columns.tsx'
import { RequestDrawer } from '../requests/request-drawer.tsx'
import { useNames } from '../requests/use-names.ts'
import type { Policy } from './use-policy.ts'

/** A file with more routes in shadow than this is told in parts. */
const routesMax = 20

/** What routes in shadow mode have let through, and would refuse without it. */
export function ShadowTab({ policy }: { policy: Policy }) {
  const paths = [...new Set(policy.routes.filter(({ shadow }) => shadow).map(({ path }) => path))]
  if (paths.length === 0) {
    return (
      <Card>
        <Empty
          icon="eye"
          title="No route is in shadow mode"
          code={'- path: /v0/*\n  scopes: [projects:read]\n  shadow: true\n  upstream: api'}
        >
          A route with <span className="mono">shadow: true</span> lets everything pass that a scope or a limit would
          refuse, and writes it down. So a stricter rule can be tried on real traffic before it is live:
        </Empty>
      </Card>
    )
  }
  return (
    <>
      {paths.slice(0, routesMax).map((path) => (
        <ShadowRoute key={path} path={path} />
      ))}
      {paths.length > routesMax && (
        <Text size="sm" className="quiet">
          {paths.length - routesMax} more routes are in shadow mode; their requests are in the request log.
        </Text>
      )}
    </>
  )
}

function ShadowRoute({ path }: { path: string }) {
  const [opened, setOpened] = useState('')
  const { items, query } = usePages(
    ['requests', 'all', 'shadow', path],
    (page, signal) => api.GET('/platform/requests', { params: { query: { ...page, route: path } }, signal }),
    { limit: 200 },
  )
  const denied = items.filter(({ shadow_code }) => shadow_code !== null)
  const names = useNames(denied, undefined)
  return (
    <Card
      title={path}
      flush
      about={query.isPending ? 'Looking through its last requests …' : summaryOf(items, denied)}
      actions={
        <Anchor component={Link} href={`/requests?${new URLSearchParams({ route: path, shadow: 'any' })}`} size="sm">
          All that it would have refused
        </Anchor>
      }
    >
      <ListTable
        label={`Requests that ${path} would have refused`}
        pages={{ items: denied, query }}
        columns={requestColumns(names)}
        onOpen={({ id }) => setOpened(id)}
        empty={
          <Group px="md" pb="md">
            <Text size="sm" className="quiet">
              {items.length === 0
                ? 'No request has come to this route yet.'
                : 'Nothing would have been refused: the rule can be enforced without anybody noticing.'}
            </Text>
          </Group>
        }
      />
      <RequestDrawer
        scope={undefined}
        rowId={opened}
        found={denied.find(({ id }) => id === opened)}
        names={names}
        onClose={() => setOpened('')}
      />
    </Card>
  )
}

function summaryOf(items: readonly Row[], denied: readonly Row[]): string {
  const codes = new Map<string, number>()
  for (const { shadow_code: code } of denied) if (code !== null) codes.set(code, (codes.get(code) ?? 0) + 1)
  const kinds = [...codes].map(([code, count]) => `${count} ${code}`).join(', ')
  const among = `the last ${items.length} ${items.length === 1 ? 'request' : 'requests'}`
  return items.length === 0
    ? 'Nothing to judge by yet.'
    : `${denied.length} of ${among} would have been refused${kinds === '' ? '' : `: ${kinds}`}.`
}
