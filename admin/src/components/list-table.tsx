import { Button, Center, Checkbox, ScrollArea, Skeleton, Stack, Table, VisuallyHidden } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { useLocation } from 'wouter'
import type { Pages } from '../api/pages.ts'
import { ErrorNote } from './error-note.tsx'

export interface Column<Item> {
  readonly name: string
  readonly cell: (item: Item) => ReactNode
  /** Numbers stand to the right. */
  readonly right?: boolean
  readonly width?: number
  /** Has its place on a wide screen alone: a phone shows what one needs to find a row and to open it. */
  readonly wide?: boolean
  /** What is done with a row: its name is for those who do not see it. */
  readonly menu?: boolean
}

/** Rows that are ticked, of those that are shown. */
export interface Choice<Item> {
  readonly ids: ReadonlySet<string>
  readonly change: (ids: ReadonlySet<string>) => void
  /** What a row is called, for those who do not see it. */
  readonly name: (item: Item) => string
}

/**
 * A list by pages. A row that has an address is a link: by click, by Enter, and by the middle button through the anchor that
 * its first cell should hold.
 */
export function ListTable<Item extends { readonly id: string }>({
  label,
  pages: { items, query },
  columns: allColumns,
  to,
  onOpen,
  choice,
  ends = false,
  fixed = false,
  empty,
}: {
  /** For those who do not see it. */
  label: string
  pages: Pages<Item>
  columns: readonly Column<Item>[]
  to?: (item: Item) => string
  onOpen?: (item: Item) => void
  /** With it every row has a box to tick. */
  choice?: Choice<Item>
  /** What is shown is all there is to be seen, whatever other pages there are. */
  ends?: boolean
  /** Columns are as wide as they say, and those that say nothing share the rest: what is longer is cut, and never pushes others. */
  fixed?: boolean
  empty: ReactNode
}) {
  const [, go] = useLocation()
  const { columns, isNarrow } = useShownColumns(allColumns)
  if (query.isError && items.length === 0) return <ErrorNote error={query.error} retry={() => void query.refetch()} />
  if (query.isSuccess && items.length === 0) return <>{empty}</>
  const open = to !== undefined ? (item: Item) => go(to(item)) : onOpen
  return (
    <Stack gap={0}>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': label }}>
        <Table
          aria-label={label}
          miw={isNarrow ? undefined : columns.reduce((sum, { menu, width = menu ? 56 : 110 }) => sum + width, 0)}
          layout={fixed ? 'fixed' : 'auto'}
          horizontalSpacing={10}
          className="to-the-edges"
          aria-busy={query.isPlaceholderData}
          style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}
        >
          <Table.Thead>
            <Table.Tr>
              {choice !== undefined && (
                <Table.Th w={36} pr={0}>
                  <TickAll items={items} choice={choice} />
                </Table.Th>
              )}
              {columns.map(({ name, right, width, menu }) => (
                <Table.Th key={name} ta={right ? 'right' : undefined} w={menu ? 56 : width}>
                  {menu ? <VisuallyHidden>{name}</VisuallyHidden> : name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {query.isPending
              ? Array.from({ length: 6 }, (_, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: rows without content
                  <Table.Tr key={index}>
                    {choice !== undefined && <Table.Td />}
                    {columns.map(({ name }) => (
                      <Table.Td key={name}>
                        <Skeleton h={22} />
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))
              : items.map((item) => (
                  <Table.Tr
                    key={item.id}
                    {...(open !== undefined && {
                      className: 'row-link',
                      tabIndex: 0,
                      onClick: (event) => {
                        // Buttons and links in a row have work of their own.
                        if ((event.target as Element).closest('a, button, input, label, [data-own]') === null)
                          open(item)
                      },
                      onKeyDown: (event) => {
                        if (event.key === 'Enter' && event.target === event.currentTarget) open(item)
                      },
                    })}
                  >
                    {choice !== undefined && (
                      <Table.Td pr={0} data-own>
                        <Tick item={item} choice={choice} />
                      </Table.Td>
                    )}
                    {columns.map(({ name, cell, right, menu }) => (
                      <Table.Td
                        key={name}
                        ta={right ? 'right' : undefined}
                        className={right ? 'numbers' : undefined}
                        py={menu ? 4 : undefined}
                      >
                        {cell(item)}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
      {query.hasNextPage && !ends && (
        <Center p="sm">
          <Button
            variant="default"
            size="xs"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Show more
          </Button>
        </Center>
      )}
    </Stack>
  )
}

/** Those that have a place on this screen. */
export function useShownColumns<Shown extends Pick<Column<never>, 'wide'>>(columns: readonly Shown[]) {
  const isNarrow = useMediaQuery('(max-width: 36em)', undefined, { getInitialValueInEffect: false }) ?? false
  return { isNarrow, columns: isNarrow ? columns.filter(({ wide }) => wide !== true) : columns }
}

function TickAll<Item extends { readonly id: string }>({
  items,
  choice: { ids, change },
}: {
  items: readonly Item[]
  choice: Choice<Item>
}) {
  const ticked = items.filter(({ id }) => ids.has(id)).length
  const all = items.length > 0 && ticked === items.length
  return (
    <Checkbox
      size="xs"
      aria-label="Select all rows that are shown"
      checked={all}
      indeterminate={ticked > 0 && !all}
      disabled={items.length === 0}
      onChange={() => change(new Set(all ? [] : items.map(({ id }) => id)))}
    />
  )
}

function Tick<Item extends { readonly id: string }>({
  item,
  choice: { ids, change, name },
}: {
  item: Item
  choice: Choice<Item>
}) {
  return (
    <Checkbox
      size="xs"
      aria-label={`Select ${name(item)}`}
      checked={ids.has(item.id)}
      onChange={(event) => {
        const next = new Set(ids)
        if (event.currentTarget.checked) next.add(item.id)
        else next.delete(item.id)
        change(next)
      }}
    />
  )
}
