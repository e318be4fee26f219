import { ActionIcon, Anchor, Group, Paper, Progress, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link } from 'wouter'
import { api, ok, type Schema } from '../../api/client.ts'
import { Status } from '../../components/badges.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'

type Job = Schema<'JobResultRecord'>

const names: Record<Job['type'], string> = {
  key_import: 'Importing keys',
  key_export: 'Exporting keys',
  bulk_revoke: 'Revoking keys',
  bulk_rotate: 'Rotating keys',
  secret_rotation: 'Encrypting secrets anew',
  request_export: 'Exporting requests',
}

/** How far the job is that was ordered here. */
export function JobStrip({
  organizationId,
  jobId,
  onClose,
}: {
  organizationId: string
  jobId: string
  onClose: () => void
}) {
  const client = useQueryClient()
  const { data: job, error } = useQuery({
    queryKey: ['job', organizationId, jobId],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/jobs/{job_id}', {
          params: { path: { organization_id: organizationId, job_id: jobId } },
          signal,
        }),
      ),
    refetchInterval: ({ state }) => (isUnderWay(state.data) ? 700 : false),
  })
  const finished = job?.completed_at
  // biome-ignore lint/correctness/useExhaustiveDependencies: when it is finished, the list shows what came of it
  useEffect(() => {
    if (finished) void client.invalidateQueries({ queryKey: ['keys', organizationId] })
  }, [finished])

  if (error !== null) return <ErrorNote error={error} />
  const href = `/o/${organizationId}/jobs/${jobId}`
  return (
    <Paper withBorder p="sm" bg="var(--surface)" mih={64}>
      <Group justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
        <Group gap="xs" role="status">
          {job !== undefined && (
            <>
              <Text size="sm" fw={600}>
                {names[job.type]}
              </Text>
              <Status of={job.status} />
              <Text size="sm" className="quiet numbers">
                {progressText(job)}
              </Text>
            </>
          )}
        </Group>
        <Group gap="xs" wrap="nowrap">
          {job?.result?.output !== undefined && (
            <Anchor size="sm" href={`/platform/organizations/${organizationId}/jobs/${jobId}/output`} download>
              {job.type === 'key_export' ? 'Download' : 'Report'}
            </Anchor>
          )}
          <Anchor component={Link} href={href} size="sm">
            The job
          </Anchor>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={onClose} aria-label="Put this away">
            <Icon name="cross" size={14} />
          </ActionIcon>
        </Group>
      </Group>
      <Progress
        mt="xs"
        size="sm"
        value={job === undefined ? 0 : percent(job)}
        color={job?.status === 'failed' ? 'red' : undefined}
        animated={isUnderWay(job)}
        aria-label="Progress of the job"
      />
    </Paper>
  )
}

const isUnderWay = (job: Job | undefined): boolean => job === undefined || job.completed_at === null

const percent = ({ progress, total, completed_at }: Job): number =>
  completed_at !== null ? 100 : total === null || total === 0 ? 5 : (progress / total) * 100

function progressText({ progress, total, error_message, result, completed_at }: Job): string {
  if (error_message !== null) return error_message
  if (completed_at === null) return total === null ? `${progress} so far` : `${progress} of ${total}`
  const counts = Object.entries(result ?? {}).filter(([, value]) => typeof value === 'number')
  const said = counts.filter(([name]) => name !== 'bytes').map(([name, value]) => `${value} ${name}`)
  return said.length > 0 ? said.join(', ') : `${progress} done`
}
