import { Anchor, Box, Group, Skeleton, Stack, Text } from '@mantine/core'
import { Link } from 'wouter'
import { Card } from '../../components/card.tsx'
import { compact } from '../../components/chart.tsx'
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
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Anchor component={Link} href={toRequests({ code })} size="sm" className="mono" truncate>
                {code}
              </Anchor>
              <Text size="sm" className="numbers" title={requests.toLocaleString('en')} style={{ flexShrink: 0 }}>
                {compact(requests)}{' '}
                <Text span size="xs" className="quiet">
                  {percent(requests / all)}
                </Text>
              </Text>
            </Group>
            <Box h={6} mt={3} bg="var(--line)" style={{ borderRadius: 3, overflow: 'hidden' }} aria-hidden="true">
              <Box h="100%" w={`${(100 * requests) / most}%`} bg="orange.6" />
            </Box>
          </li>
        ))}
      </Stack>
    </Card>
  )
}
