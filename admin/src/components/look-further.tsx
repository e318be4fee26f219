import { Button, Center, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Pages } from '../api/pages.ts'
import { Empty } from './empty.tsx'
import type { Look } from './use-look-further.ts'

/** How many are shown, and how far back was looked for them. */
export function LookBar({ look, children }: { look: Look; children: ReactNode }) {
  return (
    <Group gap="xs" wrap="nowrap" miw={0}>
      <Text size="sm" className="quiet numbers" role="status">
        {children}
        {look.state !== 'none' && (
          <Text span inherit visibleFrom="xs">
            , {looked(look)}
            {look.state === 'looking' && '…'}
          </Text>
        )}
      </Text>
      {look.state === 'looking' && (
        <Button size="compact-sm" variant="subtle" onClick={look.stop} style={{ flexShrink: 0 }}>
          Stop
        </Button>
      )}
    </Group>
  )
}

/** Instead of rows, where there may be some that do not match: the same size whether it goes on, waits or has seen all. */
export function NoneMatch({ title, look, onClear, children }: NoneMatchProps) {
  const clear = (
    <Button variant="default" size="xs" onClick={onClear}>
      Clear the filters
    </Button>
  )
  if (look === undefined || look.state === 'none') {
    return (
      <Empty icon="search" title={title} action={clear}>
        {children}
      </Empty>
    )
  }
  const isLooking = look.state === 'looking'
  return (
    <Empty
      icon="search"
      title={isLooking ? 'Looking further back' : 'None found so far'}
      action={
        <Group gap="xs">
          {clear}
          {/* The bar above has the way to stop. */}
          <Button size="xs" loading={isLooking} onClick={look.goOn}>
            Look further back
          </Button>
        </Group>
      }
    >
      L{looked(look).slice(1)}. Older ones are not looked through all at once; a narrower time finds them sooner.
    </Empty>
  )
}

interface NoneMatchProps {
  title: string
  /** Left out where the server looks through all there are. */
  look?: Look
  onClear(): void
  /** What else could be tried. */
  children: ReactNode
}

/** Below the rows. */
export function MoreToSee({ look, query }: { look: Look; query: Pages<unknown & { id: string }>['query'] }) {
  if (!query.hasNextPage) return null
  const more = (): void => {
    look.goOn()
    void query.fetchNextPage({ cancelRefetch: false })
  }
  return (
    <Center p="sm">
      <Button variant="default" size="xs" loading={look.state === 'looking' || query.isFetchingNextPage} onClick={more}>
        {look.state === 'none' ? 'Show more' : 'Look further back'}
      </Button>
    </Center>
  )
}

const looked = ({ lookedAt, what }: Look): string =>
  `looked through the newest ${lookedAt.toLocaleString('en')} ${what}`
