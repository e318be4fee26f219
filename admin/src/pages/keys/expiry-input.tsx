import { Group, NumberInput, Select, Text } from '@mantine/core'
import { exactTime } from '../../components/time.tsx'

const choices = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: 'custom', label: 'Another number of days' },
  { value: 'never', label: 'Never' },
]

export interface Expiry {
  readonly choice: string
  readonly days: number | string
}

/** null: never. */
export const daysOf = ({ choice, days }: Expiry): number | null =>
  choice === 'never' ? null : Number(choice === 'custom' ? days : choice)

/** When a key ends, as a number of days; says which day that is. */
export function ExpiryInput({
  value,
  onChange,
  error,
}: {
  value: Expiry
  onChange: (value: Expiry) => void
  error?: string | undefined
}) {
  const days = daysOf(value)
  return (
    <div>
      <Group align="flex-start" gap="xs" grow>
        <Select
          label="Expires"
          data={choices}
          value={value.choice}
          onChange={(choice) => onChange({ ...value, choice: choice ?? '90' })}
          allowDeselect={false}
          error={value.choice === 'custom' ? undefined : error}
        />
        {value.choice === 'custom' && (
          <NumberInput
            label="Days"
            min={1}
            max={3650}
            allowDecimal={false}
            value={value.days}
            onChange={(days) => onChange({ ...value, days })}
            error={error}
            required
          />
        )}
      </Group>
      <Text size="xs" className="quiet" mt={4}>
        {days === null
          ? 'A key without an end works until somebody revokes it.'
          : days >= 1 && days <= 3650
            ? `It ends on ${exactTime(new Date(Date.now() + days * 86_400_000).toISOString())}.`
            : 'From 1 to 3650 days.'}
      </Text>
    </div>
  )
}
