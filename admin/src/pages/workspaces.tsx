import { Button, Menu, Text } from '@mantine/core'
import { useState } from 'react'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMay } from '../api/session.tsx'
import { Card } from '../components/card.tsx'
import { CopyText } from '../components/copy-text.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { Page } from '../components/page.tsx'
import { RowMenu } from '../components/row-menu.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { DeleteWorkspace } from './workspaces/delete-workspace.tsx'
import { CreateWorkspace, EditWorkspace, type Workspace } from './workspaces/workspace-form.tsx'

/** Parts of an organization that a key is let into one by one. */
export default function WorkspacesPage() {
  const organizationId = useThisOrganization()
  const [{ dialog, edit }, change] = useQueryState(['dialog', 'edit'])
  const isAdmin = useMay(organizationId, 'admin')
  const [ending, setEnding] = useState<Workspace | undefined>(undefined)
  const pages = usePages(['workspaces', organizationId], (query, signal) =>
    api.GET('/platform/organizations/{organization_id}/workspaces', {
      params: { path: { organization_id: organizationId }, query },
      signal,
    }),
  )
  const menu: Column<Workspace> = {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (workspace) => (
      <RowMenu name={workspace.name}>
        <Menu.Item onClick={() => change({ edit: workspace.id })} leftSection={<Icon name="pencil" size={16} />}>
          Edit
        </Menu.Item>
        <Menu.Item color="red" onClick={() => setEnding(workspace)} leftSection={<Icon name="trash" size={16} />}>
          Delete…
        </Menu.Item>
      </RowMenu>
    ),
  }
  return (
    <Page
      title="Workspaces"
      about="Projects, tenants or teams inside your API. A route that names one in its path lets a key through only where the key has a grant for it."
      actions={
        <>
          {pages.items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('workspaces.csv', csvColumns, pages.items)}>
              Save as CSV
            </Button>
          )}
          {isAdmin && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Create workspace
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <ListTable
          label="Workspaces"
          pages={pages}
          fixed
          columns={isAdmin ? [...columns, menu] : columns}
          empty={
            <Empty
              icon="box"
              title="No workspaces yet"
              code='sallyport workspaces create "Website" --org acme --external-id prj_42'
              action={isAdmin && <Button onClick={() => change({ dialog: 'create' })}>Create the first one</Button>}
            >
              Routes that name a workspace in their path need them; others do without. Make one for each project of your
              API that shall be kept apart, with the id that your API has for it:
            </Empty>
          }
        />
      </Card>
      {isAdmin && (
        <>
          <CreateWorkspace
            organizationId={organizationId}
            opened={dialog === 'create'}
            onClose={() => change({ dialog: '' })}
          />
          <EditWorkspace organizationId={organizationId} workspaceId={edit} onClose={() => change({ edit: '' })} />
        </>
      )}
      {ending !== undefined && <DeleteWorkspace workspace={ending} onClose={() => setEnding(undefined)} />}
    </Page>
  )
}

const columns: readonly Column<Workspace>[] = [
  {
    name: 'Name',
    cell: ({ name }) => (
      <Text size="sm" fw={500} truncate title={name}>
        {name}
      </Text>
    ),
  },
  {
    name: 'External id',
    width: 220,
    wide: true,
    cell: ({ external_id }) =>
      external_id === null ? <span className="quiet">none</span> : <CopyText text={external_id} truncate />,
  },
  {
    name: 'Id',
    width: 160,
    cell: ({ id }) => <CopyText text={id} shown={`${id.slice(0, 7)}…${id.slice(-4)}`} />,
  },
  { name: 'Made', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
]

const csvColumns: Record<string, (workspace: Workspace) => unknown> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  external_id: ({ external_id }) => external_id,
  created_at: ({ created_at }) => created_at,
  updated_at: ({ updated_at }) => updated_at,
}
