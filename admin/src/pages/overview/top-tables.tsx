import { Anchor, SimpleGrid, Skeleton, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Card } from '../../components/card.tsx'
import { compact, roughly } from '../../components/chart.tsx'
import { PathText } from '../../components/path-text.tsx'
import type { Bucket } from './view.ts'

/** Who calls most, and what is called most. */
export function TopTables({
  keys,
  routes,
  organizationId,
  toRequests,
}: {
  keys: readonly Bucket[] | undefined
  routes: readonly Bucket[] | undefined
  organizationId: string | undefined
  toRequests: (filter: Record<string, string>) => string
}) {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
      <TopTable
        title="Top keys"
        about="By the hour: hours that lie partly in this time count whole."
        column="Key"
        rows={keys}
        empty="No key was used in this time."
        keyOf={({ key_id }) => key_id ?? ''}
        name={({ key_id = '', name, key_prefix, organization_id }) => {
          const owner = organization_id ?? organizationId
          if (name == null || owner === undefined) return <span className="quiet mono">{key_id}</span>
          return (
            <>
              <Anchor
                component={Link}
                href={`/o/${owner}/keys/${key_id}`}
                size="sm"
                display="block"
                truncate
                title={name}
              >
                {name}
              </Anchor>
              <Text size="xs" className="quiet mono" truncate>
                {key_prefix}…
              </Text>
            </>
          )
        }}
      />
      <TopTable
        title="Top routes"
        about="As they are written in the configuration."
        column="Route"
        rows={routes}
        empty="No route was called in this time."
        keyOf={({ route }) => route ?? ''}
        name={({ route }) =>
          route == null ? (
            <span className="quiet">none matched</span>
          ) : (
            <Anchor component={Link} href={toRequests({ route })} size="sm" lineClamp={2} title={route}>
              <PathText path={route} />
            </Anchor>
          )
        }
      />
    </SimpleGrid>
  )
}

function TopTable({
  title,
  about,
  column,
  rows,
  empty,
  keyOf,
  name,
}: {
  title: string
  about: string
  column: string
  rows: readonly Bucket[] | undefined
  empty: string
  keyOf: (row: Bucket) => string
  name: (row: Bucket) => ReactNode
}) {
  const shown = rows ?? []
  return (
    <Card title={title} about={about} flush>
      {rows !== undefined && rows.length === 0 ? (
        <Text size="sm" className="quiet" p="lg" ta="center">
          {empty}
        </Text>
      ) : (
        <Table layout="fixed" horizontalSpacing={8} aria-label={title} className="to-the-edges">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{column}</Table.Th>
              <Table.Th ta="right" w={80}>
                Requests
              </Table.Th>
              <Table.Th ta="right" w={76}>
                Refused
              </Table.Th>
              <Table.Th ta="right" w={64} visibleFrom="xs">
                Errors
              </Table.Th>
              <Table.Th ta="right" w={84} visibleFrom="xs">
                p95
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows === undefined &&
              ['1', '2', '3', '4', '5'].map((row) => (
                <Table.Tr key={row}>
                  <Table.Td colSpan={5}>
                    <Skeleton h={20} />
                  </Table.Td>
                </Table.Tr>
              ))}
            {shown.map((row) => (
              <Table.Tr key={keyOf(row)}>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{name(row)}</Table.Td>
                <Figure value={row.requests} />
                <Figure value={row.denied + row.limited} />
                <Figure value={row.errors} visibleFrom="xs" />
                <Figure value={row.p95_ms} format={roughly} visibleFrom="xs" />
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  )
}

function Figure({
  value,
  format = compact,
  ...place
}: {
  value: number | null
  format?: (value: number) => string
  visibleFrom?: 'xs'
}) {
  return (
    <Table.Td ta="right" className="numbers" style={{ whiteSpace: 'nowrap' }} {...place}>
      {value === null ? '–' : value === 0 ? <span className="quiet">0</span> : format(value)}
    </Table.Td>
  )
}
