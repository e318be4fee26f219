import { Autocomplete, CloseButton, Group, Select, TextInput } from '@mantine/core'
import { isCode, refusalCodes } from '../../components/refusal-note.tsx'
import { useDraft } from '../../components/use-draft.ts'
import { given } from '../../components/use-query-state.ts'
import { KeyPicker } from '../keys/key-picker.tsx'
import { rangeQuery, TimeRange } from './time-range.tsx'

export const filterNames = ['method', 'status', 'code', 'shadow', 'route', 'key', 'range', 'since', 'until'] as const
export type Filters = Readonly<Record<(typeof filterNames)[number], string>>
export const noFilters: Filters = {
  ...{ method: '', status: '', code: '', shadow: '', route: '', key: '' },
  ...{ range: '', since: '', until: '' },
}

/** The filters in the words of the API, without the time. What the address has made up is left out. */
export const matchQuery = ({ method, status, code, shadow, route, key }: Filters) =>
  given({
    method: /^[A-Z-]{1,32}$/.test(method) ? method : '',
    status: /^(?:[1-5]\d\d|[1-5]xx|0)$/.test(status) ? status : '',
    code: isCode(code) ? code : '',
    shadow_code: shadow === 'any' || isCode(shadow) ? shadow : '',
    route,
    key_id: key,
  })

export const listQuery = (filters: Filters) => ({ ...matchQuery(filters), ...rangeQuery(filters) })

const half = 'calc(50% - 5px)'
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const statuses = [
  {
    group: 'All of a kind',
    items: [
      { value: '2xx', label: '2xx went well' },
      { value: '3xx', label: '3xx redirected' },
      { value: '4xx', label: '4xx caller’s fault' },
      { value: '5xx', label: '5xx our fault' },
    ],
  },
  {
    group: 'One status',
    items: ['200', '201', '204', '400', '401', '403', '404', '405', '413', '429', '500', '502', '503', '504'].map(
      (value) => ({ value, label: value }),
    ),
  },
  { group: 'No answer', items: [{ value: '0', label: 'Caller left before' }] },
]

/** What came of it. In shadow mode only scopes and limits are tried. */
const outcomes = [
  { group: 'Refused with', items: refusalCodes.map((value) => ({ value, label: value })) },
  {
    group: 'Let through in shadow mode',
    items: [
      { value: 'shadow any', label: 'would be refused' },
      { value: 'shadow INSUFFICIENT_SCOPE', label: 'would be INSUFFICIENT_SCOPE' },
      { value: 'shadow RATE_LIMITED', label: 'would be RATE_LIMITED' },
    ],
  },
]

function outcomeOf({ code, shadow }: Filters): string | null {
  if (shadow === 'any' || isCode(shadow)) return `shadow ${shadow}`
  return isCode(code) ? code : null
}

/** What is refused was not let through: one of the two at a time. */
function filterOf(outcome: string | null): Partial<Filters> {
  const [, shadow] = outcome?.split('shadow ') ?? []
  return shadow === undefined ? { code: outcome ?? '', shadow: '' } : { code: '', shadow }
}

/** What to look for in the request log. */
export function RequestFilters({
  organizationId,
  routes,
  filters,
  onChange,
}: {
  /** undefined: all of them. */
  organizationId: string | undefined
  /** Patterns to pick from. */
  routes: readonly string[]
  filters: Filters
  onChange: (change: Partial<Filters>) => void
}) {
  const isListed = statuses.some(({ items }) => items.some(({ value }) => value === filters.status))
  const others = filters.status === '' || isListed ? [] : [{ value: filters.status, label: filters.status }]
  return (
    <Group gap="xs" role="search">
      <Select
        aria-label="Method"
        placeholder="Any method"
        data={methods.includes(filters.method) || filters.method === '' ? methods : [...methods, filters.method]}
        value={filters.method || null}
        onChange={(method) => onChange({ method: method ?? '' })}
        clearable
        w={{ base: half, xs: 138 }}
      />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={[...statuses, { group: 'Other', items: others }]}
        value={filters.status || null}
        onChange={(status) => onChange({ status: status ?? '' })}
        clearable
        searchable
        w={{ base: half, xs: 125 }}
      />
      <Select
        aria-label="Refused with"
        placeholder="Any outcome"
        data={outcomes}
        value={outcomeOf(filters)}
        onChange={(outcome) => onChange(filterOf(outcome))}
        clearable
        searchable
        w={{ base: half, xs: 160 }}
        comboboxProps={{ width: 260, position: 'bottom-start' }}
      />
      <TimeRange range={filters.range} since={filters.since} until={filters.until} onChange={onChange} />
      <RouteInput value={filters.route} routes={routes} onChange={(route) => onChange({ route })} />
      {organizationId !== undefined ? (
        <KeyPicker
          organizationId={organizationId}
          value={filters.key}
          onChange={(key) => onChange({ key })}
          placeholder="Any key"
          w={{ base: '100%', xs: 180 }}
        />
      ) : (
        <KeyInput value={filters.key} onChange={(key) => onChange({ key })} />
      )}
    </Group>
  )
}

/** Patterns are compared letter for letter: what is typed counts once it is finished. */
function RouteInput({
  value,
  routes,
  onChange,
}: {
  value: string
  routes: readonly string[]
  onChange: (route: string) => void
}) {
  const [text, setText] = useDraft(value)
  const finish = (route: string): void => {
    if (route.trim() !== value) onChange(route.trim())
  }
  return (
    <Autocomplete
      aria-label="Route, as in the configuration"
      placeholder="Any route"
      data={[...new Set(routes)]}
      value={text}
      onChange={setText}
      onOptionSubmit={finish}
      onBlur={() => finish(text)}
      onKeyDown={(event) => event.key === 'Enter' && finish(text)}
      rightSection={
        text === '' ? undefined : <CloseButton size="sm" aria-label="Any route" onClick={() => finish('')} />
      }
      w={{ base: '100%', xs: 185 }}
      comboboxProps={{ width: 340, position: 'bottom-start' }}
    />
  )
}

function KeyInput({ value, onChange }: { value: string; onChange: (key: string) => void }) {
  const [text, setText] = useDraft(value)
  const finish = (): void => {
    if (text.trim() !== value) onChange(text.trim())
  }
  return (
    <TextInput
      aria-label="Id of a key, for example key_01j…"
      placeholder="Any key (key_…)"
      value={text}
      // Ids alone: a key itself must not get into the address.
      onChange={(event) => setText(event.currentTarget.value)}
      error={text === '' || isKeyId(text.trim()) ? undefined : 'An id begins with key_'}
      onBlur={() => (text.trim() === '' || isKeyId(text.trim())) && finish()}
      onKeyDown={(event) => event.key === 'Enter' && (text.trim() === '' || isKeyId(text.trim())) && finish()}
      w={{ base: '100%', xs: 180 }}
    />
  )
}

const isKeyId = (text: string): boolean => /^key_[0-9a-z]{1,60}$/.test(text)
