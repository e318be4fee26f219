import { Group, Select, TextInput } from '@mantine/core'

export interface Range {
  /** One of the presets, or empty. */
  readonly range: string
  /** Exact times, or empty. */
  readonly since: string
  readonly until: string
}

const presets: Readonly<Record<string, readonly [label: string, minutes: number]>> = {
  '15m': ['Last 15 minutes', 15],
  '1h': ['Last hour', 60],
  '24h': ['Last 24 hours', 24 * 60],
  '7d': ['Last 7 days', 7 * 24 * 60],
  '30d': ['Last 30 days', 30 * 24 * 60],
}

/** In the words of the API. */
export function rangeQuery({ range, since, until }: Range): { since?: string; until?: string } {
  const [, minutes] = presets[range] ?? []
  if (minutes !== undefined) return { since: new Date(Date.now() - minutes * 60_000).toISOString() }
  return { ...(isTime(since) && { since: iso(since) }), ...(isTime(until) && { until: iso(until) }) }
}

/** A time range: since some minutes ago, or between two moments. */
export function TimeRange({ range, since, until, onChange }: Range & { onChange: (range: Range) => void }) {
  const isExact = since !== '' || until !== ''
  return (
    <>
      <Select
        aria-label="Time"
        placeholder="Any time"
        data={[
          ...Object.entries(presets).map(([value, [label]]) => ({ value, label })),
          { value: 'exact', label: 'Exact times' },
        ]}
        value={isExact ? 'exact' : presets[range] === undefined ? null : range}
        onChange={(next) =>
          onChange(
            next === 'exact'
              ? { range: '', since: new Date(Date.now() - 3_600_000).toISOString(), until: '' }
              : { range: next ?? '', since: '', until: '' },
          )
        }
        clearable
        w={{ base: 'calc(50% - 5px)', xs: 155 }}
      />
      {isExact && (
        <Group gap="xs" w={{ base: '100%', xs: 'auto' }}>
          <Moment label="From" at={since} onChange={(at) => onChange({ range: '', since: at, until })} />
          <Moment label="To" at={until} onChange={(at) => onChange({ range: '', since, until: at })} />
        </Group>
      )}
    </>
  )
}

/** Of the clock of whoever looks; the address has it in UTC. */
function Moment({ label, at, onChange }: { label: string; at: string; onChange: (at: string) => void }) {
  return (
    <TextInput
      type="datetime-local"
      step={1}
      aria-label={`${label}, in your own time`}
      leftSection={<span className="quiet">{label}</span>}
      leftSectionWidth={48}
      value={isTime(at) ? local(at) : ''}
      onChange={(event) => {
        const { value } = event.currentTarget
        onChange(isTime(value) ? iso(value) : '')
      }}
      w={{ base: '100%', xs: 265 }}
    />
  )
}

const isTime = (text: string): boolean => text !== '' && Number.isFinite(Date.parse(text))
const iso = (text: string): string => new Date(text).toISOString()
const local = (text: string): string => {
  const at = new Date(text)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
