import { Anchor, Text } from '@mantine/core'
import { Link } from 'wouter'
import type { Schema } from '../../api/client.ts'
import { StatusCode } from '../../components/badges.tsx'
import type { Column } from '../../components/list-table.tsx'
import { PathText } from '../../components/path-text.tsx'
import { milliseconds } from './decision.ts'

export type Row = Schema<'RequestRecord'>

/** Names by id, as far as they are known. */
export interface Names {
  readonly keys: ReadonlyMap<string, string>
  /** undefined: all rows are of one. */
  readonly organizations: ReadonlyMap<string, string> | undefined
}

export const requestColumns = ({ keys, organizations }: Names): readonly Column<Row>[] => [
  { name: 'Time', width: 125, cell: ({ at }) => <Clock at={at} /> },
  { name: 'Status', width: 75, cell: ({ status_code }) => <StatusCode status={status_code} /> },
  {
    name: 'Request',
    cell: (row) => (
      <div>
        <span style={{ overflowWrap: 'anywhere' }}>
          <b className="mono">{row.method}</b> <PathText path={row.path} />
        </span>
        {row.code !== null && (
          <Text size="xs" className="mono" c="var(--mantine-color-error)">
            {row.code}
          </Text>
        )}
        {row.shadow_code !== null && (
          <Text size="xs" c="var(--warn)">
            shadow: <span className="mono">{row.shadow_code}</span>
          </Text>
        )}
      </div>
    ),
  },
  ...(organizations === undefined
    ? []
    : [
        {
          name: 'Organization',
          wide: true,
          width: 150,
          cell: ({ organization_id: id }: Row) =>
            id === null ? (
              <span className="quiet">none</span>
            ) : (
              <Named to={`/o/${id}/requests`} name={organizations.get(id) ?? shortId(id)} />
            ),
        },
      ]),
  {
    name: 'Key',
    wide: true,
    width: 165,
    cell: ({ key_id: id, organization_id: organizationId }) =>
      id === null ? (
        <span className="quiet">none</span>
      ) : (
        <Named to={`/o/${organizationId}/keys/${id}`} name={keys.get(id) ?? shortId(id)} />
      ),
  },
  { name: 'From', width: 130, wide: true, cell: ({ ip }) => <span className="mono">{ip}</span> },
  { name: 'Took', width: 85, right: true, wide: true, cell: ({ duration_ms }) => milliseconds(duration_ms) },
]

export const csvColumns: Record<string, (row: Row) => unknown> = Object.fromEntries(
  (
    [
      ...([
        'at',
        'method',
        'path',
        'status_code',
        'code',
        'shadow_code',
        'route',
        'key_id',
        'organization_id',
      ] as const),
      ...(['duration_ms', 'upstream_ms', 'bytes_in', 'bytes_out', 'ip', 'user_agent', 'request_id', 'id'] as const),
    ] as const
  ).map((name) => [name, (row: Row) => row[name]]),
)

const Named = ({ to, name }: { to: string; name: string }) => (
  <Anchor component={Link} href={to} size="sm" display="block" truncate maw={160} title={name}>
    {name}
  </Anchor>
)

/** The end of an id tells it from others. */
export const shortId = (id: string): string => `${id.slice(0, id.indexOf('_') + 1)}…${id.slice(-6)}`

const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

/** In a log the moment counts, to the millisecond where many came at once. */
function Clock({ at }: { at: string }) {
  const date = new Date(at)
  const isToday = date.toDateString() === new Date().toDateString()
  return (
    <time dateTime={at} title={at} className="numbers">
      {!isToday && (
        <>
          <span className="quiet" style={{ whiteSpace: 'nowrap' }}>
            {day.format(date)}
          </span>{' '}
        </>
      )}
      <span style={{ whiteSpace: 'nowrap' }}>
        {time.format(date)}
        {isToday && <span className="quiet">.{String(date.getMilliseconds()).padStart(3, '0')}</span>}
      </span>
    </time>
  )
}
