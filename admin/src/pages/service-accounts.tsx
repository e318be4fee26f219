import { Anchor, Button, Menu, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { Link } from 'wouter'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { rolesUpTo, useMay, useRole } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { Page } from '../components/page.tsx'
import { RoleBadge } from '../components/role.tsx'
import { RowMenu } from '../components/row-menu.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import {
  CreateAccount,
  EditAccount,
  type ServiceAccount,
  useAccountsChanged,
} from './service-accounts/account-form.tsx'
import { SwitchOff, useSwitch } from './service-accounts/switch-off.tsx'

/** Identities of systems, which own keys. */
export default function ServiceAccountsPage() {
  const organizationId = useThisOrganization()
  const [{ dialog, edit }, change] = useQueryState(['dialog', 'edit'])
  const isAdmin = useMay(organizationId, 'admin')
  const roles = rolesUpTo(useRole(organizationId))
  const [ending, setEnding] = useState<ServiceAccount | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const turn = useSwitch()
  const changed = useAccountsChanged(organizationId)
  const pages = usePages(['service-accounts', organizationId], (query, signal) =>
    api.GET('/platform/organizations/{organization_id}/service-accounts', {
      params: { path: { organization_id: organizationId }, query },
      signal,
    }),
  )
  const switchOn = async (account: ServiceAccount): Promise<void> => {
    setError(undefined)
    try {
      await turn(account, true)
      notifications.show({ message: `${account.name} is on: its keys work again.` })
    } catch (refusal) {
      setError(refusal)
    }
    await changed()
  }
  const menu: Column<ServiceAccount> = {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (account) =>
      roles.includes(account.role) ? (
        <AccountMenu
          account={account}
          onEdit={() => change({ edit: account.id })}
          onSwitch={() => (account.is_active ? setEnding(account) : void switchOn(account))}
        />
      ) : (
        <span className="quiet">above you</span>
      ),
  }

  return (
    <Page
      title="Service accounts"
      about="A system of yours, such as a deploy bot or a nightly job. Its keys belong to it and not to a person, so they go on working when people leave."
      actions={
        <>
          {pages.items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('service-accounts.csv', csvColumns, pages.items)}>
              Save as CSV
            </Button>
          )}
          {isAdmin && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Create account
            </Button>
          )}
        </>
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      <Card flush>
        <ListTable
          label="Service accounts"
          pages={pages}
          fixed
          columns={isAdmin ? [...columns, menu] : columns}
          empty={
            <Empty
              icon="robot"
              title="No service accounts yet"
              code={curl(organizationId)}
              action={isAdmin && <Button onClick={() => change({ dialog: 'create' })}>Create the first one</Button>}
            >
              Make one for each system that calls your API, then make its keys under API keys. Switched off, all of its
              keys are refused at once.
            </Empty>
          }
        />
      </Card>
      {isAdmin && (
        <>
          <CreateAccount
            organizationId={organizationId}
            opened={dialog === 'create'}
            onClose={() => change({ dialog: '' })}
          />
          <EditAccount organizationId={organizationId} accountId={edit} onClose={() => change({ edit: '' })} />
        </>
      )}
      {ending !== undefined && <SwitchOff account={ending} onClose={() => setEnding(undefined)} />}
    </Page>
  )
}

const columns: readonly Column<ServiceAccount>[] = [
  {
    name: 'Name',
    cell: ({ name, slug, description }) => (
      <>
        <Text size="sm" fw={500} truncate title={name}>
          {name}
        </Text>
        <Text size="xs" className="quiet" lineClamp={2} title={description}>
          {description === '' ? <span className="mono">{slug}</span> : description}
        </Text>
      </>
    ),
  },
  { name: 'Role', width: 110, wide: true, cell: ({ role }) => <RoleBadge role={role} /> },
  { name: 'Status', width: 100, cell: ({ is_active }) => <Status of={is_active ? 'active' : 'inactive'} /> },
  {
    name: 'Keys',
    width: 100,
    wide: true,
    cell: ({ id, organization_id, name }) => (
      <Anchor
        component={Link}
        href={`/o/${organization_id}/keys?owner=${id}`}
        size="sm"
        aria-label={`Its keys: ${name}`}
      >
        Its keys
      </Anchor>
    ),
  },
  { name: 'Changed', width: 140, wide: true, cell: ({ updated_at }) => <Time at={updated_at} /> },
]

function AccountMenu({
  account: { name, is_active },
  onEdit,
  onSwitch,
}: {
  account: ServiceAccount
  onEdit: () => void
  onSwitch: () => void
}) {
  return (
    <RowMenu name={name}>
      <Menu.Item onClick={onEdit} leftSection={<Icon name="pencil" size={16} />}>
        Edit
      </Menu.Item>
      <Menu.Item
        onClick={onSwitch}
        color={is_active ? 'red' : undefined}
        leftSection={<Icon name={is_active ? 'pause' : 'play'} size={16} />}
      >
        {is_active ? 'Switch off…' : 'Switch on'}
      </Menu.Item>
    </RowMenu>
  )
}

const curl = (organizationId: string): string =>
  `curl -X POST ${window.location.origin}/platform/organizations/${organizationId}/service-accounts \\
  -H "Authorization: Bearer $SALLYPORT_TOKEN" -H "Content-Type: application/json" \\
  -d '{"name": "Deploy bot", "role": "engineer"}'`

const csvColumns: Record<string, (account: ServiceAccount) => unknown> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  slug: ({ slug }) => slug,
  description: ({ description }) => description,
  role: ({ role }) => role,
  is_active: ({ is_active }) => is_active,
  created_at: ({ created_at }) => created_at,
  updated_at: ({ updated_at }) => updated_at,
}
