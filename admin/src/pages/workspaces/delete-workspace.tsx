import { Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { api, ok } from '../../api/client.ts'
import { Confirm } from '../../components/confirm.tsx'
import { typedFor } from '../keys/masked.tsx'
import { useWorkspacesChanged, type Workspace } from './workspace-form.tsx'

/** Takes a workspace away, with every grant of it. */
export function DeleteWorkspace({
  workspace: { id, organization_id, name },
  onClose,
}: {
  workspace: Workspace
  onClose: () => void
}) {
  const changed = useWorkspacesChanged(organization_id)
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Delete “${name}”?`}
      action="Delete workspace"
      typed={typedFor(name, 'delete')}
      run={async () => {
        const path = { organization_id, workspace_id: id }
        await ok(
          api.DELETE('/platform/organizations/{organization_id}/workspaces/{workspace_id}', { params: { path } }),
        )
        notifications.show({ message: `${name} is deleted.` })
        await changed()
      }}
    >
      <Text size="sm">
        Every grant for it goes, too: keys that reach it, or are bound to it, are refused there from the next request
        on. The keys themselves stay. What your API keeps under this id is not touched.
      </Text>
    </Confirm>
  )
}
