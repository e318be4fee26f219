import { Anchor, Box, Button, Menu, Text } from '@mantine/core'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { jobsLookedAtMax } from '../../../src/store/basics.ts'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMay, useMe } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { isOneOf } from '../components/is-one-of.ts'
import { type Column, ListTable } from '../components/list-table.tsx'
import { MoreToSee, NoneMatch } from '../components/look-further.tsx'
import { Page } from '../components/page.tsx'
import { RowMenu } from '../components/row-menu.tsx'
import { Time } from '../components/time.tsx'
import { useLookFurther } from '../components/use-look-further.ts'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { CancelJob } from './jobs/cancel-job.tsx'
import { JobFilters } from './jobs/job-filters.tsx'
import { JobProgress } from './jobs/job-progress.tsx'
import { isUnderWay, type Job, jobNames, jobStatuses, jobTypes, orderedBy, tookText } from './jobs/job-words.ts'
import { NewJobDialog, NewJobMenu } from './jobs/new-job.tsx'
import { useOwners } from './keys/use-owners.ts'

/** Long work in the background: how far it is, and what came of it. */
export default function JobsPage() {
  const organizationId = useThisOrganization()
  const me = useMe()
  const [, go] = useLocation()
  const [{ dialog, type, status }, change] = useQueryState(['dialog', 'type', 'status'])
  const filter = {
    ...(isOneOf(jobTypes, type) && { type }),
    ...(isOneOf(jobStatuses, status) && { status }),
  }
  const isFiltered = Object.keys(filter).length > 0
  const isAdmin = useMay(organizationId, 'admin')
  const { members } = useOwners(organizationId)
  const [ending, setEnding] = useState<Job | undefined>(undefined)
  const pages = usePages<Job>(
    ['jobs', organizationId, filter],
    (page, signal) =>
      api.GET('/platform/organizations/{organization_id}/jobs', {
        params: { path: { organization_id: organizationId }, query: { ...page, ...filter } },
        signal,
      }),
    {
      limit,
      refetchInterval: (items, pages) => {
        // Where thousands are looked through for a page, it stays as it is.
        if (isFiltered && pages > 1) return Number.POSITIVE_INFINITY
        return items.length > 2 * limit ? 30_000 : items.some(isUnderWay) ? 1000 : 10_000
      },
    },
  )
  const look = useLookFurther(JSON.stringify([organizationId, filter]), pages, {
    ...{ limit, enabled: true, what: 'jobs', each: jobsLookedAtMax },
  })
  const nameOf = (id: string | null): string => orderedBy(id, me.id, members)
  const to = ({ id }: { id: string }): string => `/o/${organizationId}/jobs/${id}`
  const menu: Column<Job> = {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (job) =>
      isUnderWay(job) && (
        <RowMenu name={jobNames[job.type]}>
          <Menu.Item color="red" onClick={() => setEnding(job)} leftSection={<Icon name="cross" size={16} />}>
            Cancel…
          </Menu.Item>
        </RowMenu>
      ),
  }
  return (
    <Page
      title="Jobs"
      about="Work on many keys or rows at once, done in the background. It goes on when you leave this page, and after a restart of the gateway."
      actions={
        <>
          {pages.items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('jobs.csv', csvColumns, pages.items)}>
              Save as CSV
            </Button>
          )}
          {isAdmin && <NewJobMenu organizationId={organizationId} onPick={(picked) => change({ dialog: picked })} />}
        </>
      }
    >
      <JobFilters filter={filter} onChange={change} />
      <Card flush>
        <ListTable
          label="Jobs"
          pages={pages}
          columns={isAdmin && pages.items.some(isUnderWay) ? [...columns(to, nameOf), menu] : columns(to, nameOf)}
          to={to}
          ends
          empty={
            isFiltered || look.state !== 'none' ? (
              <NoneMatch title="No job matches" look={look} onClear={() => change({ type: '', status: '' })}>
                What has ended is kept for some time, and then goes.
              </NoneMatch>
            ) : (
              <Empty
                icon="jobs"
                title="No jobs yet"
                code={curl(organizationId)}
                action={
                  isAdmin && (
                    <Button onClick={() => change({ dialog: 'export-requests' })}>Export requests as a file</Button>
                  )
                }
              >
                Exports, imports, and rotating or revoking many keys are done here, step by step. What was done stands
                in a report that you can fetch for seven days.
              </Empty>
            )
          }
        />
        {pages.items.length > 0 && <MoreToSee look={look} query={pages.query} />}
      </Card>
      {isAdmin && (
        <NewJobDialog
          organizationId={organizationId}
          job={dialog}
          onClose={() => change({ dialog: '' })}
          onOrdered={(jobId) => go(to({ id: jobId }))}
        />
      )}
      {ending !== undefined && <CancelJob job={ending} onClose={() => setEnding(undefined)} />}
    </Page>
  )
}

const limit = 50

const columns = (to: (job: Job) => string, nameOf: (id: string | null) => string): readonly Column<Job>[] => [
  {
    name: 'Job',
    cell: (job) => (
      <Box>
        <Anchor component={Link} href={to(job)} size="sm" fw={500}>
          {jobNames[job.type]}
        </Anchor>
        {job.created_by !== null && (
          <Text size="xs" className="quiet">
            by {nameOf(job.created_by)}
          </Text>
        )}
      </Box>
    ),
  },
  { name: 'Status', width: 120, cell: ({ status }) => <Status of={status} /> },
  {
    name: 'Progress',
    wide: true,
    cell: (job) => (
      <Box miw={150}>
        <JobProgress job={job} />
        {job.error_message !== null && (
          <Text size="xs" c="var(--mantine-color-error)" mt={4} lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
            {job.error_message}
          </Text>
        )}
      </Box>
    ),
  },
  {
    name: 'Took',
    width: 100,
    wide: true,
    right: true,
    cell: (job) => tookText(job) ?? <span className="quiet">–</span>,
  },
  { name: 'Ordered', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
]

const curl = (organizationId: string): string =>
  `curl -X POST ${window.location.origin}/platform/organizations/${organizationId}/jobs \\
  -H "Authorization: Bearer $SALLYPORT_TOKEN" -H "Content-Type: application/json" \\
  -d '{"type": "request_export", "params": {"format": "csv"}}'`

const csvColumns: Record<string, (job: Job) => unknown> = {
  id: ({ id }) => id,
  type: ({ type }) => type,
  status: ({ status }) => status,
  progress: ({ progress }) => progress,
  total: ({ total }) => total,
  created_by: ({ created_by }) => created_by,
  error_message: ({ error_message }) => error_message,
  created_at: ({ created_at }) => created_at,
  started_at: ({ started_at }) => started_at,
  completed_at: ({ completed_at }) => completed_at,
}
