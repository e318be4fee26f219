import { Anchor, Box, Button, Text } from '@mantine/core'
import { Link } from 'wouter'
import { eventsLookedAtMax } from '../../../src/store/basics.ts'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMe } from '../api/session.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { MoreToSee, NoneMatch } from '../components/look-further.tsx'
import { Page } from '../components/page.tsx'
import { Time } from '../components/time.tsx'
import { type Look, useLookFurther } from '../components/use-look-further.ts'
import { useQueryState } from '../components/use-query-state.ts'
import { useScope } from '../shell/use-organization.ts'
import { Actor } from './events/actor.tsx'
import { ChainCard } from './events/chain-card.tsx'
import { EventDrawer } from './events/event-drawer.tsx'
import { EventFilters, filterNames, listQuery, noFilters } from './events/event-filters.tsx'
import {
  differencesOf,
  type Event,
  eventWords,
  type Names,
  shortId,
  targetLink,
  targetText,
} from './events/event-words.ts'
import { useEvent } from './events/use-event.ts'
import { useEventNames } from './events/use-event-names.ts'

/** Who has changed what: of an organization, or of the whole instance. */
export default function EventsPage() {
  const scope = useScope()
  const me = useMe()
  const [{ event: opened, ...filters }, change] = useQueryState([...filterNames, 'event'])
  const isPlain = filters.type === '' && filters.actor === ''
  const pages = usePages<Event>(
    ['events', scope ?? 'all', filters],
    (page, signal) => {
      const query = { ...page, ...listQuery(filters) }
      return scope === undefined
        ? api.GET('/platform/events', { params: { query }, signal })
        : api.GET('/platform/organizations/{organization_id}/events', {
            params: { path: { organization_id: scope }, query },
            signal,
          })
    },
    // Where thousands are looked through for a page, it stays as it is.
    { limit, refetchInterval: ({ length }) => (isPlain && length <= 2 * limit ? 15_000 : Number.POSITIVE_INFINITY) },
  )
  const look = useLookFurther(JSON.stringify([scope, filters]), pages, {
    ...{ limit, enabled: true, what: 'events', each: eventsLookedAtMax },
  })
  const { items } = pages
  const one = useEvent(
    scope,
    opened,
    items.find(({ id }) => id === opened),
  )
  const names = useEventNames(one.event === undefined ? items : [...items, one.event], scope)
  const isFiltered = filterNames.some((name) => filters[name] !== '')
  return (
    <Page
      title="Events"
      about={
        scope === undefined
          ? 'Everything that anybody has changed on this instance, in every organization. Nothing is ever taken out.'
          : 'Everything that anybody has changed in this organization: who, when, and what it was before.'
      }
      actions={
        items.length > 0 && (
          <Button variant="default" onClick={() => saveCsv('events.csv', csvColumns, items)}>
            Save as CSV
          </Button>
        )
      }
    >
      {scope === undefined && me.is_root && !isFiltered && <ChainCard />}
      <EventFilters filters={filters} names={names} onChange={change} />
      <Card flush>
        <ListTable
          label="Events"
          pages={pages}
          columns={columns(names)}
          onOpen={({ id }) => change({ event: id })}
          ends
          empty={<Nothing scope={scope} isFiltered={isFiltered} look={look} onClear={() => change(noFilters)} />}
        />
        {items.length > 0 && <MoreToSee look={look} query={pages.query} />}
      </Card>
      <EventDrawer
        eventId={opened}
        {...one}
        names={names}
        onClose={() => change({ event: '' })}
        onFilter={(next) => change({ ...noFilters, ...next, event: '' })}
      />
    </Page>
  )
}

const limit = 50

function Nothing({
  scope,
  isFiltered,
  look,
  onClear,
}: {
  scope: string | undefined
  isFiltered: boolean
  look: Look
  onClear: () => void
}) {
  if (isFiltered || look.state !== 'none') {
    return (
      <NoneMatch title="No event matches" look={look} onClear={onClear}>
        Try a longer time, or fewer filters.
      </NoneMatch>
    )
  }
  return (
    <Empty icon="events" title="No events yet" code={curl(scope)}>
      From here on each change is written down, whoever made it and however: here, with the API or on the command line.
    </Empty>
  )
}

const columns = (names: Names): readonly Column<Event>[] => [
  { name: 'When', width: 118, cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Event',
    cell: (event) => (
      <Box>
        <Text size="sm" fw={500}>
          {eventWords(event.type)}
        </Text>
        <Text size="xs" className="quiet" lineClamp={1} style={{ overflowWrap: 'anywhere' }}>
          {changedText(event)}
        </Text>
      </Box>
    ),
  },
  {
    name: 'What',
    cell: (event) => {
      const link = targetLink(event)
      const text = targetText(event, names)
      if (event.target === null) return <span className="quiet">–</span>
      return link === undefined ? (
        <span style={{ overflowWrap: 'anywhere' }}>{text}</span>
      ) : (
        <Anchor component={Link} href={link} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {text}
        </Anchor>
      )
    },
  },
  {
    name: 'By',
    wide: true,
    width: 180,
    cell: (event) => (
      <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
        <Actor event={event} names={names} />
      </Text>
    ),
  },
  ...(names.organizations === undefined
    ? []
    : [
        {
          name: 'Organization',
          wide: true,
          width: 160,
          cell: ({ organization_id: id }: Event) =>
            id === null ? (
              <span className="quiet">instance</span>
            ) : (
              <Anchor component={Link} href={`/o/${id}/events`} size="sm" style={{ overflowWrap: 'anywhere' }}>
                {names.organizations?.get(id) ?? shortId(id)}
              </Anchor>
            ),
        },
      ]),
]

/** The fields that are not what they were. */
function changedText(event: Event): string {
  if (event.before === null || event.after === null) return ''
  return differencesOf(event)
    .map(({ field }) => field.replaceAll('_', ' '))
    .join(', ')
}

const curl = (scope: string | undefined): string =>
  `curl ${window.location.origin}/platform${scope === undefined ? '' : `/organizations/${scope}`}/events \\
  -H "Authorization: Bearer $SALLYPORT_TOKEN"`

const csvColumns: Record<string, (event: Event) => unknown> = {
  id: ({ id }) => id,
  created_at: ({ created_at }) => created_at,
  type: ({ type }) => type,
  organization_id: ({ organization_id }) => organization_id,
  target: ({ target }) => target,
  actor_type: ({ actor }) => actor.type,
  actor_id: ({ actor }) => actor.id,
  request_id: ({ request_id }) => request_id,
  before: ({ before }) => before,
  after: ({ after }) => after,
}
