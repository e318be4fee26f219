import { Paper, SimpleGrid, Skeleton, Text, useComputedColorScheme } from '@mantine/core'
import { compact, roughly } from '../../components/chart.tsx'
import { colourOf, outcomes } from '../../components/series.ts'
import { Swatch } from '../../components/swatch.tsx'
import type { Bucket } from './view.ts'

/** The figures that one looks at first. */
export function Tiles({ total }: { total: Bucket | undefined }) {
  const share = (part: number | undefined): string =>
    part === undefined || !total?.requests ? '' : `${percent(part / total.requests)} of all`
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 5 }} spacing="sm" className="tiles">
      <Tile label="Requests" value={total?.requests} below={total && `${bytes(total.bytes_out)} sent`} />
      {(['denied', 'limited', 'errors'] as const).map((outcome) => (
        <Tile key={outcome} {...outcomes[outcome]} value={total?.[outcome]} below={share(total?.[outcome])} />
      ))}
      <Tile
        label="95 % took at most"
        value={total === undefined ? undefined : total.p95_ms}
        format={roughly}
        below={total?.p50_ms == null ? '' : `half of them ${roughly(total.p50_ms)}`}
      />
    </SimpleGrid>
  )
}

function Tile({
  label,
  color,
  value,
  format = compact,
  below,
}: {
  label: string
  /** Of the outcome that it counts, as in the charts. */
  color?: string
  /** undefined: not there yet; null: there is none. */
  value: number | null | undefined
  format?: (value: number) => string
  below: string | undefined
}) {
  const scheme = useComputedColorScheme('light')
  return (
    <Paper withBorder bg="var(--surface)" px="md" py="sm">
      <Text size="xs" className="quiet legend" component="div" display="flex">
        {color !== undefined && <Swatch colour={`var(${colourOf({ color }, scheme)})`} />}
        {label}
      </Text>
      {value === undefined ? (
        <Skeleton h={27} w={70} my={4} />
      ) : (
        <Text
          fz={26}
          lh="35px"
          fw={600}
          className="numbers"
          title={value === null || format !== compact ? undefined : value.toLocaleString('en')}
        >
          {value === null ? '–' : format(value)}
        </Text>
      )}
      <Text size="xs" className="quiet numbers" mih={18}>
        {below}
      </Text>
    </Paper>
  )
}

const percents = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 })
export const percent = (share: number): string => percents.format(share)

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1)
  return `${compact(value / 1000 ** power)} ${units[power]}`
}
