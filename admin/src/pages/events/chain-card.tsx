import { Badge, Button, Group, Paper, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { CopyText } from '../../components/copy-text.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { Time } from '../../components/time.tsx'

type Verdict = Schema<'EventsVerdict'>

/** Whether the trail is as it was written: each event holds the fingerprint of the one before. For root. */
export function ChainCard() {
  const { data, error, isFetching, dataUpdatedAt, refetch } = useQuery({
    queryKey: ['events-verdict'],
    queryFn: ({ signal }) => ok(api.GET('/platform/events/verify', { signal })),
    // It reads every event there is: once, and when somebody asks.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  })
  if (error !== null && data === undefined) return <ErrorNote error={error} retry={() => void refetch()} />
  return (
    <Paper withBorder p="md" bg="var(--surface)" component="section" aria-label="The chain of events">
      <Group justify="space-between" gap="md">
        {data === undefined ? (
          <Skeleton h={44} w={420} maw="100%" />
        ) : (
          <div role="status" style={{ flex: '1 1 300px' }}>
            <Group gap="xs">
              <Badge
                color={data.valid ? 'teal' : 'red'}
                leftSection={<Icon name={data.valid ? 'check' : 'warning'} size={12} />}
              >
                {data.valid ? 'chain unbroken' : 'chain broken'}
              </Badge>
              <Text size="sm" component="div">
                {number.format(data.checked)} {data.checked === 1 ? 'event' : 'events'} checked,{' '}
                <Time at={new Date(dataUpdatedAt).toISOString()} />
              </Text>
            </Group>
            <Text size="sm" className="quiet" mt={4} component="div" style={{ overflowWrap: 'anywhere' }}>
              {data.valid ? (
                'Every event holds the fingerprint of the one before it, and all of them match: none was changed or taken out.'
              ) : (
                <Broken verdict={data} />
              )}
            </Text>
          </div>
        )}
        <Button variant="default" size="xs" loading={isFetching} onClick={() => void refetch()}>
          Check again
        </Button>
      </Group>
    </Paper>
  )
}

function Broken({ verdict: { first_bad: bad } }: { verdict: Verdict }) {
  if (bad === undefined) return 'Something does not match.'
  return (
    <>
      The first that does not match is number {number.format(bad.seq)}
      {bad.id !== null && (
        <>
          {' '}
          (<CopyText text={bad.id} />)
        </>
      )}
      : {bad.reason}. Compare the database with a backup, and see who can write to it.
    </>
  )
}

const number = new Intl.NumberFormat('en-GB')
