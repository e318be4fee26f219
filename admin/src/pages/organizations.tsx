import { Anchor, Button, Menu, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMe } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { Page } from '../components/page.tsx'
import { RowMenu } from '../components/row-menu.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { limitText } from './keys/limit-input.tsx'
import { ChangeStatus, type Organization, useMayChangeStatus } from './organizations/change-status.tsx'
import { CreateOrganization } from './organizations/create-organization.tsx'

/** All organizations for root, one's own for everybody else. */
export default function OrganizationsPage() {
  const { is_root: isRoot } = useMe()
  const [{ dialog }, change] = useQueryState(['dialog'])
  const [asked, setAsked] = useState<Organization | undefined>(undefined)
  const pages = usePages(['organizations', 'list'], (query, signal) =>
    api.GET('/platform/organizations', { params: { query }, signal }),
  )
  const { items } = pages
  return (
    <Page
      title="Organizations"
      about="Keys, members and workspaces belong to an organization; what one has, no other sees."
      actions={
        <>
          {items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('organizations.csv', csvColumns, items)}>
              Save as CSV
            </Button>
          )}
          {isRoot && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Create organization
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <ListTable
          label="Organizations"
          pages={pages}
          fixed
          columns={columns(setAsked)}
          to={({ id }) => `/o/${id}`}
          empty={
            <Empty
              icon="building"
              title="No organizations yet"
              {...(isRoot && { code: 'sallyport orgs create "Acme Ltd"' })}
              action={
                isRoot && (
                  <Button component={Link} href="/welcome" mt="xs">
                    Make the first, with a key
                  </Button>
                )
              }
            >
              {isRoot
                ? 'Make one for each customer or team. Its members see and manage what is in it, and nothing else.'
                : 'Ask an owner of one to add you.'}
            </Empty>
          }
        />
      </Card>
      {isRoot && <CreateOrganization opened={dialog === 'create'} onClose={() => change({ dialog: '' })} />}
      {asked !== undefined && <ChangeStatus organization={asked} onClose={() => setAsked(undefined)} />}
    </Page>
  )
}

const columns = (onAsk: (organization: Organization) => void): readonly Column<Organization>[] => [
  {
    name: 'Name',
    cell: ({ id, name, slug }) => (
      <>
        <Anchor component={Link} href={`/o/${id}`} size="sm" fw={500} display="block" truncate title={name}>
          {name}
        </Anchor>
        <Text size="xs" className="quiet mono" truncate>
          {slug}
        </Text>
      </>
    ),
  },
  {
    name: 'Status',
    width: 132,
    cell: ({ status, status_reason }) => (
      <>
        <Status of={status} />
        {status_reason !== null && (
          <Text size="xs" className="quiet" lineClamp={2} title={status_reason}>
            {status_reason}
          </Text>
        )}
      </>
    ),
  },
  {
    name: 'Rate limit',
    width: 170,
    wide: true,
    cell: ({ rate_limit }) => (
      <span className={rate_limit === null ? 'quiet' : 'numbers'}>{limitText(rate_limit)}</span>
    ),
  },
  { name: 'Created', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (organization) => <Actions organization={organization} onAsk={() => onAsk(organization)} />,
  },
]

function Actions({ organization, onAsk }: { organization: Organization; onAsk: () => void }) {
  const mayChangeStatus = useMayChangeStatus(organization)
  const { id, name, status } = organization
  return (
    <RowMenu name={name}>
      <Menu.Item component={Link} href={`/o/${id}/keys`} leftSection={<Icon name="key" size={16} />}>
        API keys
      </Menu.Item>
      <Menu.Item component={Link} href={`/o/${id}/members`} leftSection={<Icon name="people" size={16} />}>
        Members
      </Menu.Item>
      <Menu.Item component={Link} href={`/o/${id}/settings`} leftSection={<Icon name="settings" size={16} />}>
        Settings
      </Menu.Item>
      {mayChangeStatus && (
        <>
          <Menu.Divider />
          <Menu.Item onClick={onAsk} leftSection={<Icon name={status === 'active' ? 'pause' : 'play'} size={16} />}>
            {status === 'active' ? 'Suspend' : 'Resume'}
          </Menu.Item>
        </>
      )}
    </RowMenu>
  )
}

const csvColumns: Record<string, (organization: Organization) => unknown> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  slug: ({ slug }) => slug,
  status: ({ status }) => status,
  status_reason: ({ status_reason }) => status_reason,
  rate_limit: ({ rate_limit }) => (rate_limit === null ? '' : `${rate_limit.requests} per ${rate_limit.per}`),
  created_at: ({ created_at }) => created_at,
}
