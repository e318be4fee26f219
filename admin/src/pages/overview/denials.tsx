import { Anchor, Box, Group, Skeleton, Stack, Text, useComputedColorScheme } from '@mantine/core'
import { Link } from 'wouter'
import { catalogue, type ErrorCode } from '../../../../src/errors.ts'
import { Card } from '../../components/card.tsx'
import { compact } from '../../components/chart.tsx'
import { colourOf, outcomes } from '../../components/series.ts'
import { percent } from './tiles.tsx'
import type { Bucket } from './view.ts'

/** Why requests were refused, the most frequent reason first. */
export function Denials({
  codes,
  toRequests,
}: {
  codes: readonly Bucket[] | undefined
  toRequests: (filter: Record<string, string>) => string
}) {
  const scheme = useComputedColorScheme('light')
  const most = Math.max(1, ...(codes ?? []).map(({ requests }) => requests))
  const all = (codes ?? []).reduce((sum, { requests }) => sum + requests, 0)
  return (
    <Card title="Why they were refused" about="A reason leads to its requests.">
      {codes === undefined && <Skeleton h={250} />}
      {codes?.length === 0 && (
        <Text size="sm" className="quiet" py="lg" ta="center">
          Nothing was refused in this time.
        </Text>
      )}
      <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
        {codes?.map(({ code = '', requests }) => (
          <li key={code}>
            <Group gap="xs" wrap="nowrap">
              <Anchor component={Link} href={toRequests({ code })} size="sm" className="mono" truncate flex={1}>
                {code}
              </Anchor>
              <Text size="sm" className="numbers" title={requests.toLocaleString('en')}>
                {compact(requests)}
              </Text>
              <Text size="xs" className="quiet numbers" w={40} ta="right">
                {percent(requests / all)}
              </Text>
            </Group>
            <Box h={6} mt={3} bg="var(--line)" style={{ borderRadius: 3, overflow: 'hidden' }} aria-hidden="true">
              <Box h="100%" w={`${(100 * requests) / most}%`} bg={`var(${colourOf(outcomeOf(code), scheme)})`} />
            </Box>
          </li>
        ))}
      </Stack>
    </Card>
  )
}

/** As they are counted in the charts. */
function outcomeOf(code: string) {
  const status = isCode(code) ? catalogue[code][0] : 403
  return status === 429 ? outcomes.limited : status >= 500 ? outcomes.errors : outcomes.denied
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code)
