import { Anchor, ScrollArea, SimpleGrid, Skeleton, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Card } from '../../components/card.tsx'
import { compact } from '../../components/chart.tsx'
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
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
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
              <Anchor component={Link} href={`/o/${owner}/keys/${key_id}`} size="sm">
                {name}
              </Anchor>
              <Text size="xs" className="quiet mono" style={{ whiteSpace: 'nowrap' }}>
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
            <Anchor component={Link} href={toRequests({ route })} size="sm" className="mono">
              {route}
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
        <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': title }}>
          <Table miw={440} horizontalSpacing="sm" aria-label={title}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{column}</Table.Th>
                <Table.Th ta="right">Requests</Table.Th>
                <Table.Th ta="right">Refused</Table.Th>
                <Table.Th ta="right">Errors</Table.Th>
                <Table.Th ta="right">p95</Table.Th>
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
                  <Table.Td miw={150} style={{ overflowWrap: 'anywhere' }}>
                    {name(row)}
                  </Table.Td>
                  <Figure value={row.requests} />
                  <Figure value={row.denied + row.limited} />
                  <Figure value={row.errors} />
                  <Figure value={row.p95_ms} unit=" ms" />
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
    </Card>
  )
}

const Figure = ({ value, unit = '' }: { value: number | null; unit?: string }) => (
  <Table.Td ta="right" className="numbers" style={{ whiteSpace: 'nowrap' }}>
    {value === null ? '–' : value === 0 ? <span className="quiet">0</span> : `${compact(value)}${unit}`}
  </Table.Td>
)
