import { Group, Paper, Text, UnstyledButton } from '@mantine/core'
import { Swatch } from './swatch.tsx'

/** Which colour is what; a click hides a part and shows it again. */
export function ChartLegend({
  series,
  hidden,
  onChange,
}: {
  series: readonly { readonly label: string; readonly colour: string }[]
  hidden: ReadonlySet<string>
  onChange: (hidden: ReadonlySet<string>) => void
}) {
  const turn = (label: string): void => {
    const next = new Set(hidden)
    if (!next.delete(label)) next.add(label)
    // Without any there is nothing to see: then it is all of them again.
    onChange(next.size === series.length ? new Set() : next)
  }
  return (
    <Group gap="md" mt="xs">
      {series.map(({ label, colour }) => (
        <UnstyledButton
          key={label}
          onClick={() => turn(label)}
          aria-pressed={!hidden.has(label)}
          className="legend"
          title={hidden.has(label) ? 'Show' : 'Hide'}
        >
          <Swatch colour={hidden.has(label) ? 'var(--line)' : colour} />
          {label}
        </UnstyledButton>
      ))}
    </Group>
  )
}

/** The figures of the moment that somebody points at, beside it. */
export function ChartTooltip({
  at,
  step,
  left,
  width,
  isSum,
  figures,
  format,
}: {
  at: number | undefined
  step: number
  left: number
  width: number
  isSum: boolean
  figures: readonly { readonly label: string; readonly colour: string; readonly value: number | null }[]
  format: (value: number) => string
}) {
  if (at === undefined) return null
  const isRight = left > width / 2
  const all = figures.reduce((sum, { value }) => sum + (value ?? 0), 0)
  return (
    <Paper
      withBorder
      shadow="md"
      px="sm"
      py={6}
      className="chart-tooltip"
      style={isRight ? { right: width - left + 12 } : { left: left + 12 }}
      aria-hidden
    >
      <Text size="xs" fw={600} mb={2}>
        {spanText(at, step)}
      </Text>
      {figures.map(({ label, colour, value }) => (
        <Line key={label} label={label} colour={colour} value={value === null ? '–' : format(value)} />
      ))}
      {isSum && figures.length > 1 && <Line label="All" value={format(all)} />}
    </Paper>
  )
}

const Line = ({ label, colour, value }: { label: string; colour?: string; value: string }) => (
  <Group justify="space-between" gap="md" wrap="nowrap">
    <span className="legend">
      <Swatch colour={colour ?? 'transparent'} />
      {label}
    </span>
    <Text size="xs" className="numbers">
      {value}
    </Text>
  </Group>
)

/** From when to when; a day or more by its date alone. */
function spanText(at: number, step: number): string {
  const from = at * 1000
  if (step >= 86_400) return day.format(from)
  return `${day.format(from)}, ${clock.format(from)} – ${clock.format(from + step * 1000)}`
}

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
