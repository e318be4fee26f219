import { CloseButton, Group, Select, TextInput } from '@mantine/core'
import { eventTypes } from '../../../../src/store/event-types.ts'
import { useDraft } from '../../components/use-draft.ts'
import { given } from '../../components/use-query-state.ts'
import { rangeQuery, TimeRange } from '../requests/time-range.tsx'
import { actorText, eventWords, type Names } from './event-words.ts'

export const filterNames = ['type', 'actor', 'target', 'range', 'since', 'until'] as const
export type Filters = Readonly<Record<(typeof filterNames)[number], string>>
export const noFilters: Filters = { type: '', actor: '', target: '', range: '', since: '', until: '' }

/** The filters in the words of the API. What the address has made up is left out. */
export const listQuery = ({ type, actor, target, ...times }: Filters) => ({
  ...given({
    type: /^[a-z_]{1,40}\.(?:[a-z_]{1,40}|\*)$/.test(type) ? type : '',
    actor_id: isId(actor) ? actor : '',
    target: isId(target) ? target : '',
  }),
  ...rangeQuery(times),
})

const isId = (text: string): boolean => /^[\w-]{1,64}$/.test(text)

/** What to look for in the trail. */
export function EventFilters({
  filters,
  names,
  onChange,
}: {
  filters: Filters
  names: Names
  onChange: (change: Partial<Filters>) => void
}) {
  return (
    <Group gap="xs" role="search">
      <Select
        aria-label="Event"
        placeholder="Any event"
        data={types(filters.type)}
        value={filters.type || null}
        onChange={(type) => onChange({ type: type ?? '' })}
        clearable
        searchable
        w={{ base: '100%', xs: 220 }}
        comboboxProps={{ width: 280, position: 'bottom-start' }}
      />
      <Select
        aria-label="By whom"
        placeholder="By anybody"
        data={actors(filters.actor, names)}
        value={filters.actor || null}
        onChange={(actor) => onChange({ actor: actor ?? '' })}
        clearable
        searchable
        w={{ base: half, xs: 180 }}
        comboboxProps={{ width: 260, position: 'bottom-start' }}
      />
      <TimeRange range={filters.range} since={filters.since} until={filters.until} onChange={onChange} />
      <TargetInput value={filters.target} onChange={(target) => onChange({ target })} />
    </Group>
  )
}

const half = 'calc(50% - 5px)'

/** Each family as a whole, and what is in it. */
function types(chosen: string) {
  const families = [...new Set(eventTypes.map((type) => type.split('.', 1)[0] ?? ''))]
  const groups = families.map((family) => ({
    group: familyWords(family),
    items: [
      { value: `${family}.*`, label: `${familyWords(family)}: all` },
      ...eventTypes
        .filter((type) => type.startsWith(`${family}.`))
        .map((type) => ({ value: type as string, label: eventWords(type) })),
    ],
  }))
  const isListed = chosen === '' || groups.some(({ items }) => items.some(({ value }) => value === chosen))
  return isListed ? groups : [...groups, { group: 'Other', items: [{ value: chosen, label: chosen }] }]
}

const familyWords = (family: string): string => {
  const words = family === 'api_key' ? 'API key' : family.replaceAll('_', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}s`.replace('Configs', 'Configuration')
}

function actors(chosen: string, names: Names) {
  const people = [...names.people].map(([value, label]) => ({ value, label }))
  const others = [
    { value: 'admin_token', label: 'The admin token' },
    { value: 'oidc', label: 'Single sign-on' },
  ]
  const groups = [
    { group: 'People', items: people },
    { group: 'Others', items: others },
  ]
  const isListed = chosen === '' || groups.some(({ items }) => items.some(({ value }) => value === chosen))
  if (isListed) return groups
  const type = chosen.startsWith('key_') ? 'api_key' : 'operator'
  const label = names.keys.get(chosen) ?? actorText({ type, id: chosen }, names)
  return [...groups, { group: 'Chosen', items: [{ value: chosen, label }] }]
}

function TargetInput({ value, onChange }: { value: string; onChange: (target: string) => void }) {
  const [text, setText] = useDraft(value)
  const isWhole = text.trim() === '' || isObjectId(text.trim())
  const finish = (target: string): void => {
    if (target !== value) onChange(target)
  }
  return (
    <TextInput
      aria-label="Id of what was changed, for example key_01j…"
      placeholder="Anything (id)"
      value={text}
      // Ids alone: a key itself must not get into the address.
      onChange={(event) => setText(event.currentTarget.value)}
      error={isWhole ? undefined : 'An id has a short word, _ and 26 letters and digits'}
      onBlur={() => isWhole && finish(text.trim())}
      onKeyDown={(event) => event.key === 'Enter' && isWhole && finish(text.trim())}
      rightSection={
        text === '' ? undefined : (
          <CloseButton
            size="sm"
            aria-label="Anything"
            onClick={() => {
              setText('')
              finish('')
            }}
          />
        )
      }
      w={{ base: '100%', xs: 200 }}
    />
  )
}

const isObjectId = (text: string): boolean => /^[a-z]{2,4}_[0-9a-z]{26}$/.test(text)
