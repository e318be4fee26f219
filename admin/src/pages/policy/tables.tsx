import { Badge, Group, Stack } from '@mantine/core'
import { Card } from '../../components/card.tsx'
import { Empty } from '../../components/empty.tsx'
import type { Column } from '../../components/list-table.tsx'
import { PlainTable } from './plain-table.tsx'
import type { Policy } from './use-policy.ts'

type Scope = Policy['scopes'][number]
type Limit = Policy['limits'][number]
type Upstream = Policy['upstreams'][number]

/** What keys can be allowed to do. */
export function ScopesTab({ policy: { scopes, routes } }: { policy: Policy }) {
  const columns: readonly Column<Scope>[] = [
    { name: 'Scope', width: 260, cell: ({ name }) => <span className="mono">{name}</span> },
    { name: 'What for', cell: ({ description }) => description },
    {
      name: 'Routes that ask for it',
      width: 190,
      right: true,
      cell: ({ name }) => routes.filter((rule) => [...rule.scopes, ...rule.any_scope].includes(name)).length,
    },
  ]
  return (
    <Card flush>
      <PlainTable
        label="Scopes"
        rows={scopes}
        columns={columns}
        idOf={({ name }) => name}
        minWidth={560}
        empty={
          <Empty icon="key" title="No scopes" code={'scopes:\n  projects:read: Read projects'}>
            Without scopes every key is good for every route that asks for a key. They are declared in the file:
          </Empty>
        }
      />
    </Card>
  )
}

const by: Readonly<Record<string, string>> = { key: 'key', org: 'organization', ip: 'address', workspace: 'workspace' }

/** How much is let through. */
export function LimitsTab({ policy: { limits, routes } }: { policy: Policy }) {
  const columns: readonly Column<Limit>[] = [
    { name: 'Limit', width: 220, cell: ({ name }) => <span className="mono">{name}</span> },
    { name: 'Requests', right: true, width: 120, cell: ({ requests }) => requests.toLocaleString('en') },
    { name: 'In', width: 90, cell: ({ per }) => per },
    { name: 'Counted for each', cell: (limit) => limit.by.map((name) => by[name] ?? name).join(' and ') },
    {
      name: 'Routes with it',
      width: 140,
      right: true,
      cell: ({ name }) => routes.filter((rule) => rule.limits.includes(name)).length,
    },
  ]
  return (
    <Card flush>
      <PlainTable
        label="Limits"
        rows={limits}
        columns={columns}
        idOf={({ name }) => name}
        minWidth={640}
        empty={
          <Empty icon="policy" title="No limits" code={'limits:\n  key-minute: { by: key, requests: 120, per: 1m }'}>
            A limit says how many requests pass in a time, and routes name those that count for them:
          </Empty>
        }
      />
    </Card>
  )
}

/** The APIs behind the gateway. */
export function UpstreamsTab({ policy: { upstreams, routes } }: { policy: Policy }) {
  const columns: readonly Column<Upstream>[] = [
    { name: 'Upstream', width: 200, cell: ({ name }) => <span className="mono">{name}</span> },
    {
      name: 'Targets',
      cell: ({ targets }) => (
        <Stack gap={4}>
          {targets.map(({ url, up }) => (
            <Group key={url} gap="xs" wrap="nowrap">
              <Badge color={up ? 'teal' : 'red'} style={{ flexShrink: 0 }}>
                {up ? 'up' : 'down'}
              </Badge>
              <span className="mono" style={{ overflowWrap: 'anywhere' }}>
                {url}
              </span>
            </Group>
          ))}
        </Stack>
      ),
    },
    {
      name: 'Health is known from',
      width: 220,
      cell: ({ health_check }) => (health_check ? 'checks and requests' : 'requests alone'),
    },
    {
      name: 'Routes to it',
      width: 120,
      right: true,
      cell: ({ name }) => routes.filter((rule) => rule.upstream === name).length,
    },
  ]
  return (
    <Card flush>
      <PlainTable
        label="Upstreams"
        rows={upstreams}
        columns={columns}
        idOf={({ name }) => name}
        minWidth={640}
        empty={
          <Empty icon="box" title="No upstreams" code={'upstreams:\n  api: { targets: [http://127.0.0.1:9000] }'}>
            An upstream is the API behind the gateway; it has one or more targets:
          </Empty>
        }
      />
    </Card>
  )
}
