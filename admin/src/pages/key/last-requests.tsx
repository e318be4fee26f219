import { Anchor, Text } from '@mantine/core'
import { Link } from 'wouter'
import { api, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { useSettings } from '../../api/session.tsx'
import { StatusCode } from '../../components/badges.tsx'
import { Card } from '../../components/card.tsx'
import { Empty } from '../../components/empty.tsx'
import { type Column, ListTable } from '../../components/list-table.tsx'
import { Time } from '../../components/time.tsx'
import { curlLine } from '../keys/curl-line.ts'
import type { ApiKey } from '../keys/use-owners.ts'
import { milliseconds } from '../requests/decision.ts'

type Row = Schema<'RequestRecord'>

/** The last calls with a key, allowed and refused. */
export function LastRequests({ apiKey: { id, organization_id } }: { apiKey: ApiKey }) {
  const settings = useSettings().data
  const pages = usePages(
    ['requests', organization_id, 'key', id],
    (query, signal) =>
      api.GET('/platform/organizations/{organization_id}/requests', {
        params: { path: { organization_id }, query: { ...query, key_id: id } },
        signal,
      }),
    { limit: 15, refetchInterval: 15_000 },
  )
  const base = `/o/${organization_id}/requests`
  const toRow = (row: Row): string => `${base}?key=${id}&request=${row.id}`
  return (
    <Card
      title="Last requests"
      flush
      actions={
        <Anchor component={Link} href={`${base}?key=${id}`} size="sm">
          All of them
        </Anchor>
      }
    >
      <ListTable
        label="Last requests of this key"
        pages={pages}
        columns={columns(toRow)}
        fixed
        to={toRow}
        empty={
          <Empty icon="requests" title="Not used yet" code={curlLine('<the key>', settings)}>
            What is called with this key stands here a moment later. To try it:
          </Empty>
        }
      />
    </Card>
  )
}

const columns = (toRow: (row: Row) => string): readonly Column<Row>[] => [
  { name: 'Time', width: 130, wide: true, cell: ({ at }) => <Time at={at} /> },
  { name: 'Status', width: 72, cell: ({ status_code }) => <StatusCode status={status_code} /> },
  {
    name: 'Request',
    cell: (row) => (
      <>
        <Anchor
          component={Link}
          href={toRow(row)}
          size="sm"
          className="mono"
          display="block"
          truncate
          title={`${row.method} ${row.path}`}
        >
          {row.method} {row.path}
        </Anchor>
        {row.code !== null && (
          <Text size="xs" className="quiet mono" truncate>
            {row.code}
          </Text>
        )}
      </>
    ),
  },
  { name: 'Took', width: 84, right: true, cell: ({ duration_ms }) => milliseconds(duration_ms) },
]
