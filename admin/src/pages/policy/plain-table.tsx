import { Button, Center, ScrollArea, Stack, Table } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { type Column, useShownColumns } from '../../components/list-table.tsx'

/** So many rows at first, and with each click. */
const step = 200

/** A table of what is at hand already. */
export function PlainTable<Row>({
  label,
  rows,
  columns: all,
  idOf,
  empty,
  minWidth,
}: {
  /** For those who do not see it. */
  label: string
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  idOf: (row: Row) => string
  empty: ReactNode
  minWidth?: number
}) {
  const [shown, setShown] = useState(step)
  const { columns, isNarrow } = useShownColumns(all)
  if (rows.length === 0) return <>{empty}</>
  return (
    <Stack gap={0}>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': label }}>
        <Table
          aria-label={label}
          miw={isNarrow ? undefined : (minWidth ?? columns.length * 110)}
          horizontalSpacing={10}
          className="to-the-edges"
        >
          <Table.Thead>
            <Table.Tr>
              {columns.map(({ name, right, width }) => (
                <Table.Th key={name} ta={right ? 'right' : undefined} w={width}>
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.slice(0, shown).map((row) => (
              <Table.Tr key={idOf(row)}>
                {columns.map(({ name, cell, right }) => (
                  <Table.Td key={name} ta={right ? 'right' : undefined} className={right ? 'numbers' : undefined}>
                    {cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
      {rows.length > shown && (
        <Center p="sm">
          <Button variant="default" size="xs" onClick={() => setShown(shown + step)}>
            Show more: {rows.length - shown} are left
          </Button>
        </Center>
      )}
    </Stack>
  )
}
