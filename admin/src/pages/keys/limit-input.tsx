import { Group, NumberInput, Select, Switch } from '@mantine/core'

export interface Limit {
  readonly on: boolean
  readonly requests: number | string
  /** As the API has it: 30s, 1m, 1h, 1d. */
  readonly per: string
}

const periods: Record<string, string> = { '1s': 'second', '1m': 'minute', '1h': 'hour', '1d': 'day', '30d': '30 days' }

export const limitFrom = (limit: { requests: number; per: string } | null): Limit =>
  limit === null ? { on: false, requests: 120, per: '1m' } : { on: true, ...limit }

export const limitOf = ({ on, requests, per }: Limit): { requests: number; per: string } | null =>
  on ? { requests: Number(requests), per } : null

export const limitText = (limit: { requests: number; per: string } | null): string =>
  limit === null ? 'none of its own' : `${limit.requests.toLocaleString('en')} per ${periods[limit.per] ?? limit.per}`

/** A rate limit of the key (or of what `label` names) itself, besides those of the routes. */
export function LimitInput({
  label = 'A rate limit of its own',
  value,
  onChange,
  error,
}: {
  label?: string
  value: Limit
  onChange: (value: Limit) => void
  error?: string | undefined
}) {
  const data = Object.entries(periods).map(([period, label]) => ({ value: period, label: `per ${label}` }))
  if (periods[value.per] === undefined) data.push({ value: value.per, label: `per ${value.per}` })
  return (
    <div>
      <Switch
        label={label}
        description="Besides the limits of the routes: whichever is reached first answers 429."
        checked={value.on}
        onChange={(event) => onChange({ ...value, on: event.currentTarget.checked })}
      />
      {value.on && (
        <Group gap="xs" mt="xs" grow align="flex-start">
          <NumberInput
            aria-label="Requests"
            min={1}
            max={1_000_000_000}
            allowDecimal={false}
            thousandSeparator=" "
            value={value.requests}
            onChange={(requests) => onChange({ ...value, requests })}
            suffix=" requests"
            error={error}
            required
          />
          <Select
            aria-label="Period"
            data={data}
            value={value.per}
            onChange={(per) => onChange({ ...value, per: per ?? '1m' })}
            allowDeselect={false}
          />
        </Group>
      )}
    </div>
  )
}
