import { Anchor, Button, Drawer, Group, ScrollArea, Skeleton, Stack, Table, Text, Title } from '@mantine/core'
import { Link } from 'wouter'
import { ApiError } from '../../api/client.ts'
import { CopyText } from '../../components/copy-text.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Fact, Facts } from '../../components/facts.tsx'
import { exactTime } from '../../components/time.tsx'
import { useReturnFocus } from '../../components/use-return-focus.ts'
import { Actor } from './actor.tsx'
import type { Filters } from './event-filters.tsx'
import {
  actorText,
  type Difference,
  differencesOf,
  type Event,
  eventWords,
  type Names,
  shortId,
  targetLink,
  targetText,
} from './event-words.ts'

/** One event: who, what, and what it was before. */
export function EventDrawer({
  eventId,
  event,
  error,
  retry,
  names,
  onClose,
  onFilter,
}: {
  /** Empty: closed. */
  eventId: string
  /** undefined until it is there. */
  event: Event | undefined
  error: Error | null
  retry: () => void
  names: Names
  onClose: () => void
  onFilter: (filters: Partial<Filters>) => void
}) {
  useReturnFocus(eventId !== '')
  return (
    <Drawer
      opened={eventId !== ''}
      onClose={onClose}
      position="right"
      size="min(600px, 100%)"
      title={event === undefined ? 'Event' : eventWords(event.type)}
    >
      {event !== undefined ? (
        <Content event={event} names={names} onFilter={onFilter} />
      ) : error instanceof ApiError && error.status === 404 ? (
        <Empty icon="events" title="There is no such event">
          It belongs to another organization, or its id is not whole.
        </Empty>
      ) : error !== null ? (
        <ErrorNote error={error} retry={retry} />
      ) : (
        <Stack aria-busy="true">
          <Skeleton h={160} />
          <Skeleton h={240} />
        </Stack>
      )}
    </Drawer>
  )
}

function Content({
  event,
  names,
  onFilter,
}: {
  event: Event
  names: Names
  onFilter: (filters: Partial<Filters>) => void
}) {
  const link = targetLink(event)
  const differences = differencesOf(event)
  const { target, actor } = event
  return (
    <Stack gap="lg">
      <Facts>
        <Fact name="Time">
          <time dateTime={event.created_at}>{exactTime(event.created_at)}</time>
        </Fact>
        <Fact name="By">
          <Actor event={event} names={names} />
        </Fact>
        {event.target !== null && (
          <Fact name="What">
            {link === undefined ? (
              targetText(event, names)
            ) : (
              <Anchor component={Link} href={link} size="sm">
                {targetText(event, names)}
              </Anchor>
            )}
          </Fact>
        )}
        {names.organizations !== undefined && event.organization_id !== null && (
          <Fact name="Organization">
            <Anchor component={Link} href={`/o/${event.organization_id}`} size="sm">
              {names.organizations.get(event.organization_id) ?? shortId(event.organization_id)}
            </Anchor>
          </Fact>
        )}
        <Fact name="Type">
          <span className="mono">{event.type}</span>
        </Fact>
        {event.target !== null && (
          <Fact name="Target">
            <CopyText text={event.target} />
          </Fact>
        )}
        {event.request_id !== null && (
          <Fact name="Request id">
            <CopyText text={event.request_id} />
          </Fact>
        )}
        <Fact name="Id">
          <CopyText text={event.id} />
        </Fact>
      </Facts>
      <section>
        <Title order={3} size="h6" mb="xs">
          What has changed
        </Title>
        {differences.length === 0 ? (
          <Text size="sm" className="quiet">
            This event carries no values: that it happened is all.
          </Text>
        ) : (
          <Differences differences={differences} />
        )}
      </section>
      <Group gap="xs">
        {target !== null && (
          <Button variant="default" onClick={() => onFilter({ target })}>
            All that happened to it
          </Button>
        )}
        {actor.id !== null && (
          <Button variant="default" onClick={() => onFilter({ actor: actor.id ?? '' })}>
            All by {actorText(actor, names)}
          </Button>
        )}
        <Button variant="default" onClick={() => onFilter({ type: event.type })}>
          All of this type
        </Button>
      </Group>
    </Stack>
  )
}

/** Of a thing that is new there is no before, of one that has gone no after. */
function Differences({ differences }: { differences: readonly Difference[] }) {
  const hasBefore = differences.some(({ before }) => before !== undefined)
  const hasAfter = differences.some(({ after }) => after !== undefined)
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'What has changed' }}>
      <Table aria-label="What has changed" withTableBorder highlightOnHover={false} horizontalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Field</Table.Th>
            {hasBefore && <Table.Th>Before</Table.Th>}
            {hasAfter && <Table.Th>After</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {differences.map(({ field, before, after }) => (
            <Table.Tr key={field} style={{ verticalAlign: 'top' }}>
              <Table.Th scope="row" fw={400} className="mono quiet">
                {field}
              </Table.Th>
              {hasBefore && (
                <Table.Td>
                  <Value value={before} isOld={hasAfter} />
                </Table.Td>
              )}
              {hasAfter && (
                <Table.Td>
                  <Value value={after} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  )
}

function Value({ value, isOld = false }: { value: unknown; isOld?: boolean }) {
  if (value === undefined || value === null || value === '') {
    return <span className="quiet">{value === '' ? 'empty' : 'none'}</span>
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1)
  const style = { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' } as const
  return isOld ? (
    <del className="mono quiet" style={style}>
      {text}
    </del>
  ) : (
    <span className="mono" style={style}>
      {text}
    </span>
  )
}
