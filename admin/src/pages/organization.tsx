import { Button, Group, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, whole } from '../api/client.ts'
import { useMay } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Page } from '../components/page.tsx'
import { Time } from '../components/time.tsx'
import { useThisOrganization } from '../shell/use-organization.ts'
import { DeleteOrganization } from './organization/delete-organization.tsx'
import { GeneralForm } from './organization/general-form.tsx'
import { ChangeStatus, type Organization, useMayChangeStatus } from './organizations/change-status.tsx'

/** The settings of an organization; whoever may not change them sees them. */
export default function OrganizationPage() {
  const organizationId = useThisOrganization()
  const { data, error, isError, refetch } = useQuery({
    queryKey: ['organization', organizationId, 'tagged'],
    queryFn: async ({ signal }) => {
      const { data, response } = await whole(
        api.GET('/platform/organizations/{organization_id}', {
          params: { path: { organization_id: organizationId } },
          signal,
        }),
      )
      return { organization: data, etag: response.headers.get('etag') ?? '*' }
    },
  })
  return (
    <Page
      title="Settings"
      about={data === undefined ? 'Of the organization.' : `Of the organization ${data.organization.name}.`}
      badges={data?.organization.status === 'suspended' && <Status of="suspended" />}
    >
      {isError && data === undefined ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <>
          <Skeleton h={480} />
          <Skeleton h={120} />
        </>
      ) : (
        <Stack gap="lg" maw={820} key={organizationId}>
          <Card title="General">
            <GeneralForm organization={data.organization} etag={data.etag} />
          </Card>
          <StatusCard organization={data.organization} />
          <DeleteCard organization={data.organization} />
        </Stack>
      )}
    </Page>
  )
}

function StatusCard({ organization }: { organization: Organization }) {
  const [asked, setAsked] = useState(false)
  const mayChange = useMayChangeStatus(organization)
  const isActive = organization.status === 'active'
  return (
    <Card title="Status">
      <Group justify="space-between" gap="md">
        <Stack gap={4} maw={520}>
          <Group gap="xs">
            <Status of={organization.status} />
            {organization.updated_at !== null && !isActive && (
              <Text size="xs" className="quiet" component="div">
                by {organization.suspended_by === 'root' ? 'whoever runs this gateway' : 'an owner'}, changed{' '}
                <Time at={organization.updated_at} />
              </Text>
            )}
          </Group>
          {organization.status_reason !== null && <Text size="sm">{organization.status_reason}</Text>}
          <Text size="sm" className="quiet">
            {isActive
              ? 'Suspended, every key of it is refused at once; nothing is lost, and it can go on at any time.'
              : organization.suspended_by === 'root' && !mayChange
                ? 'Its keys are refused. Only whoever runs this gateway can let it go on.'
                : 'Its keys are refused until it goes on.'}
          </Text>
        </Stack>
        {mayChange && (
          <Button variant="default" onClick={() => setAsked(true)}>
            {isActive ? 'Suspend' : 'Resume'}
          </Button>
        )}
      </Group>
      {asked && <ChangeStatus organization={organization} onClose={() => setAsked(false)} />}
    </Card>
  )
}

function DeleteCard({ organization }: { organization: Organization }) {
  const [asked, setAsked] = useState(false)
  const isOwner = useMay(organization.id, 'owner')
  if (!isOwner) return null
  return (
    <Card title="Delete the organization">
      <Group justify="space-between" gap="md">
        <Text size="sm" className="quiet" maw={520}>
          Its keys, members, workspaces and webhooks go with it, for good. To stop its keys for a while, suspend it.
        </Text>
        <Button color="red" variant="outline" onClick={() => setAsked(true)}>
          Delete
        </Button>
      </Group>
      {asked && <DeleteOrganization organization={organization} onClose={() => setAsked(false)} />}
    </Card>
  )
}
