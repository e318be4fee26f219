import { Alert, Anchor, Button, Grid, Stack } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link, useParams } from 'wouter'
import { ApiError, api, ok } from '../api/client.ts'
import { useMay, useMe } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { CopyText } from '../components/copy-text.tsx'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Fact, Facts } from '../components/facts.tsx'
import { Icon } from '../components/icon.tsx'
import { Page } from '../components/page.tsx'
import { PageSkeleton } from '../components/page-skeleton.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { Outcome } from './job/outcome.tsx'
import { CancelJob } from './jobs/cancel-job.tsx'
import { JobProgress } from './jobs/job-progress.tsx'
import { isUnderWay, type JobResult, jobNames, orderedBy, tookText } from './jobs/job-words.ts'
import { useOwners } from './keys/use-owners.ts'

/** One job: how far it is by the second, and what came of it. */
export default function JobPage() {
  const organizationId = useThisOrganization()
  const { job: jobId = '' } = useParams<{ job: string }>()
  const { data, error, refetch } = useQuery({
    queryKey: ['job', organizationId, jobId],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/jobs/{job_id}', {
          params: { path: { organization_id: organizationId, job_id: jobId } },
          signal,
        }),
      ),
    refetchInterval: ({ state }) => (state.data !== undefined && isUnderWay(state.data) ? 700 : false),
  })
  if (data !== undefined) return <WithJob job={data} />
  if (error === null) return <PageSkeleton />
  if (!(error instanceof ApiError && error.status === 404)) {
    return <ErrorNote error={error} retry={() => void refetch()} />
  }
  return (
    <Empty
      icon="jobs"
      title="There is no such job"
      action={
        <Anchor component={Link} href={`/o/${organizationId}/jobs`}>
          To the jobs
        </Anchor>
      }
    >
      It is older than jobs are kept, or belongs to another organization.
    </Empty>
  )
}

function WithJob({ job }: { job: JobResult }) {
  const me = useMe()
  const client = useQueryClient()
  const [{ dialog }, change] = useQueryState(['dialog'])
  const isAdmin = useMay(job.organization_id, 'admin')
  const { members } = useOwners(job.organization_id)
  const live = isUnderWay(job)
  const { organization_id: organizationId, completed_at: finished } = job
  // What it has changed is shown elsewhere, too.
  useEffect(() => {
    if (finished === null) return
    void client.invalidateQueries({ queryKey: ['keys', organizationId] })
    void client.invalidateQueries({ queryKey: ['jobs', organizationId] })
  }, [client, finished, organizationId])
  return (
    <Page
      title={jobNames[job.type]}
      back={{ to: `/o/${organizationId}/jobs`, label: 'Jobs' }}
      badges={<Status of={job.status} />}
      actions={
        isAdmin &&
        live && (
          <Button
            variant="default"
            leftSection={<Icon name="cross" size={16} />}
            onClick={() => change({ dialog: 'cancel' })}
          >
            Cancel the job
          </Button>
        )
      }
    >
      {job.error_message !== null && (
        <Alert color="red" icon={<Icon name="warning" />} title="It did not get to its end" role="alert">
          {job.error_message}
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="lg">
            <Card title="Progress">
              <JobProgress job={job} size="lg" />
            </Card>
            <Outcome job={job} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Card title="Job">
            <Facts>
              <Fact name="Ordered">
                <Time at={job.created_at} />
              </Fact>
              <Fact name="By">{orderedBy(job.created_by, me.id, members)}</Fact>
              <Fact name="Started">
                <Time at={job.started_at} none="not yet" />
              </Fact>
              <Fact name="Finished">
                <Time at={job.completed_at} none="not yet" />
              </Fact>
              <Fact name={live ? 'Takes so far' : 'Took'}>{tookText(job) ?? <span className="quiet">–</span>}</Fact>
              <Fact name="Id">
                <CopyText text={job.id} />
              </Fact>
            </Facts>
          </Card>
        </Grid.Col>
      </Grid>
      {isAdmin && live && dialog === 'cancel' && <CancelJob job={job} onClose={() => change({ dialog: '' })} />}
    </Page>
  )
}
