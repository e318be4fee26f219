import { Anchor, Badge, Group, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { Card } from '../../components/card.tsx'
import { Empty } from '../../components/empty.tsx'
import { Icon } from '../../components/icon.tsx'
import type { Column } from '../../components/list-table.tsx'
import { PathText } from '../../components/path-text.tsx'
import { PlainTable } from './plain-table.tsx'
import { flagsOf, limitsOf, WhoMay } from './rule.tsx'
import type { Policy, Rule } from './use-policy.ts'

/** Who may call what. */
export function RoutesTab({ policy, q, onSearch }: { policy: Policy; q: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(q)
  const wanted = text.trim().toLowerCase()
  const found = policy.routes.filter((rule) => wordsOf(rule).includes(wanted))
  return (
    <Card flush>
      <Group px="md" py="sm" justify="space-between" gap="xs">
        <TextInput
          type="search"
          aria-label="Find routes by path, method, scope, limit or upstream"
          placeholder="Path, method, scope, limit …"
          leftSection={<Icon name="search" size={16} />}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value)
            onSearch(event.currentTarget.value)
          }}
          maxLength={200}
          flex="1 1 240px"
          maw={420}
        />
        <Text size="sm" className="quiet numbers" role="status">
          {wanted === '' ? `${policy.routes.length} routes` : `${found.length} of ${policy.routes.length} routes`}
        </Text>
      </Group>
      <PlainTable
        label="Routes"
        rows={found}
        columns={columns}
        idOf={({ host, path, methods }) => JSON.stringify([host, path, methods])}
        minWidth={960}
        empty={
          wanted === '' ? (
            <Empty
              icon="policy"
              title="No routes"
              code={'routes:\n  - { path: /api/*, scopes: [projects:read], upstream: api }'}
            >
              What no route names is refused, so nothing passes at the moment. Routes stand in the configuration file:
            </Empty>
          ) : (
            <Empty icon="search" title="No route matches">
              Patterns are searched as they are written. To find the route that a path meets, use Explain.
            </Empty>
          )
        }
      />
    </Card>
  )
}

const wordsOf = (rule: Rule): string =>
  [
    ...[rule.host, rule.path, ...(rule.methods ?? []), ...rule.scopes, ...rule.any_scope, ...rule.limits],
    ...[rule.workspace, rule.upstream, rule.public ? 'public' : '', rule.deny ? 'deny' : '', ...flagsOf(rule)],
  ]
    .join(' ')
    .toLowerCase()

const columns: readonly Column<Rule>[] = [
  {
    name: 'Path',
    cell: ({ host, path, workspace }) => (
      <div>
        <span style={{ overflowWrap: 'anywhere' }}>
          {host !== null && <span className="mono quiet">{host}</span>}
          <PathText path={path} />
        </span>
        {workspace !== null && (
          <Text size="xs" className="quiet">
            in workspace <span className="mono">{workspace}</span>
          </Text>
        )}
      </div>
    ),
  },
  {
    name: 'Methods',
    wide: true,
    width: 120,
    cell: ({ methods }) =>
      methods === null ? <span className="quiet">all</span> : <span className="mono">{methods.join(' ')}</span>,
  },
  { name: 'May pass', width: 200, cell: (rule) => <WhoMay rule={rule} /> },
  { name: 'Limits', width: 125, wide: true, cell: (rule) => <span className="mono">{limitsOf(rule)}</span> },
  {
    name: 'Goes to',
    wide: true,
    width: 200,
    cell: (rule) => (
      <>
        {rule.upstream !== null && <span className="mono">{rule.upstream}</span>}
        <Group gap={4}>
          {flagsOf(rule).map((flag) => (
            <Badge key={flag} color={flag === 'shadow' ? 'yellow' : 'gray'} tt="none" maw={170} title={flag}>
              {flag}
            </Badge>
          ))}
        </Group>
      </>
    ),
  },
  {
    name: 'See',
    wide: true,
    width: 150,
    cell: ({ path, methods }) => (
      <Group gap="sm" wrap="nowrap">
        <Anchor
          component={Link}
          href={`/requests?${new URLSearchParams({ route: path })}`}
          size="sm"
          aria-label={`Requests of ${path}`}
        >
          Requests
        </Anchor>
        <Anchor
          component={Link}
          href={`/explain?${new URLSearchParams({ method: methods?.[0] ?? 'GET', path: path.replace(/\/\*$/, '') || '/' })}`}
          size="sm"
          aria-label={`Explain ${path}`}
        >
          Explain
        </Anchor>
      </Group>
    ),
  },
]
