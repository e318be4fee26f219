import { Paper, SimpleGrid, Skeleton, Text } from '@mantine/core'
import { compact } from '../../components/chart.tsx'
import type { Bucket } from './view.ts'

/** The figures that one looks at first. */
export function Tiles({ total }: { total: Bucket | undefined }) {
  const share = (part: number | undefined): string =>
    part === undefined || !total?.requests ? '' : `${percent(part / total.requests)} of all`
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 5 }} spacing="sm" className="tiles">
      <Tile name="Requests" value={total?.requests} below={total && `${bytes(total.bytes_out)} sent`} />
      <Tile name="Denied" value={total?.denied} below={share(total?.denied)} />
      <Tile name="Over a limit" value={total?.limited} below={share(total?.limited)} />
      <Tile name="Errors" value={total?.errors} below={share(total?.errors)} isBad={(total?.errors ?? 0) > 0} />
      <Tile
        name="95 % took at most"
        value={total === undefined ? undefined : total.p95_ms}
        unit=" ms"
        below={total?.p50_ms == null ? '' : `half of them ${compact(total.p50_ms)} ms`}
      />
    </SimpleGrid>
  )
}

function Tile({
  name,
  value,
  unit = '',
  below,
  isBad = false,
}: {
  name: string
  /** undefined: not there yet; null: there is none. */
  value: number | null | undefined
  unit?: string
  below: string | undefined
  isBad?: boolean
}) {
  return (
    <Paper withBorder bg="var(--surface)" px="md" py="sm">
      <Text size="xs" className="quiet">
        {name}
      </Text>
      {value === undefined ? (
        <Skeleton h={27} w={70} my={4} />
      ) : (
        <Text
          fz={26}
          lh="35px"
          fw={600}
          className="numbers"
          c={isBad ? 'var(--warn)' : undefined}
          title={value === null ? undefined : `${value.toLocaleString('en')}${unit}`}
        >
          {value === null ? '–' : `${compact(value)}${unit}`}
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
